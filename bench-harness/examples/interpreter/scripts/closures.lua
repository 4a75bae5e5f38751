-- Functions that share variables, and variables that are new in each turn of a loop.
local function counter()
  local n = 0
  return function() n = n + 1 return n end, function() return n end
end
local increment, read = counter()
increment() increment()
print(read(), increment(), read())

local functions = {}
for i = 1, 3 do
  local j = i * 10
  functions[i] = function() j = j + 1 return i, j end
end
print(functions[1](), functions[1](), functions[2](), functions[3]())

local function compose(f, g) return function(...) return f(g(...)) end end
local add = compose(function(a, b) return a + b end, function(...) return ... end)
print(add(3, 4))

local is_even, is_odd
function is_even(n) if n == 0 then return true end return is_odd(n - 1) end
function is_odd(n) if n == 0 then return false end return is_even(n - 1) end
print(is_even(10001), is_odd(10001)) -- tail calls: no stack

local function sum(...)
  local total = 0
  for i = 1, select("#", ...) do total = total + (select(i, ...)) end
  return total
end
print(sum(), sum(1, 2, 3), (select("#", nil, nil)))

local total = 0
for i = 1, SIZE or 10000 do
  local function inner(x) return function(y) return x + y + i end end
  total = total + inner(1)(2)
end
print(total)
