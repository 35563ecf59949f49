//! What a role may not do.

use std::os::unix::fs::symlink;

use serde_json::json;
use workflow_agents::Lua;
use workflow_agents::policy::Role;

use crate::setting::{AsNobody, Folder, Setting};

#[tokio::test]
async fn without_a_role_nothing_is_run() {
    let setting = Setting::plain().await;
    let told =
        setting.runtime.run(AsNobody { script: Lua::new("return 1") }).await.expect_err("it is refused");
    assert!(told.to_string().contains("a step without a role may not use the tool `lua`"), "{told}");
    assert_eq!(setting.audit().len(), 1);
}

#[tokio::test]
async fn scripts_are_read_from_where_the_role_may_read() {
    let (own, other) = (Folder::new(), Folder::new());
    own.file("judge.lua", "return 'own'");
    let secret = other.file("judge.lua", "return 'other'");
    symlink(&secret, own.0.join("link.lua")).unwrap();
    let setting = Setting::with(Role::new().read(&own.0)).await;
    assert_eq!(setting.run(Lua::file("judge.lua")).await, Ok(json!("own")));
    assert_eq!(setting.run(Lua::file(own.0.join("judge.lua"))).await, Ok(json!("own")));
    let up = format!("../{}/judge.lua", other.0.file_name().unwrap().to_str().unwrap());
    for wrong in [secret.to_str().unwrap(), &up, "link.lua", "/etc/passwd", "no such", ""] {
        let told = setting.run(Lua::file(wrong)).await.expect_err(wrong);
        if !wrong.is_empty() {
            assert!(
                told.contains("refused: `critic` may not read") && told.contains("role.critic.read"),
                "{told}"
            );
        }
    }
    let audit = setting.audit();
    assert_eq!(audit.len(), 5);
    assert!(audit[0]["who"].as_str().is_some_and(|who| who.ends_with(", as critic")), "{}", audit[0]);
    let nobody = Setting::plain().await;
    assert!(
        nobody.run(Lua::file(secret)).await.expect_err("it may read nothing").contains("role.critic.read")
    );
}

#[tokio::test]
async fn what_is_no_script_is_told() {
    let folder = Folder::new();
    folder.file("long.lua", vec![b' '; (1 << 20) + 1]);
    folder.file("latin.lua", b"return '\xe4'");
    let pipe = std::process::Command::new("mkfifo").arg(folder.0.join("pipe")).status().unwrap();
    assert!(pipe.success());
    let setting = Setting::with(Role::new().read(&folder.0)).await;
    for (file, why) in [
        ("long.lua", "longer than 1048576 bytes"),
        ("latin.lua", "a script is UTF-8"),
        ("pipe", "is no file"),
        ("", "is no file"),
    ] {
        let told = setting.run(Lua::file(file)).await.expect_err(file);
        assert!(told.contains(why), "{told}");
    }
    let told = setting.run(Lua::new(" ".repeat((1 << 20) + 1))).await.expect_err("it is too long");
    assert!(told.contains("longer than 1 MiB"), "{told}");
    for (input, why) in [
        (json!({ "script": {} }), "neither a text nor a file"),
        (json!({ "script": { "text": "", "file": "x" } }), "leave one out"),
    ] {
        let job = setting.runtime.submit_json("AsCritic", input).await.unwrap();
        assert!(job.await.expect_err("it is wrong").to_string().contains(why));
    }
}

#[tokio::test]
async fn the_time_is_told_only_to_a_role_that_may_know() {
    let setting = Setting::plain().await;
    for text in ["return os.time()", "return os.execute('id')", "return os.getenv('PATH')"] {
        let told = setting.fails(text).await;
        assert!(
            told.contains(
                "refused: `critic` may not use the library `os`; the rule is role.critic.libraries"
            ),
            "{told}"
        );
    }
    let setting = Setting::with(Role::new().library("os")).await;
    assert!(setting.gives("return os.time()").await.as_i64().is_some_and(|time| time > 1_700_000_000));
    let names = "local names = {} for name in pairs(os) do names[#names + 1] = name end table.sort(names) return names";
    assert_eq!(setting.gives(names).await, json!(["clock", "date", "difftime", "time"]));
}
