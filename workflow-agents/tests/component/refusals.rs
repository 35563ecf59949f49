//! What a role may not do, and what is no component.

use serde_json::json;
use workflow_agents::Wasm;

use crate::setting::{AsNobody, Setting};
use crate::written::echo;

#[tokio::test]
async fn what_the_role_may_not_read_is_not_run() {
    let (setting, other) = (Setting::plain().await, Setting::plain().await);
    let foreign = other.component(&echo());
    let told = setting.run(foreign.clone()).await.expect_err("it is another's");
    assert!(told.contains("refused: `critic` may not read") && told.contains("role.critic.read"), "{told}");
    assert_eq!(setting.audited(), 1);
    let told =
        other.runtime.run(AsNobody { component: foreign }).await.expect_err("it is refused").to_string();
    assert!(told.contains("a step without a role may not use the tool `wasm`"), "{told}");
}

#[tokio::test]
async fn what_is_no_component_is_told() {
    let setting = Setting::plain().await;
    let core = wat::parse_str("(module)").unwrap();
    let mut broken = wat::parse_str(echo()).unwrap();
    broken.truncate(broken.len() / 2);
    let mut twisted = wat::parse_str(echo()).unwrap();
    for place in (200..twisted.len()).step_by(7) {
        twisted[place] ^= 0x55;
    }
    for (name, bytes, why) in [
        ("core", core, "is a core module and no component; make one of it by `wasm-tools component new`"),
        ("empty", Vec::new(), "is no component of WebAssembly"),
        ("garbage", vec![7; 1000], "is no component of WebAssembly"),
        ("text", echo().into_bytes(), "is no component of WebAssembly"),
        ("head", b"\0asm\x0d\0\x01\0".to_vec(), "has no `run: func(input: string)"),
        ("broken", broken, "is no component that can be run: "),
        ("twisted", twisted, "is no component that can be run: "),
        ("long", vec![0; (32 << 20) + 1], "is longer than 33554432 bytes"),
    ] {
        setting.file(name, bytes);
        let told = setting.run(Wasm::file(name)).await.expect_err(name);
        assert!(told.contains(why), "{name}: {told}");
    }
    let told = setting.run(Wasm::file(".")).await.expect_err("it is a folder");
    assert!(told.contains("is no file"), "{told}");
}

#[tokio::test]
async fn what_wants_more_than_there_is_is_refused_by_name() {
    let setting = Setting::plain().await;
    let of = |import: &str| format!(r#"(component (import "{import}" (instance (export "f" (func)))))"#);
    let told =
        setting.run(setting.component(&of("wasi:cli/environment@0.2.0"))).await.expect_err("it is WASI");
    assert!(
        told.contains("imports `wasi:cli/environment@0.2.0`")
            && told.contains("of WASI nothing is to be had"),
        "{told}"
    );
    let told = setting.run(setting.component(&of("some:other/thing"))).await.expect_err("it is not there");
    assert!(told.contains("imports `some:other/thing`, and there is only `workflow:agent/host`"), "{told}");
    // Of what there is, what is not.
    let told = setting.run(setting.component(&of("workflow:agent/host"))).await.expect_err("it is not there");
    assert!(told.contains("broke off") && told.contains('f'), "{told}");
}

#[tokio::test]
async fn what_exports_something_else_is_refused() {
    let setting = Setting::plain().await;
    let text = r#"
        (component
            (core module $m (func (export "run")))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#;
    let told = setting.run(setting.component(text)).await.expect_err("it is another");
    assert!(told.contains("has no `run: func(input: string) -> result<string, string>`"), "{told}");
    let job = setting.runtime.submit_json("AsCritic", json!({ "component": {} })).await;
    assert!(job.is_err(), "a file is asked for");
}
