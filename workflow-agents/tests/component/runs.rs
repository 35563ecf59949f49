//! What a component can do.

use serde_json::{Value as Json, json};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{LiftLowerAbi, ManglingAndAbi};
use workflow_agents::Wasm;

use crate::setting::Setting;
use crate::written::{echo, running, saying, whole};

/// Makes small letters large.
const UPPER: &str = r"
    (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $place) (local.get $length)))
        (if (i32.lt_u
                (i32.sub (i32.load8_u (i32.add (local.get $at) (local.get $place))) (i32.const 97))
                (i32.const 26))
            (then (i32.store8
                (i32.add (local.get $at) (local.get $place))
                (i32.sub (i32.load8_u (i32.add (local.get $at) (local.get $place))) (i32.const 32)))))
        (local.set $place (i32.add (local.get $place) (i32.const 1)))
        (br $next)))
    (call $give (i32.const 0) (local.get $at) (local.get $length))";

#[tokio::test]
async fn json_goes_in_and_comes_out() {
    let setting = Setting::plain().await;
    let same = setting.component(&echo());
    for value in [json!(null), json!([1, 2.5, { "ä": "€\n\u{0}" }]), Json::from("x".repeat(200_000))] {
        assert_eq!(setting.run(same.clone().input(value.clone())).await, Ok(value));
    }
    let upper = setting.component(&running(UPPER));
    let given = setting.run(upper.input(json!({ "text": "once upon" }))).await;
    assert_eq!(given, Ok(json!({ "TEXT": "ONCE UPON" })));
}

#[tokio::test]
async fn what_it_says_went_wrong_fails_the_step() {
    let setting = Setting::plain().await;
    for (text, why) in [
        (saying(b"no luck", false), "the component failed: no luck"),
        (saying(b"nonsense", true), "what the component gives is no JSON: expected"),
        (saying(b"", true), "what the component gives is no JSON: EOF"),
        (
            running("unreachable"),
            "the component broke off: wasm trap: wasm `unreachable` instruction executed",
        ),
    ] {
        let told = setting.run(setting.component(&text)).await.expect_err(why);
        assert!(told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn it_can_log_and_say_how_far_it_is() {
    let setting = Setting::plain().await;
    let text = whole(
        r#"(data (i32.const 512) "a line")"#,
        "(call $log (i32.const 512) (i32.const 6))
         (call $progress (f64.const 0.5) (i32.const 514) (i32.const 4))
         (call $give (i32.const 0) (local.get $at) (local.get $length))",
    );
    let job = setting.submit(setting.component(&text)).await;
    let mut progress = job.progress();
    let told = progress.next().await.expect("it tells");
    assert_eq!((told.fraction, told.message.as_ref()), (0.5, "line"));
    job.outcome().await.unwrap();
    assert!(format!("{:?}", job.journal()).contains("a line"));
}

#[tokio::test]
async fn a_file_that_changes_is_another_component() {
    let setting = Setting::plain().await;
    for number in 1..=3 {
        let bytes = wat::parse_str(saying(number.to_string().as_bytes(), true)).unwrap();
        let file = setting.file("scorer.wasm", bytes);
        assert_eq!(setting.run(Wasm::file("scorer.wasm")).await, Ok(json!(number)));
        assert_eq!(setting.run(Wasm::file(file)).await, Ok(json!(number)));
    }
}

#[tokio::test]
async fn many_run_at_once() {
    let setting = Setting::plain().await;
    let same = setting.component(&echo());
    let mut jobs = Vec::new();
    for number in 0..200 {
        jobs.push(setting.submit(same.clone().input(number)).await);
    }
    for (number, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.await.unwrap(), json!(number));
    }
}

/// A component that the tools make of `wit/agent.wit` finds what it imports and is found to export what it should.
#[tokio::test]
async fn what_the_interface_says_is_what_there_is() {
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("agent.wit", include_str!("../../wit/agent.wit")).unwrap();
    let world = resolve.select_world(&[package], Some("agent")).unwrap();
    let mut module = wit_component::dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let bytes = ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap();
    let setting = Setting::plain().await;
    setting.file("dummy.wasm", bytes);
    let told = setting.run(Wasm::file("dummy.wasm")).await.expect_err("it does nothing");
    assert!(told.contains("broke off: wasm trap: wasm `unreachable`"), "{told}");
}
