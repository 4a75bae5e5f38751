-- Tables with all kinds of keys, that grow, shrink and are walked over.
local n = SIZE or 2000
local squares, by_name = {}, {}
for i = 1, n do
  squares[i] = i * i
  by_name["key" .. i % 500] = (by_name["key" .. i % 500] or 0) + i
end
print(#squares, squares[n], by_name.key7)

local count, sum = 0, 0
for _, value in pairs(by_name) do
  count, sum = count + 1, sum + value
end
print(count, sum)

-- A field may be set to nil during a walk.
for key, value in pairs(by_name) do
  if value % 2 == 0 then by_name[key] = nil end
end
count = 0
for _ in pairs(by_name) do count = count + 1 end
print(count, next({}), by_name.key0)

-- From behind, with holes, with numbers that are equal.
local t = {}
for i = 10, 1, -1 do t[i] = i end
print(#t, t[1.0], t[2 ^ 1], rawlen(t))
t[1.5], t[true], t[-1], t[2 ^ 53] = "a", "b", "c", "d"
print(t[1.5], t[true], t[-1], t[1 << 53])
print(pcall(function() t[nil] = 1 end))
print(pcall(function() t[0 / 0] = 1 end))
for _ = 1, 5 do t[#t] = nil end
print(#t, table.concat(t, ","))
table.insert(t, 1, "first")
table.insert(t, "last")
print(table.concat(t, ","), table.remove(t, 2), table.remove(t), #t, table.unpack(t, 1, 2))

local keys, objects = {}, {}
for i = 1, 100 do
  keys[i] = {}
  objects[keys[i]] = i
end
local total = 0
for i = 1, 100 do total = total + objects[keys[i]] end
print(total, objects[{}], select("#", table.unpack({}, 1, 3)))

local packed = table.pack(1, nil, 3)
print(packed.n, packed[1], packed[2], packed[3])
