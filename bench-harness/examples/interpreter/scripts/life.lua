-- Conway's game, on tables of tables: arrays that are replaced all the time.
local width, height = 32, 16
local function grid()
  local g = {}
  for y = 1, height do
    g[y] = {}
    for x = 1, width do g[y][x] = 0 end
  end
  return g
end

local world = grid()
for i, row in ipairs({ "..#", "#.#", ".##" }) do
  for j = 1, #row do
    if row:sub(j, j) == "#" then world[i + 3][j + 3] = 1 end
  end
end

local function step(old)
  local new = grid()
  for y = 1, height do
    local above, here, below = old[(y - 2) % height + 1], old[y], old[y % height + 1]
    for x = 1, width do
      local left, right = (x - 2) % width + 1, x % width + 1
      local n = above[left] + above[x] + above[right] + here[left] + here[right] + below[left] + below[x] + below[right]
      new[y][x] = (n == 3 or n == 2 and here[x] == 1) and 1 or 0
    end
  end
  return new
end

for _ = 1, SIZE or 24 do world = step(world) end
local alive = 0
for y = 1, height do
  local line = {}
  for x = 1, width do
    alive = alive + world[y][x]
    line[x] = world[y][x] == 1 and "#" or "."
  end
  if y >= 9 and y <= 13 then print(table.concat(line)) end
end
print(alive)
