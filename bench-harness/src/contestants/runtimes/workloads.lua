-- Workloads in Lua. What they are is in src/workloads; the numbers come as arguments.
local GOLDEN = 0x9E3779B97F4A7C15

local checksum = 0xCBF29CE484222325

local function mix(value)
  local product = (checksum ~ value) * GOLDEN
  checksum = product ~ (product >> 32)
end

local function scramble(z)
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  return z ~ (z >> 31)
end

local function random(seed)
  return function()
    seed = seed + GOLDEN
    return scramble(seed)
  end
end

local function scale(bits, bound)
  return (bits * bound) >> 32
end

local function below(bits, bound)
  return scale(bits >> 32, bound)
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
    local source = scale(draw & 0xFFFFFFFF, count) + 1
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

function workloads.queue(capacity, messages)
  local ring = {}
  for place = 1, capacity do ring[place] = false end
  for first = 0, messages - 1, 1000 do
    local found = 0
    for n = first, first + 999 do
      local payload = { n, n * 2, n * 3, n * 4, n * 5, n * 6, n * 7, n * 8 }
      local message = { number = n, payload = payload }
      local place = n % capacity + 1
      local old = ring[place]
      if old then
        found = found + old.number
        for _, word in ipairs(old.payload) do found = found + word end
      end
      ring[place] = message
    end
    mix(found)
  end
end

local function log_uniform(bits, least, octaves)
  local base = least << (((bits & 0xFF) * octaves) >> 8)
  return base + scale((bits >> 8) & 0xFFFFFFFF, base)
end

-- Bytes are a string: tables have no elements so small.
local function slice(length, byte)
  return string.char(byte):rep(length)
end

local function digest(slice)
  return #slice + (slice:byte(1) << 16) + (slice:byte(-1) << 24)
end

function workloads.size_mix(slots, replacements)
  local bits, kept = random(11), {}
  for slot = 1, slots do kept[slot] = false end
  for _ = 1, replacements // 100 do
    local found = 0
    for _ = 1, 100 do
      local slot = below(bits(), slots) + 1
      local draw = bits()
      local new = slice(log_uniform(draw, 16, 8), draw >> 56)
      if kept[slot] then found = found + digest(kept[slot]) end
      kept[slot] = new
    end
    mix(found)
  end
  for slot = 1, slots do mix(kept[slot] and digest(kept[slot]) or 0) end
end

local function quad(depth)
  if depth == 0 then return { nil, nil, nil, nil } end
  return { quad(depth - 1), quad(depth - 1), quad(depth - 1), (quad(depth - 1)) }
end

local function count(node)
  if not node[1] then return 1 end
  return 1 + count(node[1]) + count(node[2]) + count(node[3]) + count(node[4])
end

function workloads.quads(depth, trees)
  local kept = quad(depth)
  for _ = 1, 20 do
    for _ = 1, trees do quad(3) end
    mix(count(kept))
  end
end

local Cache = {}
Cache.__index = Cache

local function cache(buckets)
  local chains = {}
  for bucket = 1, buckets do chains[bucket] = false end
  return setmetatable({ chains = chains, newest = nil, oldest = nil }, Cache)
end

function Cache:bucket(key)
  return ((key * GOLDEN) >> 40) & (#self.chains - 1)
end

function Cache:find(key)
  local entry = self.chains[self:bucket(key) + 1]
  while entry and entry.key ~= key do entry = entry.chain end
  return entry
end

function Cache:insert(key)
  local value = slice(log_uniform(scramble(key + GOLDEN), 16, 10), (key >> 3) & 0xFF)
  local bucket = self:bucket(key) + 1
  local entry = { key = key, value = value, chain = self.chains[bucket], newer = nil, older = nil }
  self.chains[bucket] = entry
  self:push(entry)
  return entry
end

function Cache:push(entry)
  local newest = self.newest
  entry.newer = nil
  entry.older = newest
  if newest then newest.newer = entry else self.oldest = entry end
  self.newest = entry
end

function Cache:unlink(entry)
  local newer, older = entry.newer, entry.older
  if newer then newer.older = older else self.newest = older end
  if older then older.newer = newer else self.oldest = newer end
end

function Cache:evict()
  local entry = self.oldest
  self:unlink(entry)
  local bucket = self:bucket(entry.key) + 1
  local before = self.chains[bucket]
  if before == entry then
    self.chains[bucket] = entry.chain
    return
  end
  while before.chain ~= entry do before = before.chain end
  before.chain = entry.chain
end

function workloads.lru_cache(capacity, accesses, buckets)
  local bits, lru, entries = random(17), cache(buckets), 0
  for _ = 1, accesses // 10 do
    local found, misses = 0, 0
    for _ = 1, 10 do
      local bound = below(bits(), capacity * 8) + 1
      bound = below(bits(), bound) + 1
      local key = below(bits(), bound)
      local entry = lru:find(key)
      if not entry then
        entry = lru:insert(key)
        misses = misses + 1
        entries = entries + 1
        if entries > capacity then
          lru:evict()
          entries = entries - 1
        end
      elseif entry.newer then
        lru:unlink(entry)
        lru:push(entry)
      end
      found = found + digest(entry.value)
    end
    mix(found)
    mix(misses)
  end
  local entry = lru.newest
  while entry do
    mix(entry.key)
    entry = entry.older
  end
end

local function record(id)
  local body = {
    id, id + 1, id + 2, id + 3, id + 4, id + 5, id + 6, id + 7, id + 8, id + 9, id + 10, id + 11,
  }
  return { id = id, body = body }
end

function workloads.event_loop(records, requests)
  local rows = {}
  for id = 0, records - 1 do rows[id + 1] = record(id) end
  for request = 0, requests - 1 do
    local bits, head = random(request), nil
    for _ = 1, 8 do
      local read = rows[below(bits(), records) + 1]
      local id, body = read.id, read.body
      for note = 1, 8 do head = { value = id + body[note], next = head } end
    end
    rows[below(bits(), records) + 1] = record(records + request)
    mix(total(head, -1))
  end
end

local function trie(depth)
  if depth == 0 then return { left = nil, right = nil, value = 0 } end
  return { left = trie(depth - 1), right = trie(depth - 1), value = 0 }
end

-- The node with one leaf below it replaced, and the value of the leaf before.
local function updated(node, depth, key, value)
  if depth == 0 then return { left = nil, right = nil, value = value }, node.value end
  if key & 1 == 0 then
    local left, old = updated(node.left, depth - 1, key >> 1, value)
    return { left = left, right = node.right, value = 0 }, old
  end
  local right, old = updated(node.right, depth - 1, key >> 1, value)
  return { left = node.left, right = right, value = 0 }, old
end

-- The sum of value times position, from left to right, and how many leaves there were.
local function sum(node, before)
  if not node.left then return node.value * (before + 1), before + 1 end
  local left, middle = sum(node.left, before)
  local right, after = sum(node.right, middle)
  return left + right, after
end

function workloads.functional_map(depth, updates)
  local bits, ring, place = random(31), { trie(depth), false, false, false, false, false, false, false }, 0
  for first = 0, updates - 1, 10 do
    local version, replaced = ring[place + 1], 0
    for value = first, first + 9 do
      local old
      version, old = updated(version, depth, below(bits(), 1 << depth), value)
      replaced = replaced + old
    end
    place = (place + 1) % 8
    ring[place + 1] = version
    mix(replaced)
  end
  mix((sum(ring[place + 1], 0)))
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
