//! That nothing is left running.

use std::process::{Command, Stdio};
use std::time::Duration;

use workflow_agents::Shell;

use crate::setting::{Folder, Setting, has_control_groups, number_in, runs, until};

/// A script that starts others: in its group, in groups and sessions of their own, and deaf ones. Their numbers are in files.
const FAMILY: &str = "\
trap '' TERM
sleep 600 & echo $! > one
setsid sleep 600 & echo $! > two
(setsid sh -c 'echo $$ > three; trap \"\" TERM HUP INT; sleep 600; sleep 600' &)
echo $$ > all; wait";

async fn family(folder: &Folder) -> Vec<u32> {
    let mut numbers = Vec::new();
    for name in ["one", "two", "three", "all"] {
        numbers.push(number_in(&folder.0.join(name)).await);
    }
    numbers
}

async fn gone(numbers: &[u32]) {
    until("all of it is gone", || !numbers.iter().any(|number| runs(*number))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cancelled_leaves_nobody() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let job = setting.submit(Shell::script(FAMILY)).await;
    let numbers = family(&folder).await;
    assert!(numbers.iter().all(|number| runs(*number)));
    assert!(job.cancel("enough").await);
    drop(job.await);
    gone(&numbers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_takes_along_what_it_has_started() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let script = FAMILY.replace("wait", "until [ -s two ] && [ -s three ]; do sleep 0.01; done");
    let done = setting.run(Shell::script(script)).await.unwrap();
    assert!(done.succeeded() && done.took_ms < 60_000);
    let numbers = family(&folder).await;
    assert!(!numbers.iter().any(|number| runs(*number)), "it is gone when the step is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_to_end_may_clear_up() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let script = "trap 'echo cleared > left; exit 0' TERM; echo $$ > all; while :; do sleep 0.01; done";
    let job = setting.submit(Shell::script(script)).await;
    let number = number_in(&folder.0.join("all")).await;
    assert!(job.cancel("enough").await);
    drop(job.await);
    gone(&[number]).await;
    assert_eq!(std::fs::read_to_string(folder.0.join("left")).unwrap(), "cleared\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_shuts_down_leaves_nobody() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let job = setting.submit(Shell::script(FAMILY)).await;
    let numbers = family(&folder).await;
    drop(job);
    assert_eq!(setting.runtime.shutdown(Duration::ZERO).await, 1);
    gone(&numbers).await;
}

/// Not a test by itself: the process that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_runs_a_command() {
    let Ok(path) = std::env::var("AGENTS_TEST_FOLDER") else { return };
    let setting = Setting::free(path.as_ref()).await;
    drop(setting.run(Shell::script(FAMILY)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_leaves_nobody_in_the_commands_group() {
    let folder = Folder::new();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ends::a_process_that_runs_a_command"])
        .env("AGENTS_TEST_FOLDER", &folder.0)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let numbers = family(&folder).await;
    process.kill().unwrap();
    process.wait().unwrap();
    gone(&[numbers[0], numbers[3]]).await;
    if !has_control_groups() {
        // Who has left the group is ended by the next attempt of the same task, which knows it by its mark.
        for number in &numbers[1..3] {
            drop(Command::new("kill").args(["-9", &number.to_string()]).status());
        }
    }
    tokio::time::timeout(Duration::from_secs(20), gone(&numbers)).await.unwrap();
}
