//! What a command gives.

use workflow_agents::{Accept, Encoding, Shell};

use crate::setting::{Folder, Setting};

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_what_they_are_and_the_output_comes_back() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let strange = ["$(id)", "`id`", "a b", "*", "; id", "", "-n", "ä\n'\""];
    let done = setting.run(Shell::new("printf").arg("[%s]").args(strange)).await.unwrap();
    let wanted: String = strange.iter().map(|argument| format!("[{argument}]")).collect();
    assert_eq!(
        (done.code, done.stdout.text.as_str(), done.stdout.bytes),
        (Some(0), &*wanted, wanted.len() as u64)
    );
    let done = setting
        .run(Shell::script("echo \"$2\" >&2; pwd; cat").args(["1", "$(id)"]).input("in"))
        .await
        .unwrap();
    assert_eq!(done.stderr.text, "$(id)\n");
    assert_eq!(done.stdout.text, format!("{}\nin", folder.0.display()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_is_not_accepted_fails_the_step_and_says_why() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let failing = || Shell::script("echo working; echo 'no such thing' >&2; exit 3");
    let told = setting.run(failing()).await.expect_err("it fails");
    assert!(told.contains("`the script` ended with code 3; it said last: no such thing"), "{told}");
    let done = setting.run(failing().accept(Accept::Any)).await.unwrap();
    assert_eq!((done.code, done.succeeded()), (Some(3), false));
    let done = setting.run(failing().accept(Accept::Codes(vec![0, 3]))).await.unwrap();
    assert_eq!(done.stdout.text, "working\n");
    assert!(setting.run(failing().accept(Accept::Codes(vec![1]))).await.is_err());
    let done = setting.run(Shell::script("kill -9 $$").accept(Accept::Any)).await.unwrap();
    assert_eq!((done.code, done.signal), (None, Some(9)));
}

#[tokio::test(flavor = "multi_thread")]
async fn output_of_any_kind_and_length_is_kept_as_far_as_it_may() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let done =
        setting.run(Shell::script("head -c 100000000 /dev/zero | tr '\\0' x; echo end")).await.unwrap();
    assert_eq!((done.stdout.bytes, done.stdout.truncated), (100_000_004, true));
    assert!(done.stdout.text.len() < (1 << 20) + 100 && done.stdout.text.ends_with("xend\n"));
    let done = setting.run(Shell::script("printf 'a\\000b'")).await.unwrap();
    assert_eq!((done.stdout.text.as_str(), done.stdout.encoding), ("YQBi", Encoding::Base64));
    let done = setting.run(Shell::script("printf 'a\\377b'")).await.unwrap();
    assert_eq!(done.stdout.text, "a\u{fffd}b");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_is_told_as_progress() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let job =
        setting.submit(Shell::script("echo reading; until [ -e go ]; do sleep 0.01; done; echo done")).await;
    let mut progress = job.progress();
    let told =
        tokio::time::timeout(std::time::Duration::from_secs(20), progress.next()).await.expect("it tells");
    assert_eq!(told.expect("it runs").message.as_ref(), "reading");
    folder.file("go", "");
    assert_eq!(job.await.unwrap().stdout.text, "reading\ndone\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_system_can_run_is_told_before_anything_runs() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    for (wrong, why) in [
        (Shell::new(""), "neither a program nor a script"),
        (Shell::new("echo").arg("a\0b"), "zero byte"),
        (Shell::script("a\0b"), "zero byte"),
    ] {
        let told = setting.run(wrong).await.expect_err("it is wrong");
        assert!(told.contains(why), "{told}");
    }
    let both = serde_json::json!({ "command": { "program": "id", "script": "id" } });
    let job = setting.runtime.submit_json("AsCoder", both).await.unwrap();
    assert!(job.await.expect_err("it is wrong").to_string().contains("leave one out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_nobody_reads_hurts_nobody() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let much = "x".repeat(1 << 20);
    assert!(setting.run(Shell::new("true").input(much.clone())).await.unwrap().succeeded());
    let done = setting.run(Shell::new("wc").arg("-c").input(much)).await.unwrap();
    assert_eq!(done.stdout.text.trim(), (1 << 20).to_string());
}
