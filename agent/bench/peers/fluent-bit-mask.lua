-- Hides the five secrets of an event, and its e-mail addresses.
local hidden = "***"

local function hide(object, key)
  if type(object) == "table" and object[key] ~= nil then
    object[key] = hidden
  end
end

local function at(object, key)
  if type(object) == "table" then
    return object[key]
  end
end

function mask(tag, timestamp, record)
  local request = record["http_request"]
  local body, headers = at(request, "body"), at(request, "headers")
  local plugins = at(body, "plugins")
  hide(headers, "X-API-KEY")
  hide(headers, "Authorization")
  hide(at(plugins, "key-auth"), "key")
  hide(at(plugins, "basic-auth"), "password")
  hide(record["operator"], "email")
  local desc = at(body, "desc")
  if type(desc) == "string" then
    body["desc"] = string.gsub(desc, "[%w._+-]+@[%w-]+%.[%w.]+", hidden)
  end
  local seconds = record["event_time"] / 1000
  record["event_time"] = nil
  return 1, seconds, record
end
