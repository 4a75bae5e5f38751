-- What is called when an object is dead: in which order, with what still there, and what may come back.
local function object(name, field)
  return setmetatable({ name = name, field = field }, { __gc = function(self)
    print("finalized", self.name, self.field and self.field.name)
  end })
end

local function two() object("first") object("second") end
two()
collectgarbage()

-- Each finalizer finds its neighbours whole.
local function chain() local inner = object("inner"); object("outer", inner) end
chain()
collectgarbage()

-- Resurrection: once, unless it is asked for again.
local saved
local mt
mt = { __gc = function(self)
  print("saved", self.name)
  saved = self
end }
local function phoenix() setmetatable({ name = "phoenix" }, mt) end
phoenix()
collectgarbage()
print(saved.name)
saved = nil
collectgarbage()
print("not again", saved)

local again
mt = { __gc = function(self)
  self.lives = self.lives - 1
  if self.lives > 0 then setmetatable(self, mt) end
  print("lives", self.lives)
end }
local function cat() setmetatable({ lives = 3 }, mt) end
cat()
for _ = 1, 5 do collectgarbage() end

-- Weak values are gone when a finalizer runs, weak keys are not yet.
local values, keys = setmetatable({}, { __mode = "v" }), setmetatable({}, { __mode = "k" })
local function watched()
  local o = setmetatable({}, { __gc = function(self) print("seen", values[1], keys[self]) end })
  values[1], keys[o] = o, "key"
end
watched()
collectgarbage()
collectgarbage()
print(values[1], next(keys))

-- An error in a finalizer is nobody's; it may allocate and call.
local function faulty() setmetatable({}, { __gc = function() error("unheard") end }) end
faulty()
collectgarbage()
local total = 0
local function busy()
  setmetatable({}, { __gc = function()
    for i = 1, 100 do total = total + #({ i, { i } }) end
  end })
end
busy()
collectgarbage()
print(total)

-- At the end of the script all that are left are called, the last one first.
kept1 = object("kept 1")
kept2 = object("kept 2", kept1)
print("end")
