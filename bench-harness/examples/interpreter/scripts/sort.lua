-- Sorting: by the library, with and without a function, and by a sort of the script's own.
local seed = 42
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed // 65536 % n
end

local n = SIZE or 1000
local numbers, words, records = {}, {}, {}
for i = 1, n do
  numbers[i] = random(10000)
  words[i] = "w" .. random(10000)
  records[i] = { key = random(10000), number = i }
end

local function sorted(t, less)
  for i = 2, #t do if less(t[i], t[i - 1]) then return false end end
  return true
end
local function lt(a, b) return a < b end

local copy = { table.unpack(numbers, 1, 100) }
table.sort(numbers)
table.sort(words)
table.sort(records, function(a, b) return a.key > b.key end)
print(sorted(numbers, lt), sorted(words, lt), sorted(records, function(a, b) return a.key > b.key end))
print(numbers[1], numbers[n], words[1], records[1].key)

local function quicksort(t, low, high)
  if low >= high then return end
  local pivot, i = t[high], low
  for j = low, high - 1 do
    if t[j] < pivot then
      t[i], t[j] = t[j], t[i]
      i = i + 1
    end
  end
  t[i], t[high] = t[high], t[i]
  quicksort(t, low, i - 1)
  quicksort(t, i + 1, high)
end
quicksort(copy, 1, #copy)
print(sorted(copy, lt))

local mt = { __lt = function(a, b) return a.v < b.v end }
local objects = {}
for i = 1, 20 do objects[i] = setmetatable({ v = random(100) }, mt) end
table.sort(objects)
print(sorted(objects, lt))
print(pcall(table.sort, { 1, "x" }))
