//! How much a command may use.

use workflow_agents::policy::{Limits, Role};
use workflow_agents::{Accept, Shell};

use crate::setting::{Folder, Setting};

/// Where a role has these limits.
async fn limited(folder: &Folder, limits: Limits) -> Setting {
    Setting::with(Role::new().command("*").shell().write(&folder.0).limits(limits)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited_for_one_process_and_for_all_together() {
    let folder = Folder::new();
    let setting = limited(&folder, Limits { memory: Some(200 << 20), ..Limits::default() }).await;
    let one = "x = bytearray(150 << 20); print(len(x))";
    assert!(setting.run(Shell::new("python3").args(["-c", one])).await.is_ok());
    let much = "x = bytearray(300 << 20); print(len(x))";
    let told = setting.run(Shell::new("python3").args(["-c", much])).await.expect_err("it is too much");
    assert!(told.contains("MemoryError"), "{told}");
    let many = "\
import os, time
os.fork(), os.fork()
x = bytearray(100 << 20)
for place in range(0, len(x), 4096): x[place] = 1
time.sleep(600)";
    let told = setting.run(Shell::new("python3").args(["-c", many])).await.expect_err("it is too much");
    assert!(told.contains("bytes of memory, and may have 209715200"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_limited() {
    let folder = Folder::new();
    let setting = limited(&folder, Limits { file: Some(1 << 20), ..Limits::default() }).await;
    let done =
        setting.run(Shell::script("head -c 3000000 /dev/zero > big").accept(Accept::Any)).await.unwrap();
    assert!(!done.succeeded());
    assert_eq!(folder.0.join("big").metadata().unwrap().len(), 1 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_limits_time_and_who_asks_may_ask_for_less_but_not_for_more() {
    let folder = Folder::new();
    let setting =
        limited(&folder, Limits { time_ms: Some(300), output: Some(100), ..Limits::default() }).await;
    let more = Limits { time_ms: Some(600_000), output: Some(1 << 30), ..Limits::default() };
    let told = setting.run(Shell::script("sleep 600").limits(more)).await.expect_err("it takes too long");
    assert!(told.contains("was ended after 300ms, which is as long as its role may run it"), "{told}");
    let done = setting.run(Shell::script("yes | head -c 1000").limits(more)).await.unwrap();
    assert!(done.stdout.truncated);
    let less = Limits { output: Some(10), ..Limits::default() };
    let done = setting.run(Shell::script("yes | head -c 20").limits(less)).await.unwrap();
    assert!(done.stdout.truncated);
}
