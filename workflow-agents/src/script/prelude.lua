-- What scripts have in place of what the library of Lua has: everything that could go on for long without an instruction of Lua
-- being carried out, for only between instructions is it looked whether a script is to end.
local host = ...
local error, getmetatable, ipairs, pcall, rawget, select, setmetatable, tostring, type =
    error, getmetatable, ipairs, pcall, rawget, select, setmetatable, tostring, type
local integer, format = math.tointeger, string.format
local concat, pack, sort, unpack = table.concat, table.pack, table.sort, table.unpack

-- The metatable of all strings is nobody's.
getmetatable("").__metatable = false

local events = {
    "__add", "__band", "__bnot", "__bor", "__bxor", "__concat", "__div", "__eq", "__idiv", "__index", "__le", "__len", "__lt", "__mod",
    "__mode", "__mul", "__name", "__newindex", "__pairs", "__pow", "__shl", "__shr", "__sub", "__tostring", "__unm",
}

-- What a table has in truth in place of each metatable: what that said when it was set last.
local truths = setmetatable({}, { __mode = "k" })

-- What is called when something is thrown away or closed may be called where nobody looks, and a call that leads to a call that leads
-- on without end is never done. So that no metatable has such a thing later, either, tables have a copy of it.
local function truth(meta)
    for _, event in ipairs({ "__close", "__gc" }) do
        if rawget(meta, event) ~= nil then
            error(format("`%s` cannot be had here", event), 3)
        end
    end
    local call = rawget(meta, "__call")
    if call ~= nil and type(call) ~= "function" then
        error("`__call` must be a function here", 3)
    end
    local copy = truths[meta] or {}
    for place = 1, #events do
        local event = events[place]
        copy[event] = rawget(meta, event)
    end
    local shown = rawget(meta, "__metatable")
    if shown == nil then
        shown = meta
    end
    copy.__call, copy.__metatable, truths[meta] = call, shown, copy
    return copy
end

function _G.setmetatable(object, meta)
    if type(object) ~= "table" then
        error(format("bad argument #1 to 'setmetatable' (table expected, got %s)", type(object)), 2)
    elseif meta ~= nil and type(meta) ~= "table" then
        error("bad argument #2 to 'setmetatable' (nil or table expected)", 2)
    end
    local before = getmetatable(object)
    if before ~= nil then
        local copy = type(before) == "table" and truths[before]
        if not copy or copy.__metatable ~= before then
            error("cannot change a protected metatable", 2)
        end
    end
    host.set(object, meta and truth(meta))
    return object
end

-- Lua's own has the handler called where the error is: if that is where a script is to end, nobody looks at the handler any more.
function xpcall(called, handler, ...)
    local given = pack(pcall(called, ...))
    if given[1] then
        return unpack(given, 1, given.n)
    end
    local _, told = pcall(handler, given[2])
    return false, told
end

function print(...)
    local parts = {}
    for place = 1, select("#", ...) do
        parts[place] = tostring((select(place, ...)))
    end
    host.log(concat(parts, "\t"))
end

progress, null = host.progress, host.null

-- Marks a table as a list, for one that is empty does not say whether it is one.
function list(items)
    if items == nil then
        items = {}
    elseif type(items) ~= "table" then
        error("a list is made of a table, not of a " .. type(items), 2)
    end
    return setmetatable(items, host.list)
end

if host.without_os then
    os = setmetatable({}, {
        __metatable = false,
        __index = function()
            error(host.without_os, 2)
        end,
    })
else
    os = { clock = os.clock, date = os.date, difftime = os.difftime, time = os.time }
end

local function number(value, default, place, name)
    if value == nil and default ~= nil then
        return default
    end
    local number = integer(value)
    if number == nil then
        error(format("bad argument #%d to '%s' (a whole number expected, got %s)", place, name, type(value)), 3)
    end
    return number
end

local function listed(items, name)
    if type(items) ~= "table" then
        error(format("bad argument #1 to '%s' (table expected, got %s)", name, type(items)), 3)
    end
end

-- The elements from one place to another, in a table that no metatable says anything about.
local function plain(items, first, last, name)
    local copy, count = {}, 0
    for place = first, last do
        local item = items[place]
        local kind = type(item)
        if name and kind ~= "string" and kind ~= "number" then
            error(format("invalid value (at index %d) in table for '%s'", place, name), 3)
        end
        count = count + 1
        copy[count] = item
    end
    return copy, count
end

function table.concat(items, between, first, last)
    listed(items, "concat")
    first = number(first, 1, 3, "concat")
    if last == nil then
        last = #items
    end
    return concat((plain(items, first, number(last, nil, 4, "concat"), "concat")), between)
end

function table.unpack(items, first, last)
    first = number(first, 1, 2, "unpack")
    if last == nil then
        last = #items
    end
    last = number(last, nil, 3, "unpack")
    if first > last then
        return
    end
    if last - first >= 100000 or last - first < 0 then
        error("too many results to unpack", 2)
    end
    local copy, count = plain(items, first, last)
    return unpack(copy, 1, count)
end

function table.insert(items, ...)
    listed(items, "insert")
    local count, behind = select("#", ...), #items + 1
    if count == 1 then
        items[behind] = (...)
    elseif count == 2 then
        local place, item = ...
        place = number(place, nil, 2, "insert")
        if place < 1 or place > behind then
            error("bad argument #2 to 'insert' (position out of bounds)", 2)
        end
        for moved = behind, place + 1, -1 do
            items[moved] = items[moved - 1]
        end
        items[place] = item
    else
        error("wrong number of arguments to 'insert'", 2)
    end
end

function table.remove(items, ...)
    listed(items, "remove")
    local size = #items
    local place = size
    if select("#", ...) > 0 then
        place = number((...), nil, 2, "remove")
        if size + 1 ~= place and (place < 1 or place > size + 1) and not (size == 0 and place == 0) then
            error("bad argument #2 to 'remove' (position out of bounds)", 2)
        end
    end
    local removed = items[place]
    for moved = place, size - 1 do
        items[moved] = items[moved + 1]
    end
    items[place < size and size or place] = nil
    return removed
end

function table.move(from, first, last, to, into)
    listed(from, "move")
    first, last, to = number(first, nil, 2, "move"), number(last, nil, 3, "move"), number(to, nil, 4, "move")
    into = into == nil and from or into
    if to > last or to <= first or into ~= from then
        for place = first, last do
            into[to + (place - first)] = from[place]
        end
    else
        for place = last, first, -1 do
            into[to + (place - first)] = from[place]
        end
    end
    return into
end

local function less(one, other)
    return one < other
end

-- What compares is a function of Lua, whatever the script gives.
function table.sort(items, before)
    listed(items, "sort")
    if before ~= nil and type(before) ~= "function" then
        error(format("bad argument #2 to 'sort' (function expected, got %s)", type(before)), 2)
    end
    sort(items, before and function(one, other)
        local is_before = before(one, other)
        return is_before
    end or less)
end
