//! Commands that start more and more.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use workflow_agents::Shell;
use workflow_agents::policy::{Limits, Role};

use crate::setting::{Folder, Setting, has_control_groups};

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

/// Starts many processes once it may, and writes down how many it was refused.
const MANY: &str = r#"
import os, sys, time
open("begun", "w").close()
while not os.path.exists("go"): time.sleep(0.01)
refused = 0
for _ in range(2000):
    try:
        if os.fork() == 0: time.sleep(600)
    except BlockingIOError: refused += 1
open("part", "w").write(str(refused))
os.rename("part", "refused")
time.sleep(600)
"#;

/// Not a test by itself: the process that does not look.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_runs_a_bomb() {
    let Ok(path) = std::env::var("AGENTS_TEST_BOMB") else { return };
    let limits = Limits { processes: Some(50), ..Limits::default() };
    let role = Role::new().command("*").shell().write(&path).limits(limits);
    let command = Shell::new("python3").args(["-c", MANY]).folder(&path);
    let told = Setting::with(role).await.run(command).await.expect_err("it is too much");
    assert!(told.contains("more than 50 processes and threads"), "{told}");
}

/// Where the system can be told to count, nobody of ours need look in time.
#[tokio::test]
async fn a_bomb_is_held_while_nobody_looks() {
    if !has_control_groups() {
        eprintln!("no control groups can be made here: not tested");
        return;
    }
    let folder = Folder::new();
    let mut process = Command::new(std::env::current_exe().expect("it is there"))
        .args(["--exact", "bombs::a_process_that_runs_a_bomb"])
        .env("AGENTS_TEST_BOMB", &folder.0)
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let signal = |name: &str| {
        let done = Command::new("kill").args([name, &process.id().to_string()]).status();
        assert!(done.expect("it is there").success(), "{name}");
    };
    let there = async |name: &str| {
        while !folder.0.join(name).exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), there("begun")).await.expect("it begins");
    signal("-STOP");
    folder.file("go", "");
    tokio::time::timeout(Duration::from_secs(60), there("refused")).await.expect("it goes on");
    signal("-CONT");
    let refused: u32 = std::fs::read_to_string(folder.0.join("refused")).unwrap().parse().unwrap();
    assert_eq!(refused, 1951, "49 beside itself");
    assert!(process.wait().expect("it ends").success());
}
