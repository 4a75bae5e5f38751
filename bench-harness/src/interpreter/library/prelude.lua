-- What calls back into a script, and is therefore written in its language.
local write_line, sort_simple = ...
local tostring, type, error, select, unpack = tostring, type, error, select, table.unpack

function print(...)
  local count = select("#", ...)
  if count == 1 then
    return write_line(tostring((...)))
  end
  local texts = {...}
  for i = 1, count do
    texts[i] = tostring(texts[i])
  end
  return write_line(unpack(texts, 1, count))
end

-- Sorts a[low..high]: quicksort down to short pieces, the smaller part first, insertion sort for those.
local function sort(a, low, high, less)
  while high - low > 12 do
    local middle = low + (high - low) // 2
    local x, y, z = a[low], a[middle], a[high]
    if less(y, x) then x, y = y, x end
    if less(z, y) then
      y, z = z, y
      if less(y, x) then x, y = y, x end
    end
    a[low], a[middle], a[high] = x, y, z
    local pivot = y
    local i, j = low, high
    repeat
      repeat
        i = i + 1
        if i > high then error("invalid order function for sorting", 3) end
      until not less(a[i], pivot)
      repeat
        j = j - 1
        if j < low then error("invalid order function for sorting", 3) end
      until not less(pivot, a[j])
      if i < j then a[i], a[j] = a[j], a[i] end
    until i >= j
    if j - low < high - j then
      sort(a, low, j, less)
      low = j + 1
    else
      sort(a, j + 1, high, less)
      high = j
    end
  end
  for i = low + 1, high do
    local x, j = a[i], i - 1
    while j >= low and less(x, a[j]) do
      a[j + 1] = a[j]
      j = j - 1
    end
    a[j + 1] = x
  end
end

function table.sort(a, less)
  if type(a) ~= "table" then
    error("bad argument #1 to 'sort' (table expected, got " .. type(a) .. ")", 2)
  end
  if less == nil then
    if sort_simple(a) then return end
    less = function(x, y) return x < y end
  elseif type(less) ~= "function" then
    error("bad argument #2 to 'sort' (function expected, got " .. type(less) .. ")", 2)
  end
  sort(a, 1, #a, less)
end

local resume_wrapped, create = coroutine.resume_wrapped, coroutine.create
coroutine.resume_wrapped = nil

function coroutine.wrap(f)
  local thread = create(f)
  return function(...) return resume_wrapped(thread, ...) end
end
