//! Commands that start more and more.

use std::time::{Duration, Instant};

use workflow_agents::Shell;
use workflow_agents::policy::{Limits, Role};

use crate::setting::{Folder, Setting};

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_of_processes_ends_with_all_of_them() {
    let folder = Folder::new();
    let limits = Limits { processes: Some(50), ..Limits::default() };
    let role = Role::new().command("*").shell().write(&folder.0).environment("KIND").limits(limits);
    let setting = Setting::with(role).await;
    for bomb in [
        "b() { b | b & }; b; sleep 600",
        "while :; do sleep 600 & done",
        "while :; do setsid sleep 600 & done",
    ] {
        let began = Instant::now();
        let told =
            setting.run(Shell::script(bomb).variable("KIND", "bomb")).await.expect_err("it is too much");
        assert!(told.contains("more than 50 processes and threads"), "{told}");
        assert!(began.elapsed() < Duration::from_secs(30), "{bomb}: {:?}", began.elapsed());
        assert_eq!(marked(), 0, "{bomb}");
    }
}

/// How many processes there are that a bomb has started.
fn marked() -> usize {
    let folder = std::fs::read_dir("/proc").expect("it is there");
    let environment =
        |entry: std::fs::DirEntry| std::fs::read(entry.path().join("environ")).unwrap_or_default();
    let own = b"KIND=bomb\0";
    let has = |environment: &Vec<u8>| environment.windows(own.len()).any(|part| part == own);
    folder.filter_map(Result::ok).map(environment).filter(has).count()
}
