-- Weak tables: what they keep, and what not. Work is done in functions, so that no register keeps anything by accident.
local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

local strong = {}
local by_key = setmetatable({}, { __mode = "k" })
local by_value = setmetatable({}, { __mode = "v" })
local both = setmetatable({}, { __mode = "kv" })

local function fill()
  for i = 1, 10 do
    local object = { i }
    if i % 2 == 0 then strong[#strong + 1] = object end
    by_key[object] = "value " .. i
    by_value[i] = object
    both[object] = object
  end
  by_key.name, by_key[1], by_value.name = "texts stay", "numbers too", "texts stay"
end
fill()
collectgarbage()
print(count(by_key), count(by_value), count(both), by_key[strong[1]], by_value[2] == strong[1], by_value[1])

-- An ephemeron: the value leads back to its key, and does not keep it.
local function cycle()
  local key = {}
  by_key[key] = { back = key }
end
for _ = 1, 20 do cycle() end
collectgarbage()
collectgarbage()
print(count(by_key))

-- A cache that forgets.
local made = 0
local cache = setmetatable({}, { __mode = "v" })
local function get(name)
  local value = cache[name]
  if not value then
    made = made + 1
    value = { name = name }
    cache[name] = value
  end
  return value
end
local kept = get("kept")
get("dropped")
collectgarbage()
get("dropped")
print(made, get("kept") == kept)

strong = nil
collectgarbage()
print(count(by_key), count(by_value), count(both))
setmetatable(by_value, nil)
print(by_value.name)
