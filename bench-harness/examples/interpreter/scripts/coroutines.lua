-- Two sides that hand control to each other.
local function producer(n)
  return coroutine.create(function()
    for i = 1, n do coroutine.yield(i, i * i) end
    return "end"
  end)
end

local co, sum = producer(SIZE or 1000), 0
while true do
  local ok, a, b = coroutine.resume(co)
  assert(ok)
  if a == "end" then break end
  sum = sum + a + b
end
print(sum, coroutine.status(co), coroutine.resume(co))

local generate = coroutine.wrap(function(a, b)
  print("begins with", a, b)
  print("got", coroutine.yield(a + b))
  print("got", coroutine.yield(a * b))
  return "done"
end)
print(generate(3, 4))
print(generate("x"))
print(generate("y", "z"))

print(coroutine.isyieldable(), select(2, coroutine.running()))
print(coroutine.resume(coroutine.create(function() error("inside") end)))
print(type(select(2, coroutine.resume(coroutine.create(function() error({}) end)))))
print(pcall(coroutine.wrap(function() error("wrapped") end)))
print(select(2, pcall(coroutine.yield, 1)))

-- Through protected calls and metamethods.
local t = setmetatable({}, { __index = function(_, key) return coroutine.yield(key) end })
local through = coroutine.wrap(function()
  local ok, value = pcall(function() return t.name .. "!" end)
  return ok, value
end)
print(through(), through("given"))

-- Coroutines inside each other.
local function walk(tree)
  if tree then
    walk(tree[1])
    coroutine.yield(tree[2])
    walk(tree[3])
  end
end
local tree = { { nil, 1, nil }, 2, { { nil, 3, nil }, 4, nil } }
local values = {}
for value in coroutine.wrap(function() walk(tree) end) do values[#values + 1] = value end
print(table.concat(values, " "))
local inner
inner = function(depth)
  if depth == 0 then return "bottom" end
  return coroutine.wrap(inner)(depth - 1)
end
print(inner(100))
