-- Many small tables that die young, beside some that live.
local function bottom_up(depth)
  if depth == 0 then return {} end
  return { bottom_up(depth - 1), bottom_up(depth - 1) }
end

local function check(tree)
  if tree[1] then return 1 + check(tree[1]) + check(tree[2]) end
  return 1
end

local max_depth = SIZE or 10
print("stretch", check(bottom_up(max_depth + 1)))
local long_lived = bottom_up(max_depth)
for depth = 4, max_depth, 2 do
  local count = 1 << (max_depth - depth + 4)
  local total = 0
  for _ = 1, count do
    total = total + check(bottom_up(depth))
  end
  print(count, "trees of depth", depth, "check", total)
end
print("long lived", check(long_lived))
