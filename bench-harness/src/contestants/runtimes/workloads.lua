-- The classic workloads in Lua. What they are is in src/workloads; the numbers come as arguments.
local checksum = 0xCBF29CE484222325

local function mix(value)
  local product = (checksum ~ value) * 0x9E3779B97F4A7C15
  checksum = product ~ (product >> 32)
end

local function random(seed)
  return function()
    seed = seed + 0x9E3779B97F4A7C15
    local z = seed
    z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ~ (z >> 27)) * 0x94D049BB133111EB
    return z ~ (z >> 31)
  end
end

local function below(bits, bound)
  return ((bits >> 32) * bound) >> 32
end

local function tree(depth)
  if depth == 0 then return { left = nil, right = nil } end
  return { left = tree(depth - 1), right = tree(depth - 1) }
end

local function nodes(node)
  if not node.left then return 1 end
  return 1 + nodes(node.left) + nodes(node.right)
end

local workloads = {}

function workloads.binary_trees(depth)
  mix(nodes(tree(depth + 1)))
  local kept = tree(depth)
  for at = 4, depth, 2 do
    local trees, found = 1 << (depth - at + 4), 0
    for _ = 1, trees do found = found + nodes(tree(at)) end
    mix(at)
    mix(trees)
    mix(found)
  end
  mix(nodes(kept))
end

local function populate(parent, depth, number)
  if depth == 0 then return end
  parent.left = { left = nil, right = nil, i = depth - 1, j = number }
  parent.right = { left = nil, right = nil, i = depth - 1, j = number }
  populate(parent.left, depth - 1, number)
  populate(parent.right, depth - 1, number)
end

local function top_down(depth, number)
  local root = { left = nil, right = nil, i = depth, j = number }
  populate(root, depth, number)
  return root
end

local function bottom_up(depth, number)
  if depth == 0 then return { left = nil, right = nil, i = 0, j = number } end
  local left = bottom_up(depth - 1, number)
  return { left = left, right = bottom_up(depth - 1, number), i = depth, j = number }
end

local function path(node, number)
  local digest = 0
  while node do
    local i = node.i
    digest = digest * 31 + i + (node.j << 8)
    node = i > 0 and (number >> (i - 1)) & 1 == 1 and node.right or node.left
  end
  return digest
end

local function heights(node)
  if not node.left then return node.i + 1 end
  return node.i + 1 + heights(node.left) + heights(node.right)
end

function workloads.gcbench(stretch, long_lived, length, deepest)
  mix(path(bottom_up(stretch, 0), 0))
  local kept = top_down(long_lived, 0)
  local numbers = {}
  for k = 0, length - 1 do numbers[k + 1] = k < length // 2 and 1.0 / k or 0.0 end
  for depth = 4, deepest, 2 do
    local trees, found = 2 * ((2 << stretch) - 1) // ((2 << depth) - 1), 0
    for number = 0, trees - 1 do found = found + path(top_down(depth, number), number) end
    mix(found)
    found = 0
    for number = 0, trees - 1 do found = found + path(bottom_up(depth, number), number) end
    mix(found)
  end
  mix(heights(kept))
  local bits = 0
  for k = 1, length do bits = bits + string.unpack("<i8", string.pack("<d", numbers[k])) end
  mix(bits)
end

local function linked(first, length)
  local head = nil
  for value = first, first + length - 1 do head = { value = value, next = head } end
  return head
end

local function total(head, most)
  local found = 0
  while head and most ~= 0 do
    found = found + head.value
    head = head.next
    most = most - 1
  end
  return found
end

function workloads.list_churn(lists, length, replacements)
  local heads, bits = {}, random(3)
  for number = 0, lists + replacements - 1 do
    local slot = (number < lists and number or below(bits(), lists)) + 1
    local old = heads[slot] and heads[slot].value
    heads[slot] = linked(number * length, length)
    if old then mix(old) end
  end
  for slot = 1, lists do mix(total(heads[slot], -1)) end
end

local function ring(number)
  local first = { value = number * 10, next = nil, prev = nil }
  local last = first
  for value = number * 10 + 1, number * 10 + 9 do
    last.next = { value = value, next = nil, prev = last }
    last = last.next
  end
  last.next = first
  first.prev = last
  return first
end

function workloads.rings(count)
  local kept = {}
  for begin = 0, count - 1, 100 do
    local found = 0
    for number = begin, begin + 99 do
      local first = ring(number)
      found = found + first.prev.value
      if number % 100 == 0 then kept[#kept + 1] = first end
    end
    mix(found)
  end
  for _, first in ipairs(kept) do
    for _, direction in ipairs { "next", "prev" } do
      local digest, node = 0, first
      repeat
        digest = digest * 31 + node.value
        node = node[direction]
      until node == first
      mix(digest)
    end
  end
end

function workloads.graph_mutate(count, rewrites)
  local bits, vertices = random(5), {}
  for id = 0, count - 1 do vertices[id + 1] = { id = id, nil, nil, nil, nil } end
  for place = 1, count do
    local vertex = vertices[place]
    for edge = 1, 4 do vertex[edge] = vertices[below(bits(), count) + 1] end
  end
  local fresh = count
  for _ = 1, rewrites do
    local draw = bits()
    local source = (((draw & 0xFFFFFFFF) * count) >> 32) + 1
    local target = below(draw, count) + 1
    if (draw >> 2) & 3 == 0 then
      local old = vertices[target]
      vertices[target] = { id = fresh, old[1], old[2], old[3], old[4] }
      old[1], old[2], old[3], old[4] = nil, nil, nil, nil
      fresh = fresh + 1
    end
    vertices[source][(draw & 3) + 1] = vertices[target]
  end
  for place = 1, count do
    local vertex = vertices[place]
    mix(vertex.id)
    for edge = 1, 4 do mix(vertex[edge].id) end
  end
end

function workloads.deep_list(length)
  local head = linked(0, length)
  mix(total(head, -1))
  collectgarbage()
  mix(total(head, 1000))
  head = nil
  collectgarbage()
end

-- Lua's own clock of elapsed time counts seconds; the system's here, hundredths: what it says of less than ten of them
-- says little.
local function elapsed()
  local file = io.open("/proc/uptime")
  if not file then return 0.0 end
  local seconds = file:read("n")
  file:close()
  return seconds
end

local numbers = {}
for index = 2, #arg do numbers[index - 1] = math.tointeger(tonumber(arg[index])) end
local wall, cpu = elapsed(), os.clock()
workloads[arg[1]](table.unpack(numbers))
wall, cpu = elapsed() - wall, os.clock() - cpu
local peak = ""
local status = io.open("/proc/self/status")
if status then
  local kilobytes = status:read("a"):match("VmHWM:%s*(%d+) kB")
  status:close()
  if kilobytes then peak = string.format(', "peak_rss_bytes": %d', kilobytes * 1024) end
end
print(string.format('{"status": "ok", "checksum": "%016x", "wall_ns": %s, "cpu_ns": %.0f%s}', checksum,
  wall < 0.1 and "null" or string.format("%.0f", wall * 1e9), cpu * 1e9, peak))
