//! What a script can do.

use serde_json::json;
use workflow_agents::Lua;
use workflow_agents::policy::Role;

use crate::setting::{Folder, Setting};

#[tokio::test]
async fn a_script_works_on_its_input() {
    let setting = Setting::plain().await;
    assert_eq!(setting.run(Lua::new("return input.x * 2").input(json!({ "x": 21 }))).await, Ok(json!(42)));
    let text = "\
        local best
        for _, item in ipairs(input) do
            if not best or item.score > best.score then best = item end
        end
        return best";
    let items = json!([{ "score": 1 }, { "score": 3, "name": "c" }, { "score": 2 }]);
    assert_eq!(setting.run(Lua::new(text).input(items)).await, Ok(json!({ "score": 3, "name": "c" })));
}

#[tokio::test]
async fn the_library_does_what_the_manual_says() {
    let setting = Setting::plain().await;
    for (text, value) in [
        ("return table.concat({ 1, 'a', 2.5 }, ', ')", json!("1, a, 2.5")),
        ("return table.concat({ 1, 2, 3 }, '-', 2, 3)", json!("2-3")),
        ("return table.concat({})", json!("")),
        ("return { table.unpack({ 1, 2, 3 }, 2) }", json!([2, 3])),
        ("return { select('#', table.unpack({}, 1, 3)) }", json!([3])),
        ("local t = { 1, 3 } table.insert(t, 2, 2) table.insert(t, 4) return t", json!([1, 2, 3, 4])),
        (
            "local t = { 1, 2, 3 } return { table.remove(t, 1), table.remove(t), #t, t[1] }",
            json!([1, 3, 1, 2]),
        ),
        ("local t = { 5 } return { table.remove(t), table.remove(t) == nil, #t }", json!([5, true, 0])),
        ("return table.move({ 1, 2, 3 }, 1, 3, 2)", json!([1, 1, 2, 3])),
        ("return table.move({ 1, 2, 3 }, 2, 3, 1)", json!([2, 3, 3])),
        ("return table.move({ 1, 2 }, 1, 2, 1, {})", json!([1, 2])),
        ("local t = { 3, 1, 2 } table.sort(t) return t", json!([1, 2, 3])),
        ("local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) return t", json!([3, 2, 1])),
        ("return table.pack(1, nil, 3).n", json!(3)),
        ("return { ('hello world'):find('o w') }", json!([5, 7])),
        ("return { ('hello'):find('l', 1, true), ('a.b'):find('.', 1, true) }", json!([3, 2, 2])),
        ("return { ('key = value'):match('^(%w+)%s*=%s*(%w+)$') }", json!(["key", "value"])),
        ("return { ('hello'):gsub('l', { l = 'L' }) }", json!(["heLLo", 2])),
        ("return (('a b'):gsub('%w', function(x) return x .. x end))", json!("aa bb")),
        ("return (('abc'):gsub('', '-'))", json!("-a-b-c-")),
        (
            "local t = {} for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[k] = v end return t",
            json!({ "a": "1", "b": "2" }),
        ),
        ("return utf8.len('äöü')", json!(3)),
        ("return math.tointeger(3.0)", json!(3)),
        ("return { pcall(error, 'x', 0) }", json!([false, "x"])),
        ("return { xpcall(error, function(e) return e .. '!', 1 end, 'x') }", json!([false, "x!"])),
        ("local m = { __call = function(_, x) return x end } return setmetatable({}, m)(5)", json!(5)),
        (
            "local m = { __index = { x = 1 } } local t = setmetatable({}, m) return { t.x, getmetatable(t) == m }",
            json!([1, true]),
        ),
        (
            "local t = setmetatable({}, { __index = { x = 1 } }) setmetatable(t, { __index = { x = 2 } }) return t.x",
            json!(2),
        ),
        (
            "local t = setmetatable({}, { __index = { x = 1 } }) return { setmetatable(t, nil) == t, t.x == nil }",
            json!([true, true]),
        ),
        (
            "local t = setmetatable({}, { __metatable = 'mine' }) return { getmetatable(t), (pcall(setmetatable, t, {})) }",
            json!(["mine", false]),
        ),
        (
            "local C = {} C.__index = C function C.new(x) return setmetatable({ x = x }, C) end function C:get() return self.x end C.__add = function(a, b) return a.x + b.x end return { C.new(2) + C.new(3), C.new(4):get() }",
            json!([5, 4]),
        ),
        (
            "local m = {} local t = setmetatable({}, m) m.__len = function() return 7 end setmetatable({}, m) return #t",
            json!(7),
        ),
        ("return { xpcall(select, print, 2, 1, null, 3) }", json!([true, null, 3])),
        ("return { xpcall(error, function() error('y', 0) end) }", json!([false, "y"])),
        ("local t = {} for k, v in pairs({ a = 1 }) do t[k] = v end return t", json!({ "a": 1 })),
    ] {
        assert_eq!(setting.gives(text).await, value, "{text}");
    }
    for (text, why) in [
        ("return ('x'):find('[')", "script:1: malformed pattern (missing ']')"),
        ("\n\nreturn ('x'):gsub('x', '%9')", "script:3: invalid capture index %9 in replacement string"),
        (
            "return ('x'):gsub('x')",
            "script:1: bad argument #3 to 'gsub' (string/function/table expected, got nil)",
        ),
        ("local x = table.concat({ {} })", "script:1: invalid value (at index 1) in table for 'concat'"),
        (
            "local x = table.insert({}, 5, 1)",
            "script:1: bad argument #2 to 'insert' (position out of bounds)",
        ),
        (
            "local x = table.insert(1, 5)",
            "script:1: bad argument #1 to 'insert' (table expected, got number)",
        ),
        (
            "local x = table.remove({ 1 }, 7)",
            "script:1: bad argument #2 to 'remove' (position out of bounds)",
        ),
        ("table.sort({ 1, 'x', 2 })", "attempt to compare"),
    ] {
        let told = setting.fails(text).await;
        assert!(told.contains(why), "{text}: {told}");
    }
}

#[tokio::test]
async fn a_mistake_is_told_with_file_and_line() {
    let folder = Folder::new();
    folder.file("judge.lua", "local x = 1\nreturn x +\n");
    folder.file("deep/late.lua", "local x\n\nreturn x.y");
    let setting = Setting::with(Role::new().read(&folder.0)).await;
    let told = setting.run(Lua::file("judge.lua")).await.expect_err("it is wrong");
    assert!(told.contains("judge.lua:3: unexpected symbol near <eof>"), "{told}");
    let told = setting.run(Lua::file("deep/late.lua")).await.expect_err("it is wrong");
    assert!(told.contains("late.lua:3: attempt to index a nil value (local 'x')"), "{told}");
    assert!(!told.contains("traceback"), "{told}");
    assert!(setting.fails("return +").await.contains("script:1: unexpected symbol"));
}

#[tokio::test]
async fn what_it_prints_is_in_the_log_and_how_far_it_is_can_be_seen() {
    let setting = Setting::plain().await;
    let job =
        setting.submit(Lua::new("print('a', 1, nil, {} ~= nil) progress(0.5, 'half') print('\\xff')")).await;
    let mut progress = job.progress();
    let told = progress.next().await.expect("it tells");
    assert_eq!((told.fraction, told.message.as_ref()), (0.5, "half"));
    job.outcome().await.unwrap();
    let journal = format!("{:?}", job.journal());
    assert!(journal.contains(r"a\t1\tnil\ttrue") && journal.contains('\u{fffd}'), "{journal}");
}

#[tokio::test]
async fn many_run_at_once() {
    let setting = Setting::plain().await;
    let mut jobs = Vec::new();
    for number in 0..200 {
        let script =
            Lua::new("local s = 0 for i = 1, 10000 do s = s + input end x = s return x").input(number);
        jobs.push(setting.submit(script).await);
    }
    for (number, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.await.unwrap(), json!(number * 10_000));
    }
}
