-- Classes, inheritance and operators out of metatables.
local Vector = {}
Vector.__index = Vector
Vector.__name = "Vector"
local function vector(x, y) return setmetatable({ x = x, y = y }, Vector) end
function Vector.__add(a, b) return vector(a.x + b.x, a.y + b.y) end
function Vector.__mul(a, b)
  if type(a) == "number" then return vector(a * b.x, a * b.y) end
  if type(b) == "number" then return vector(a.x * b, a.y * b) end
  return a.x * b.x + a.y * b.y
end
function Vector.__unm(a) return vector(-a.x, -a.y) end
function Vector.__eq(a, b) return a.x == b.x and a.y == b.y end
function Vector.__lt(a, b) return a:norm() < b:norm() end
function Vector.__le(a, b) return a:norm() <= b:norm() end
function Vector.__len() return 2 end
function Vector.__concat(a, b) return tostring(a) .. tostring(b) end
function Vector.__tostring(a) return "(" .. a.x .. ", " .. a.y .. ")" end
function Vector.__call(a, name) return a[name] end
function Vector.__idiv(a, b) return vector(a.x // b, a.y // b) end
function Vector.__band(a, b) return vector(a.x & b, a.y & b) end
function Vector:norm() return (self.x * self.x + self.y * self.y) ^ 0.5 end

local a, b = vector(3, 4), vector(1, 2)
print(tostring(a + b), a * b, tostring(2 * a), tostring(a * 2), tostring(-a), #a, a .. b, a .. 1, "<" .. a .. ">")
print(a == b, a == vector(3, 4), a ~= b, a < b, a <= b, a > b, a >= b, a("x"), a:norm(), tostring(a // 2), tostring(a & 1))
print(a, rawequal(a, vector(3, 4)))

local Animal = {}
Animal.__index = Animal
function Animal.new(class, name) return setmetatable({ name = name }, class) end
function Animal:speak() return self.name .. " makes " .. self:sound() end
function Animal:sound() return "nothing" end
local Dog = setmetatable({}, { __index = Animal })
Dog.__index = Dog
function Dog:sound() return "woof" end
print(Animal.new(Animal, "It"):speak(), Animal.new(Dog, "Rex"):speak())

local log = {}
local proxy = setmetatable({}, {
  __index = function(_, key) return "default " .. key end,
  __newindex = function(t, key, value) log[#log + 1] = key; rawset(t, key, value) end,
})
proxy.a = 1
proxy.a = 2
proxy.b = 3
print(proxy.a, proxy.b, proxy.c, table.concat(log, ","))
print(getmetatable(setmetatable({}, { __metatable = "locked" })), pcall(setmetatable, setmetatable({}, { __metatable = 1 }), {}))
for k, v in pairs(setmetatable({}, { __pairs = function() return function(_, k) if not k then return 1, "one" end end end })) do print(k, v) end

local total = 0
for i = 1, SIZE or 1000 do
  local v = vector(i, 1) + vector(1, i)
  total = total + v:norm()
end
print(string.format("%.6f", total))
