//! What an engine is asked for.

use std::os::unix::fs::symlink;

use serde_json::{Value as Json, json};
use workflow_agents::policy::{Limits, Role};

use crate::engine::{Engine, ID, IMAGE};
use crate::setting::{Folder, Setting, one};

fn memory(place: &str) -> Json {
    json!({ place: "rw,nosuid,nodev,exec,mode=1777,size=536870912" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_held_to_what_is_allowed_and_to_nothing_else() {
    let engine = Engine::playing([]);
    Setting::any(&engine).await.run(one().command(["id"]).arg("-u")).await.unwrap();
    let body = engine.body();
    let wanted = json!({
        "NetworkMode": "none",
        "ReadonlyRootfs": true,
        "Privileged": false,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "IpcMode": "private",
        "Memory": 1 << 30,
        "MemorySwap": 1 << 30,
        "PidsLimit": 256,
        "CpuShares": 256,
        "Ulimits": [
            { "Name": "fsize", "Soft": 1 << 30, "Hard": 1 << 30 },
            { "Name": "core", "Soft": 0, "Hard": 0 },
        ],
        "Mounts": [],
        "Tmpfs": memory("/tmp"),
        "LogConfig": { "Type": "none" },
        "AutoRemove": false,
    });
    assert_eq!(body["HostConfig"], wanted);
    assert_eq!((&body["Image"], &body["Cmd"]), (&json!(ID), &json!(["id", "-u"])));
    assert_eq!((&body["Env"], &body["Tty"]), (&json!(["HOME=/tmp"]), &json!(false)));
    assert_eq!(body["OpenStdin"], json!(false));
    let user = format!("{}:{}", rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    assert_eq!(body["User"], json!(user));
    for absent in ["Entrypoint", "WorkingDir", "Volumes", "ExposedPorts", "NetworkingConfig", "StopSignal"] {
        assert!(body.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_and_allowed_is_passed_on() {
    let engine = Engine::playing([]);
    let role =
        Role::new().image("docker.io/library/busybox:*").network().environment("HOME").environment("LANG");
    let setting = Setting::with(&engine, role).await;
    let asked = one().entrypoint(["sh", "-c"]).command(["$1", "$(id)"]).folder("/work").network();
    let asked = asked.variable("LANG", "a=b\nc").variable("HOME", "/work").scratch("/work/");
    setting.run(asked).await.unwrap();
    let body = engine.body();
    assert_eq!(body["Entrypoint"], json!(["sh", "-c"]));
    assert_eq!(body["Cmd"], json!(["$1", "$(id)"]));
    assert_eq!(body["WorkingDir"], json!("/work"));
    assert_eq!(body["Env"], json!(["HOME=/work", "LANG=a=b\nc"]));
    assert_eq!(body["HostConfig"]["NetworkMode"], json!("default"));
    let scratch = body["HostConfig"]["Tmpfs"].as_object().unwrap();
    assert!(
        scratch.len() == 2 && scratch.contains_key("/tmp") && scratch.contains_key("/work"),
        "{scratch:?}"
    );
    let asked = engine.asked("GET", "json");
    assert_eq!(asked[0].path, format!("/images/{IMAGE}/json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_limits_and_who_asks_may_ask_for_less_but_not_for_more() {
    let engine = Engine::playing([]);
    let most = Limits {
        memory: Some(100 << 20),
        processes: Some(9),
        processors: Some(2),
        file: Some(4096),
        ..Limits::default()
    };
    let setting = Setting::with(&engine, Role::new().image("*").limits(most)).await;
    let more = Limits {
        memory: Some(1 << 40),
        processes: Some(99),
        processors: Some(64),
        file: Some(1 << 40),
        ..Limits::default()
    };
    let less = Limits {
        memory: Some(50 << 20),
        processes: Some(3),
        processors: Some(1),
        file: Some(64),
        ..Limits::default()
    };
    for (asked, memory, processes, processors, file) in
        [(more, 100 << 20, 9, 2, 4096), (less, 50 << 20, 3, 1, 64)]
    {
        setting.run(one().limits(asked)).await.unwrap();
        let host = &engine.body()["HostConfig"];
        assert_eq!((&host["Memory"], &host["MemorySwap"]), (&json!(memory), &json!(memory)));
        assert_eq!(host["PidsLimit"], json!(processes));
        assert_eq!(host["NanoCpus"], json!(processors * 1_000_000_000_i64));
        assert_eq!(host["Ulimits"][0], json!({ "Name": "fsize", "Soft": file, "Hard": file }));
        let tmpfs = host["Tmpfs"]["/tmp"].as_str().unwrap();
        assert!(tmpfs.ends_with(&format!(",size={}", memory / 2)), "{tmpfs}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_is_the_folder_as_the_file_system_knows_it() {
    let (own, other) = (Folder::new(), Folder::new());
    std::fs::create_dir(own.0.join("in")).unwrap();
    symlink(own.0.join("in"), own.0.join("link")).unwrap();
    let engine = Engine::playing([]);
    let role = Role::new().image("*").write(&own.0).read(&other.0);
    let setting = Setting::with(&engine, role).await;
    let asked = one().mount_writable(own.0.join("in/../link"), "/tmp").mount(&other.0, "/b:c,d");
    setting.run(asked.mount("link", "/relative")).await.unwrap();
    let mount = |folder: &std::path::Path, inside: &str, is_readonly: bool| {
        json!({ "Type": "bind", "Source": folder.to_str().unwrap(), "Target": inside, "ReadOnly": is_readonly,
            "BindOptions": { "NonRecursive": true } })
    };
    let inside = own.0.join("in");
    let host = &engine.body()["HostConfig"];
    assert_eq!(
        host["Mounts"],
        json!([
            mount(&inside, "/tmp", false),
            mount(&other.0, "/b:c,d", true),
            mount(&inside, "/relative", true)
        ])
    );
    assert_eq!(host["Tmpfs"], json!({}), "what is mounted is not hidden");
    assert!(host.get("Binds").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_image_would_keep_on_disk_is_in_memory() {
    let engine = Engine::playing([]);
    engine.has(IMAGE, &["/data/", "/var/lib/x"]);
    Setting::any(&engine).await.run(one()).await.unwrap();
    let tmpfs = engine.body()["HostConfig"]["Tmpfs"].clone();
    let mut folders: Vec<&String> = tmpfs.as_object().unwrap().keys().collect();
    folders.sort();
    assert_eq!(folders, ["/data", "/tmp", "/var/lib/x"]);
    let removed = engine.asked("DELETE", "");
    assert_eq!(
        (removed[0].parameter("force"), removed[0].parameter("v")),
        (Some("true".into()), Some("true".into()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_engine_is_ours_its_root_is_who_we_are() {
    let engine = Engine::playing([]);
    engine.is_rootless();
    Setting::any(&engine).await.run(one()).await.unwrap();
    assert_eq!(engine.body()["User"], json!("0:0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_says_whose_it_is() {
    let engine = Engine::playing([]);
    let setting = Setting::any(&engine).await;
    let job = setting.submit(one()).await;
    let id = job.id().to_string();
    job.await.unwrap();
    let labels = engine.body()["Labels"].clone();
    assert_eq!((&labels["workflow.job"], &labels["workflow.attempt"]), (&json!(id), &json!("1")));
    assert!(labels["workflow.task"].as_str().unwrap().starts_with(&format!("{id}/")), "{labels}");
}
