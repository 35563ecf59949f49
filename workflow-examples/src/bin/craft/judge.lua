-- What the critic looks at. What is returned is the judgement.
local reasons = list()
local accepted = true

local function look(is_right, what)
    reasons[#reasons + 1] = (is_right and "good: " or "bad: ") .. what
    accepted = accepted and is_right
end

look(input.tested.code == 0, "the test ends with code " .. tostring(input.tested.code))
for _, file in ipairs(input.plan.files) do
    local _, lines = file.text:gsub("\n", "")
    look(lines <= 50, file.name .. " has " .. lines .. " lines")
    look(not file.text:find("rm ", 1, true), file.name .. " takes nothing away")
end
progress(1, accepted and "accepted" or "refused")
return { accepted = accepted, reasons = reasons }
