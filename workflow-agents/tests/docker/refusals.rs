//! What a role may not do.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use workflow_agents::Container;
use workflow_agents::policy::Role;

use crate::engine::Engine;
use crate::setting::{AsNobody, Folder, Setting, one};

/// A role that may do a little, and tries to do more.
async fn little(engine: &Engine, folder: &Folder) -> Setting {
    let role = Role::new().image("docker.io/library/busybox:*").image("ghcr.io/us/*:1");
    Setting::with(engine, role.read(folder.0.join("read")).write(folder.0.join("write")).environment("LANG"))
        .await
}

fn folders() -> Folder {
    let folder = Folder::new();
    for name in ["read", "write", "other"] {
        std::fs::create_dir(folder.0.join(name)).expect("it is made");
    }
    folder
}

async fn refused(setting: &Setting, engine: &Engine, container: Container, rule: &str) {
    let shown = format!("{container:?}");
    let told = setting.run(container).await.expect_err(&shown);
    let rule = format!("role.coder.{rule}");
    assert!(told.contains("refused: `coder` may not") && told.contains(&rule), "{told}");
    let audit = setting.audit();
    let last = audit.last().expect("it is kept");
    assert!(last["came"].as_str().is_some_and(|came| came.contains(&rule)), "{last}");
    assert_eq!(engine.count(), 0, "nobody was asked anything: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_role_nothing_is_allowed_and_a_refusal_is_not_tried_again() {
    let (engine, folder) = (Engine::playing([]), folders());
    let setting = little(&engine, &folder).await;
    let told = setting.runtime.run(AsNobody { container: one() }).await.expect_err("it is refused");
    assert!(told.to_string().contains("a step without a role may not use the tool `docker`"), "{told}");
    assert_eq!(setting.audit().len(), 1);
    refused(&setting, &engine, Container::of("rust"), "images").await;
    assert_eq!(setting.audit().len(), 2);
    assert!(setting.run(one()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_known_by_its_name_in_full() {
    let (engine, folder) = (Engine::playing([]), folders());
    let setting = little(&engine, &folder).await;
    let digest = format!("busybox:1@sha256:{}", "0".repeat(64));
    for name in [
        "rust",
        "evil/busybox:1",
        "docker.io/evil/busybox:1",
        "ghcr.io/library/busybox:1",
        "docker.io.evil.net/library/busybox:1",
        "localhost:5000/docker.io/library/busybox:1",
        "docker.io/library/busybox/../evil:1",
        "docker.io/library/busybox:../evil",
        "Busybox:1",
        "busybox:1 ",
        "busybox:1?x",
        "busybox:1#",
        "busybox:1/json",
        "",
        // The digest is what counts, and the rule says tags.
        &digest,
        "ghcr.io/us/a:2",
        "ghcr.io/us",
    ] {
        refused(&setting, &engine, Container::of(name), "images").await;
    }
    for name in ["busybox:1", "docker.io/busybox:1", "library/busybox:1", "index.docker.io/library/busybox:1"]
    {
        assert!(setting.run(Container::of(name)).await.is_ok(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_roles_folders_are_seen() {
    let (engine, folder) = (Engine::playing([]), folders());
    let setting = little(&engine, &folder).await;
    symlink(folder.0.join("other"), folder.0.join("write/out")).unwrap();
    symlink("/", folder.0.join("write/root")).unwrap();
    symlink("/var/run/docker.sock", folder.0.join("write/sock")).unwrap();
    std::fs::write(folder.0.join("write/file"), "").unwrap();
    for wrong in [
        "other",
        "write/out",
        "write/..",
        "read/../other",
        "write/root/etc",
        "write/root",
        "none",
        "",
        "write/file",
    ] {
        refused(&setting, &engine, one().mount(folder.0.join(wrong), "/x"), "read").await;
    }
    for wrong in
        ["/var/run/docker.sock", "/var/run", "/run", "/", "/etc", "/proc/self/cwd", "out", "sock", "../other"]
    {
        refused(&setting, &engine, one().mount(wrong, "/x"), "read").await;
    }
    refused(&setting, &engine, one().mount_writable(folder.0.join("read"), "/x"), "write").await;
    for right in ["write", "read", "write/../read"] {
        assert!(setting.run(one().mount(folder.0.join(right), "/x")).await.is_ok(), "{right}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_engines_socket_is_seen_even_in_a_folder_of_the_roles() {
    let engine = Engine::playing([]);
    let folder = engine.socket.parent().unwrap().to_owned();
    let setting = Setting::with(&engine, Role::new().image("*").write("/")).await;
    for place in [&*folder, folder.parent().unwrap(), "/".as_ref()] {
        refused(&setting, &engine, one().mount(place, "/x"), "read").await;
        refused(&setting, &engine, one().mount_writable(place, "/x"), "read").await;
    }
    // A link to it is found where it leads to.
    let (real, linked) = (Folder::new(), Folder::new());
    let _listener = UnixListener::bind(real.0.join("x.sock")).unwrap();
    symlink(real.0.join("x.sock"), linked.0.join("engine.sock")).unwrap();
    let address = format!("unix://{}", linked.0.join("engine.sock").display());
    let setting = Setting::at(&address, Role::new().image("*").read(&real.0)).await;
    refused(&setting, &engine, one().mount(&real.0, "/x"), "read").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_network_nor_a_variable_is_had_unasked() {
    let (engine, folder) = (Engine::playing([]), folders());
    let setting = little(&engine, &folder).await;
    refused(&setting, &engine, one().network(), "network").await;
    for name in ["PATH", "HOME", "LD_PRELOAD", "DOCKER_HOST", "LANG=x", ""] {
        refused(&setting, &engine, one().variable(name, "x"), "environment").await;
    }
    assert!(setting.run(one().variable("LANG", "C")).await.is_ok());
}
