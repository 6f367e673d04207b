-- Sales for wrk, each with an id of its own.
-- Arguments: body with a hole {sale}, secret, prefix of the ids

local head, before, behind, prefix

counter = 0

function setup(thread)
	bench_thread = thread
end

function init(args)
	local body = args[1]
	local from, to = body:find("%7Bsale%7D", 1, true)

	before, behind = body:sub(1, from - 1), body:sub(to + 1)
	prefix = args[3]
	head = "POST /webhooks/gumroad?secret=" .. args[2] .. " HTTP/1.1\r\n"
	    .. "Host: 127.0.0.1\r\n"
	    .. "Content-Type: application/x-www-form-urlencoded\r\n"
	    .. "Content-Length: " .. #before + #prefix + 8 + #behind
	    .. "\r\n\r\n"
end

function request()
	counter = counter + 1
	return head .. before .. prefix .. string.format("%08d", counter)
	    .. behind
end

function done(summary, latency)
	local errors = summary.errors

	print(string.format('bench {"count": %d, "seconds": %.6f, '
	    .. '"p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, '
	    .. '"refused": %d, "broken": %d}',
	    summary.requests, summary.duration / 1e6,
	    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
	    latency.max / 1e3, errors.status,
	    errors.connect + errors.read + errors.write + errors.timeout))
end
