-- Eight queens and more, by trying.
local n = SIZE or 6
local solutions = 0
local rows, up, down = {}, {}, {}

local function place(column)
  if column > n then
    solutions = solutions + 1
    return
  end
  for row = 1, n do
    if not rows[row] and not up[row + column] and not down[row - column + n] then
      rows[row], up[row + column], down[row - column + n] = true, true, true
      place(column + 1)
      rows[row], up[row + column], down[row - column + n] = false, false, false
    end
  end
end

place(1)
print(n, solutions)
