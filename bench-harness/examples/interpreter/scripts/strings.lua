-- Strings: built piece by piece, joined, searched, compared.
local pieces, text = {}, ""
for i = 1, SIZE or 2000 do
  pieces[#pieces + 1] = "piece " .. i .. ";"
  text = text .. (i % 10)
  if #text > 200 then text = text:sub(101) end
end
local joined = table.concat(pieces)
print(#joined, #text, joined:sub(1, 20), joined:sub(-12))

local count, from = 0, 1
while true do
  local first, last = joined:find("9;", from, true)
  if not first then break end
  count, from = count + 1, last + 1
end
print(count, ("ab"):rep(3, "-"), ("Hello"):upper(), ("Hello"):lower(), ("stressed"):reverse())

local sum = 0
for i = 1, #joined do sum = (sum * 31 + joined:byte(i)) % 1000003 end
print(sum, "a" < "b", "a" < "B", "" < "a", "a\0b" < "a\0c", "10" + 5, 10 .. 20)
print(string.format("%5d|%-5d|%05d|%x|%5.1f|%g|%s|%q|%%|%c", 42, 42, 42, 255, 2.25, 0.1, "s", 'a "b"', 65))
