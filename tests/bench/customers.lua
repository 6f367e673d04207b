-- Requests of many customers for wrk, one after the other.
--
-- Arguments: file, method, path, body
--   file    a bearer token a line
--   body    as JSON; "" for none

local requests, last = {}, 0

function init(arguments)
	local file, method, path, body = unpack(arguments)

	for token in io.lines(file) do
		requests[#requests + 1] = wrk.format(method, path, {
			["Host"] = "127.0.0.1",
			["Authorization"] = "Bearer " .. token,
			["Content-Type"] = "application/json",
		}, body ~= "" and body or nil)
	end
end

function request()
	last = last % #requests + 1
	return requests[last]
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
