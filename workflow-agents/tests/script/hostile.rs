//! Scripts that mean harm.

use std::time::{Duration, Instant};

use serde_json::json;
use workflow_agents::Lua;
use workflow_agents::policy::{Limits, Role};

use crate::setting::Setting;

/// How long such a script may run.
const TIME: u64 = 200;

async fn limited() -> Setting {
    Setting::with(Role::new().limits(Limits { time_ms: Some(TIME), ..Limits::default() })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_ends_is_ended() {
    let setting = limited().await;
    let mut wrong = Vec::new();
    for text in [
        "while true do end",
        "for i = 1, math.maxinteger do end",
        "::again:: goto again",
        "local function f() return f() end return f()",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(pcall, pcall, function() while true do end end) end",
        "local function f() pcall(f) while true do pcall(f) end end f()",
        "while true do xpcall(function() while true do end end, function() while true do end end) end",
        "local function f() return xpcall(f, f) end while true do f() end",
        "while true do pcall(error, setmetatable({}, { __tostring = function() while true do end end })) end",
        "local t = setmetatable({}, { __index = function(t, k) while true do end end }) return t.x",
        "local t = setmetatable({}, { __add = function(t, k) while true do pcall(function() local x = t.y end) end end }) return t + 1",
        "return tostring(setmetatable({}, { __tostring = function() while true do end end }))",
        "return #setmetatable({}, { __len = function() while true do end end })",
        "for _ in pairs(setmetatable({}, { __pairs = function() while true do end end })) do end",
        "for _ in function() return 1 end do end",
        "xpcall(function() while true do end end, function() while true do end end)",
        "local s = ('x'):gsub('x', function() error(setmetatable({}, { __tostring = function() while true do end end })) end)",
        "local s = ('x'):gsub('x', function() xpcall(error, function() while true do end end) end)",
        "local t = setmetatable({}, { __lt = function() while true do end end }) table.sort({ t, t, t })",
        "table.sort({ 1, 2, 3 }, function() while true do pcall(error) end end)",
        "return (('x'):gsub('x', function() while true do pcall(function() while true do end end) end end))",
        "for x in ('x'):gmatch('x') do while true do end end",
        "print(setmetatable({}, { __tostring = function() while true do end end }))",
        "while true do print('x') end",
        "while true do progress(0.5, 'x') end",
        // What would be long inside of C.
        "return ('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40))",
        "return ('a'):rep(30000):find('.-.-.-b')",
        "while true do pcall(string.find, ('a'):rep(30000), '.-.-.-b') end",
        "return ('a'):rep(30000):match('(.-)(.-)(.-)b')",
        "return (('a'):rep(30000):gsub('.-.-.-b', ''))",
        "for x in ('a'):rep(30000):gmatch('.-.-.-b') do end",
        "return ('('):rep(100000):find('%b()%b()')",
        "return (('x'):rep(1 << 20):gsub('x', '%0' .. ('%0'):rep(1 << 20)))",
        "return table.move({}, 1, 1 << 60, 2)",
        "return table.concat(setmetatable({}, { __index = function() return '' end }), '', 1, math.maxinteger)",
        "return table.concat(setmetatable({}, { __index = table.concat }), '', 1, 1 << 60)",
        "return table.insert(setmetatable({}, { __len = function() return 1 << 60 end, __newindex = rawequal }), 1, 1)",
        "return table.remove(setmetatable({}, { __len = function() return 1 << 60 end, __newindex = rawequal }), 1)",
        "return table.sort(setmetatable({}, { __len = function() return (1 << 31) - 2 end, __index = rawlen, __newindex = rawequal }))",
        "local s, t = ('x'):rep(1 << 23), {} for i = 1, 100000 do t[i] = s end table.sort(t)",
        "local s, t = ('x'):rep(1 << 19), {} for i = 1, 100000 do t[i] = s end table.sort(t, string.reverse)",
        "local m = {} m.__index = pcall m.__call = table.unpack m.__len = function() return 90000 end table.unpack(setmetatable({}, m))",
        "local s = ('x'):rep(1 << 21) while true do local t = s .. 'y' end",
        "local s = ('x'):rep(1 << 17) while true do s:upper() end",
    ] {
        let began = Instant::now();
        let came = setting.run(Lua::new(text)).await;
        // What has ended said so: nobody had to leave it to itself.
        let is_told = came.as_ref().is_err_and(|told| {
            told.ends_with("was ended after 200ms, which is as long as its role may run it")
        });
        if !is_told || began.elapsed() > Duration::from_secs(3) {
            wrong.push(format!("{text}: {:?} {came:?}", began.elapsed()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ended_by_lua_is_so_at_once() {
    let setting = Setting::plain().await;
    let mut wrong = Vec::new();
    for (text, why) in [
        ("local function f() return 1 + f() end return f()", "not enough memory"),
        ("return setmetatable({}, { __index = function(t, k) return t[k] end }).x", "overflow"),
        ("local function f() return ('x'):gsub('x', f) end return f()", "stack overflow"),
        ("local t = {} t.__index = t return setmetatable(t, t).x", "loop"),
        ("local m = {} m.__tostring = tostring return tostring(setmetatable({}, m))", "overflow"),
        ("return ('x'):rep(1 << 30)", "not enough memory"),
        ("return ('x'):rep(1 << 62, 'y')", "resulting string too large"),
        ("local s = 'x' while true do s = s .. s end", "not enough memory"),
        ("local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", "not enough memory"),
        ("local t = {} for i = 1, 1 << 40 do t = { t, i } end", "not enough memory"),
        ("return (('x'):rep(1 << 22):gsub('.*', ('%0'):rep(1 << 20)))", "not enough memory"),
        ("return table.concat({ ('x'):rep(1 << 25), ('x'):rep(1 << 25) })", "not enough memory"),
        ("return ('x'):rep(1 << 20):byte(1, -1)", "string slice too long"),
        ("return table.unpack({}, 1, 1 << 30)", "too many results"),
        ("return table.unpack({}, math.mininteger, math.maxinteger)", "too many results"),
        ("return ('x'):find(('('):rep(50))", "too many captures"),
        ("return ('x'):rep(500):find(('x-'):rep(500))", "pattern too complex"),
        ("setmetatable({}, { __gc = function() while true do end end })", "`__gc` cannot be had here"),
        ("setmetatable({}, { __close = function() end })", "`__close` cannot be had here"),
        (
            "local m = {} local t = setmetatable({}, m) m.__close = print local x <close> = t",
            "non-closable value",
        ),
        (
            "local m = {} local t = setmetatable({}, m) m.__close = print for _ in next, {}, nil, t do end",
            "non-closable value",
        ),
        ("local t = {} t.__call = t setmetatable(t, t)()", "`__call` must be a function here"),
        ("local m = {} local t = setmetatable({}, m) m.__call = t t()", "attempt to call a table value"),
        (&("return ".to_owned() + &"(".repeat(100_000)), "overflow"),
        (&("x = ".to_owned() + &"{".repeat(100_000)), "overflow"),
        (&("return ".to_owned() + &"not ".repeat(100_000)), "overflow"),
    ] {
        let began = Instant::now();
        let came = setting.run(Lua::new(text)).await;
        if !came.as_ref().is_err_and(|told| told.contains(why)) || began.elapsed() > Duration::from_secs(3) {
            wrong.push(format!("{}: {:?} {came:?}", &text[..text.len().min(100)], began.elapsed()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn memory_that_is_too_little_can_be_caught_and_is_not_gone_beyond() {
    let setting =
        Setting::with(Role::new().limits(Limits { memory: Some(1 << 20), ..Limits::default() })).await;
    let text = "\
        local ok, why = pcall(string.rep, 'x', 1 << 21)
        return { ok, tostring(why), #('x'):rep(1 << 18) }";
    assert_eq!(setting.gives(text).await, json!([false, "not enough memory", 1 << 18]));
}

#[tokio::test]
async fn instructions_are_counted() {
    let setting =
        Setting::with(Role::new().limits(Limits { instructions: Some(100_000), ..Limits::default() })).await;
    assert_eq!(
        setting.gives("local s = 0 for i = 1, 10000 do s = s + i end return s").await,
        json!(50_005_000)
    );
    for text in [
        "for i = 1, 1000000 do end",
        "while true do pcall(function() while true do end end) end",
        "return ('a'):rep(30000):find('.-.-.-b')",
        "while true do pcall(string.find, ('a'):rep(30000), '.-.-.-b') end",
    ] {
        let told = setting.fails(text).await;
        assert!(
            told.contains("was ended after 100000 instructions, which is as many as it may have"),
            "{text}: {told}"
        );
    }
    let less = Limits { instructions: Some(1000), ..Limits::default() };
    let told =
        setting.run(Lua::new("for i = 1, 10000 do end").limits(less)).await.expect_err("it is too much");
    assert!(told.contains("after 1000 instructions"), "{told}");
}

#[tokio::test]
async fn whatever_is_raised_is_told_without_asking_it() {
    let setting = limited().await;
    for (text, told) in [
        ("error('a reason', 0)", "a reason"),
        ("error('a reason')", "script:1: a reason"),
        ("error({})", "the script raised {}"),
        ("error({ code = 7, why = 'x' })", r#"the script raised {"code":7,"why":"x"}"#),
        ("error()", "the script raised a nil"),
        ("error(print)", "the script raised a function"),
        ("error(null)", "the script raised a lightuserdata"),
        ("error(7)", "the script raised a integer"),
        ("error('\\xff')", "\u{fffd}"),
        ("local t = {} t.t = t error(t)", "the script raised a table that is no JSON"),
        (
            "error(setmetatable({}, { __tostring = function() while true do end end }))",
            "the script raised {}",
        ),
        (
            "error(setmetatable({}, { __tostring = function() error('y') end, __name = 'x' }))",
            "the script raised {}",
        ),
        ("error(('x'):rep(1000000))", "xxx…"),
        ("error(select(2, pcall(string.find, 'x', '[')))", "malformed pattern (missing ']')"),
    ] {
        let failed = setting.fails(text).await;
        assert!(failed.contains(told) && failed.len() < 4000, "{text}: {failed}");
    }
}

#[tokio::test]
async fn nothing_is_there_that_reaches_outside() {
    let setting = Setting::plain().await;
    for name in [
        "io",
        "debug",
        "package",
        "require",
        "load",
        "loadstring",
        "loadfile",
        "dofile",
        "collectgarbage",
        "warn",
        "coroutine",
        "string.dump",
        "_G.io",
        "_G.debug",
        "jit",
        "ffi",
        "bit32",
        "module",
        "newproxy",
        "getfenv",
    ] {
        assert_eq!(setting.gives(&format!("return {name} == nil")).await, json!(true), "{name}");
    }
    for text in [
        "return getmetatable('')",
        "return getmetatable(null)",
        "return getmetatable(os)",
        "return getmetatable(list())",
        "return getmetatable(select(2, pcall(string.find, 'x', '[')))",
    ] {
        assert_eq!(setting.gives(text).await, json!(false), "{text}");
    }
    for text in [
        "setmetatable(list(), {})",
        "setmetatable(os, nil)",
        "getmetatable('').__index = nil",
        "rawset('', 'x', 1)",
    ] {
        setting.fails(text).await;
    }
    assert_eq!(setting.gives("string.find = nil return string.find == nil").await, json!(true));
    assert_eq!(setting.gives("return ('x'):find('x')").await, json!(1), "each has its own");
    let names = "local names = {} for name in pairs(_G) do names[#names + 1] = name end table.sort(names) return names";
    let names = setting.gives(names).await;
    let known = [
        "_G",
        "_VERSION",
        "assert",
        "error",
        "getmetatable",
        "input",
        "ipairs",
        "list",
        "math",
        "next",
        "null",
        "os",
        "pairs",
        "pcall",
        "print",
        "progress",
        "rawequal",
        "rawget",
        "rawlen",
        "rawset",
        "select",
        "setmetatable",
        "string",
        "table",
        "tonumber",
        "tostring",
        "type",
        "utf8",
        "xpcall",
    ];
    assert_eq!(names, json!(known));
    for (table, known) in [
        ("table", json!(["concat", "insert", "move", "pack", "remove", "sort", "unpack"])),
        (
            "string",
            json!([
                "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack",
                "packsize", "rep", "reverse", "sub", "unpack", "upper"
            ]),
        ),
    ] {
        let text = format!(
            "local names = {{}} for name in pairs({table}) do names[#names + 1] = name end table.sort(names) return names"
        );
        assert_eq!(setting.gives(&text).await, known);
    }
}

#[tokio::test]
async fn bytecode_is_refused() {
    let setting = Setting::plain().await;
    for text in ["\u{1b}Lua", "\u{1b}LuaT\u{0}\u{19}"] {
        let told = setting.fails(text).await;
        assert!(told.contains("attempt to load a binary chunk"), "{told}");
    }
}
