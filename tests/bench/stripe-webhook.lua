-- Signed customer.subscription.updated events for wrk. One after the other
-- goes through all subscriptions in scattered order and turns each from active
-- to past_due or back, so that every event changes three tables.
--
-- Arguments: template, secret, subscriptions, epoch, first
--   epoch   an even time; that of the events of the n-th pass is epoch + n
--   first   the number of the first event; the run before says it in "next"

local ffi = require("ffi")

ffi.cdef([[
const void *EVP_sha256(void);
unsigned char *HMAC(const void *digest, const void *key, int key_len,
    const unsigned char *data, size_t data_len, unsigned char *mac,
    unsigned int *mac_len);
]])

local HEAD = "POST /webhooks/stripe HTTP/1.1\r\n"
    .. "Host: 127.0.0.1\r\n"
    .. "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
    .. "Accept: */*\r\n"
    .. "Content-Type: application/json; charset=utf-8\r\n"
    .. "Stripe-Signature: t=%s,v1=%s\r\n"
    .. "Content-Length: %d\r\n\r\n"
local NO_MAC = string.rep("0", 64)
local STRIDE = 7919 -- has no divisor in common with the number of subscriptions
local HEX = "0123456789abcdef"
local DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

-- What stands in a hole of the template, all of one width.
local BLANK = {
	event = string.rep("0", 28),
	created = string.rep("0", 10),
	number = string.rep("0", 7),
	status = string.rep(" ", 10),
	previous = string.rep(" ", 10),
}
local STATUS = { [0] = '"active"  ', '"past_due"' }

local crypto, digest, secret, subscriptions, epoch
local holes = {}
local message, message_len -- "t." and the body: what is signed
local request_text, t_at, mac_at, body_at, request_len
local body_len
local mac, mac_len
local prefix, prefix_second

counter = 0 -- global: done() reads it

-- fill blanks, note where they are
local function read_template(path)
	local file = assert(io.open(path))
	local text, places = file:read("*a"), {}

	file:close()
	while true do
		local from, to, name = text:find("{(%l+)}")
		if not from then
			return text, places
		end
		text = text:sub(1, from - 1) .. BLANK[name] .. text:sub(to + 1)
		places[#places + 1] = { name, from - 1 }
	end
end

-- the beginning of an id: as Stripe's, in the order of time
local function id_prefix(second)
	local time = ""

	for _ = 1, 5 do
		local digit = second % 62
		time = DIGITS:sub(digit + 1, digit + 1) .. time
		second = (second - digit) / 62
	end
	return "evt_1" .. time .. "SmB"
end

function setup(thread)
	bench_thread = thread
end

function init(args)
	local body, places = read_template(args[1])
	local head = HEAD:format(BLANK.created, NO_MAC, #body)

	crypto = ffi.load("libcrypto.so.3")
	digest = crypto.EVP_sha256()
	secret = args[2]
	subscriptions = tonumber(args[3])
	epoch = tonumber(args[4])
	counter = tonumber(args[5])
	math.randomseed(os.time())

	body_len = #body
	message_len = 11 + #body
	message = ffi.new("unsigned char[?]", message_len)
	ffi.copy(message, BLANK.created .. "." .. body, message_len)
	for _, place in ipairs(places) do
		holes[place[1]] = holes[place[1]] or {}
		table.insert(holes[place[1]], message + 11 + place[2])
	end

	request_len = #head + #body
	request_text = ffi.new("unsigned char[?]", request_len)
	ffi.copy(request_text, head .. body, request_len)
	t_at = request_text + select(2, head:find("Signature: t=", 1, true))
	mac_at = request_text + select(2, head:find(",v1=", 1, true))
	body_at = request_text + #head
	mac = ffi.new("unsigned char[32]")
	mac_len = ffi.new("unsigned int[1]")
end

local function fill(name, text)
	local places = holes[name]

	for i = 1, #places do
		ffi.copy(places[i], text, #text)
	end
end

local function hex(to, bytes)
	for i = 0, 31 do
		local byte = bytes[i]
		to[2 * i] = HEX:byte(bit.rshift(byte, 4) + 1)
		to[2 * i + 1] = HEX:byte(bit.band(byte, 15) + 1)
	end
end

function request()
	local now = os.time()
	local pass = math.floor(counter / subscriptions)

	if now ~= prefix_second then
		prefix_second = now
		prefix = id_prefix(now)
		ffi.copy(message, tostring(now), 10)
		ffi.copy(t_at, tostring(now), 10)
	end
	fill("event", string.format("%s%07d%08d", prefix,
	    math.random(0, 9999999), counter))
	fill("created", string.format("%d", epoch + pass))
	fill("number", string.format("%07d",
	    counter * STRIDE % subscriptions))
	fill("status", STATUS[pass % 2])
	fill("previous", STATUS[(pass + 1) % 2])
	counter = counter + 1

	crypto.HMAC(digest, secret, #secret, message, message_len, mac, mac_len)
	hex(mac_at, mac)
	ffi.copy(body_at, message + 11, body_len)
	return ffi.string(request_text, request_len)
end

function done(summary, latency)
	local errors = summary.errors

	print(string.format('bench {"count": %d, "seconds": %.6f, '
	    .. '"p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "next": %d, '
	    .. '"refused": %d, "broken": %d}',
	    summary.requests, summary.duration / 1e6,
	    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
	    latency.max / 1e3, bench_thread:get("counter"),
	    errors.status,
	    errors.connect + errors.read + errors.write + errors.timeout))
end
