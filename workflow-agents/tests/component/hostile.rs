//! Components that mean harm.

use std::time::{Duration, Instant};

use serde_json::json;
use workflow_agents::policy::Limits;

use crate::setting::Setting;
use crate::written::{echo, running, saying, whole};

/// Says that it runs, and never ends.
const ENDLESS: &str =
    "(call $progress (f64.const 0) (i32.const 0) (i32.const 0)) (loop $again (br $again)) (unreachable)";

#[tokio::test(flavor = "multi_thread")]
async fn what_never_ends_is_ended() {
    let setting = Setting::with(Limits { time_ms: Some(200), ..Limits::default() }).await;
    for text in [
        running("(loop $again (br $again)) (unreachable)"),
        whole("(func $f (loop $again (br $again))) (start $f)", "(unreachable)"),
        running("(loop $again (call $log (i32.const 0) (i32.const 100)) (br $again)) (unreachable)"),
        running(
            "(loop $again (call $progress (f64.const nan) (i32.const 0) (i32.const 9)) (br $again)) (unreachable)",
        ),
        running("(loop $again (drop (memory.grow (i32.const 1))) (br $again)) (unreachable)"),
        running(
            "(loop $again (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (br $again)) (unreachable)",
        ),
        echo().replace("(local $at i32)", "(local $at i32) (loop $again (br $again))"),
    ] {
        let component = setting.component(&text);
        let began = Instant::now();
        let told = setting.run(component).await.expect_err(&text);
        assert!(
            told.contains("was ended after 200ms, which is as long as its role may run it"),
            "{text}: {told}"
        );
        assert!(!told.contains("nobody waits") && began.elapsed() < Duration::from_secs(3), "{text}: {told}");
    }
}

#[tokio::test]
async fn who_is_cancelled_ends_and_nobody_else_does() {
    let setting = Setting::plain().await;
    let (one, other) = (setting.component(&running(ENDLESS)), setting.component(&running(ENDLESS)));
    let (one, other) = (setting.submit(one).await, setting.submit(other).await);
    one.progress().next().await.expect("it runs");
    other.progress().next().await.expect("it runs");
    let began = Instant::now();
    assert!(one.cancel("enough").await);
    drop(one.await.expect_err("it is cancelled"));
    assert!(other.result().is_none(), "it goes on");
    // The runtime's one thread goes on, too.
    assert_eq!(setting.run(setting.component(&echo()).input(1)).await, Ok(json!(1)));
    assert!(other.cancel("enough").await);
    drop(other.await);
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn memory_is_limited_whatever_it_is_used_for() {
    let setting = Setting::with(Limits { memory: Some(1 << 20), ..Limits::default() }).await;
    let grow =
        "(loop $again (br_if $again (i32.ne (i32.const -1) (memory.grow (i32.const 1))))) (unreachable)";
    let tables = "(loop $again (br_if $again (i32.ne (i32.const -1) (table.grow (ref.null func) (i32.const 1000))))) (unreachable)";
    for text in [
        running(grow),
        whole("(table 0 funcref)", tables),
        whole("(table 100000 funcref)", "(unreachable)"),
        echo().replace(r#"(memory (export "memory") 1)"#, r#"(memory (export "memory") 17)"#),
    ] {
        let told = setting.run(setting.component(&text)).await.expect_err(&text);
        assert!(told.contains("asked for more memory than the 1048576 bytes that it may have"), "{told}");
    }
    let told =
        setting.run(setting.component(&echo()).input("x".repeat(2 << 20))).await.expect_err("it is too much");
    assert!(told.contains("asked for more memory"), "{told}");
    let fits = echo().replace(r#"(memory (export "memory") 1)"#, r#"(memory (export "memory") 15)"#);
    assert_eq!(setting.run(setting.component(&fits).input(1)).await, Ok(json!(1)));
}

#[tokio::test]
async fn instructions_and_output_are_limited() {
    let setting =
        Setting::with(Limits { instructions: Some(100_000), output: Some(100), ..Limits::default() }).await;
    let told = setting.run(setting.component(&running("(loop $again (br $again)) (unreachable)"))).await;
    let told = told.expect_err("it does too much");
    assert!(told.contains("was ended after 100000 instructions, which is as many as it may have"), "{told}");
    let told =
        setting.run(setting.component(&echo()).input("x".repeat(101))).await.expect_err("it is too long");
    assert!(told.contains("longer than 100 bytes, which is as much as it may give"), "{told}");
    assert_eq!(setting.run(setting.component(&echo()).input("x")).await, Ok(json!("x")));
}

#[tokio::test]
async fn what_breaks_the_rules_breaks_off_by_itself() {
    let setting = Setting::plain().await;
    for (text, why) in [
        (whole("(func $f (call $f))", "(call $f) (unreachable)"), "call stack exhausted"),
        (running("(i32.const -16)"), "broke off"),
        (running("(call $give (i32.const 7) (i32.const 0) (i32.const 0))"), "broke off"),
        (running("(call $give (i32.const 0) (i32.const 0) (i32.const -1))"), "broke off"),
        (running("(call $log (i32.const -9) (i32.const 100)) (unreachable)"), "broke off"),
        (running("(i32.div_u (i32.const 1) (i32.const 0))"), "integer divide by zero"),
        (running("(i32.load (i32.const -4))"), "out of bounds memory access"),
        (saying(b"\xff", true), "broke off"),
        (
            echo().replace(
                "(local.get $at)))\n    (core instance $libc",
                "(i32.const -1)))\n    (core instance $libc",
            ),
            "broke off",
        ),
    ] {
        let told = setting.run(setting.component(&text)).await.expect_err(why);
        assert!(told.contains(why) && told.contains("broke off"), "{text}: {told}");
    }
}

#[tokio::test]
async fn long_complaints_are_cut() {
    let setting = Setting::plain().await;
    let text = running("(call $give (i32.const 1) (local.get $at) (local.get $length))");
    let told =
        setting.run(setting.component(&text).input("ä".repeat(100_000))).await.expect_err("it complains");
    assert!(told.contains("failed: \"ää") && told.len() < 3000, "{}", told.len());
}
