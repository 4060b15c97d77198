-- wrk's requests for the media route: 512 bodies made beforehand, so that making them costs the client nothing; and what
-- it found, as one line of JSON. Arguments: "close" for a connection a request, and a body to send in place of those.
local requests, at = {}, 0

function init(args)
   local headers = { ["Content-Type"] = "application/json" }
   if args[1] == "close" then headers["Connection"] = "close" end
   math.randomseed(os.time())
   for i = 1, 512 do
      local hash = {}
      for j = 1, 32 do hash[j] = string.format("%02x", math.random(0, 255)) end
      local body = string.format('{"payload":{"media_hash":"%s","metadata":"%s %d"}}', table.concat(hash),
         string.rep("a picture taken on a Sunday, ", 3), i)
      if args[2] then body = args[2] end
      requests[i] = wrk.format("POST", "/process_data", headers, body)
   end
end

function request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format('{"requests":%d,"duration_us":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,' ..
      '"p50_us":%d,"p90_us":%d,"p99_us":%d,"p999_us":%d,"max_us":%d}\n', summary.requests, summary.duration, e.connect,
      e.read, e.write, e.status, e.timeout, latency:percentile(50), latency:percentile(90), latency:percentile(99),
      latency:percentile(99.9), latency.max))
end
