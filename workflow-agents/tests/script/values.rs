//! JSON in, JSON out.

use serde_json::{Value as Json, json};
use workflow_agents::Lua;
use workflow_agents::policy::{Limits, Role};

use crate::setting::Setting;

#[tokio::test]
async fn what_goes_in_comes_out_as_it_was() {
    let setting = Setting::plain().await;
    for value in [
        json!(null),
        json!(true),
        json!(7),
        json!(-9_007_199_254_740_993_i64),
        json!(i64::MAX),
        json!(0.1),
        json!(3.0),
        json!(1e300),
        json!(""),
        json!("ä\u{0}\n\"€\u{10ffff}"),
        json!([]),
        json!({}),
        json!([null]),
        json!([1, null, "three", [], {}]),
        json!({ "a": null, "b": [], "c": { "d": [{}] }, "1": 1, "": 0 }),
        (0..99).fold(json!([]), |inner, _| json!([inner])),
    ] {
        let given = setting.run(Lua::new("return input").input(value.clone())).await;
        assert_eq!(given, Ok(value));
    }
}

#[tokio::test]
async fn tables_are_lists_or_objects_by_their_keys() {
    let setting = Setting::plain().await;
    for (text, value) in [
        ("return", json!(null)),
        ("return nil", json!(null)),
        ("return 1, 2", json!(1)),
        ("return {}", json!({})),
        ("return list()", json!([])),
        ("return list {}", json!([])),
        ("return list { 1, 2 }", json!([1, 2])),
        ("return { 1, 'two', { x = null } }", json!([1, "two", { "x": null }])),
        ("return { [2] = 'b', [1] = 'a' }", json!(["a", "b"])),
        ("return { x = nil, y = 1 }", json!({ "y": 1 })),
        ("return { null, null }", json!([null, null])),
        ("return { 10 // 2, 10 / 2, 2 ^ 2 }", json!([5, 5.0, 4.0])),
        (
            "return { input == null, type(null), tostring(null), not null }",
            json!([true, "userdata", "null", false]),
        ),
        ("table.insert(list(), 1) local l = list() table.insert(l, 'x') table.remove(l) return l", json!([])),
    ] {
        assert_eq!(setting.gives(text).await, value, "{text}");
    }
    let given =
        setting.run(Lua::new("local t = input table.insert(t, 3) return t").input(json!([1, 2]))).await;
    assert_eq!(given, Ok(json!([1, 2, 3])));
    let given = setting.run(Lua::new("table.remove(input) return input").input(json!([1]))).await;
    assert_eq!(given, Ok(json!([])));
}

#[tokio::test]
async fn what_is_no_json_is_told_with_its_place() {
    let setting = Setting::plain().await;
    for (text, why) in [
        ("return print", "it is a function"),
        ("return { a = { 1, print } }", "at `.a[2]` it is a function"),
        ("return 0 / 0", "which JSON does not have"),
        ("return { x = math.huge }", "at `.x` it is inf, which JSON does not have"),
        ("return -1 / 0", "it is -inf"),
        ("return '\\xff'", "it is a string that is no UTF-8"),
        ("return { ['\\xff'] = 1 }", "it is a string that is no UTF-8"),
        ("return { 'a', x = 1 }", "neither a list nor an object"),
        ("return { 1, nil, 3 }", "put `null` where there is none"),
        ("return { [0] = 1 }", "has a key that is a"),
        ("return { [1.5] = 1 }", "has a key that is a"),
        ("return { [true] = 1 }", "has a key that is a boolean"),
        ("return { [{}] = 1 }", "has a key that is a table"),
        ("return list { x = 1 }", "neither a list"),
        ("local t = {} t.t = t return t", "nested deeper than 100 levels, or is within itself"),
        ("local t = 1 for i = 1, 101 do t = { t } end return t", "nested deeper than 100 levels"),
        ("local t = 'xxxxxxxxxx' for i = 1, 60 do t = { t, t } end return t", "longer than 1048576 bytes"),
        ("return ('x'):rep(2000000)", "longer than 1048576 bytes"),
        ("local t = {} for i = 1, 2000000 do t[i] = 1 end return t", "longer than 1048576 bytes"),
    ] {
        let told = setting.fails(text).await;
        assert!(told.contains(why) && told.contains("what the script gives is no JSON"), "{text}: {told}");
    }
}

#[tokio::test]
async fn metatables_say_nothing_about_what_is_given() {
    let setting = Setting::plain().await;
    let text = "\
        local function evil() while true do end end
        return setmetatable({ x = 1 }, { __index = evil, __pairs = evil, __len = evil, __tostring = evil, __name = 'y' })";
    assert_eq!(setting.gives(text).await, json!({ "x": 1 }));
    assert_eq!(setting.gives("return setmetatable({}, { __index = { x = 1 } })").await, json!({}));
}

#[tokio::test]
async fn how_much_may_be_given_is_limited_by_the_role_and_the_request() {
    let setting = Setting::with(Role::new().limits(Limits { output: Some(100), ..Limits::default() })).await;
    assert_eq!(setting.gives("return ('x'):rep(90)").await, Json::from("x".repeat(90)));
    assert!(setting.fails("return ('x'):rep(101)").await.contains("longer than 100 bytes"));
    let less = Limits { output: Some(10), ..Limits::default() };
    let told = setting.run(Lua::new("return ('x'):rep(50)").limits(less)).await.expect_err("it is too long");
    assert!(told.contains("longer than 10 bytes"), "{told}");
}

#[tokio::test]
async fn input_that_is_too_deep_or_too_large_is_an_error() {
    let setting = Setting::plain().await;
    let small = Limits { memory: Some(400_000), ..Limits::default() };
    let much = Lua::new("return #input").input("x".repeat(1_000_000));
    let told = setting.run(much.limits(small)).await.expect_err("it is too much");
    assert!(told.contains("not enough memory"), "{told}");
}
