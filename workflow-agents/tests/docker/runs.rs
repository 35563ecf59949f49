//! What a container gives.

use std::sync::Arc;

use tokio::sync::Notify;
use workflow_agents::policy::{Limits, Role};
use workflow_agents::{Accept, Encoding};

use crate::engine::{Act, Engine, ID};
use crate::setting::{Setting, one};

#[tokio::test(flavor = "multi_thread")]
async fn what_it_writes_comes_back_each_by_itself() {
    let play = [Act::Out(b"one\n".into()), Act::Err(b"two\n".into()), Act::Out("drei — genau\n".into())];
    let engine = Engine::playing(play);
    let done = Setting::any(&engine).await.run(one()).await.unwrap();
    assert_eq!((done.stdout.text.as_str(), done.stderr.text.as_str()), ("one\ndrei — genau\n", "two\n"));
    assert_eq!((done.code, done.signal, done.out_of_memory), (Some(0), None, false));
    assert_eq!(done.image.as_deref(), Some(ID));
    assert_eq!(engine.containers(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_is_given_it_reads_to_the_end() {
    let engine = Engine::playing([Act::Echo]);
    let much = "äöü\n".repeat(300_000);
    let setting = Setting::with(
        &engine,
        Role::new().image("*").limits(Limits { output: Some(10 << 20), ..Limits::default() }),
    );
    let done = setting.await.run(one().input(much.clone())).await.unwrap();
    assert_eq!(done.stdout.text.len(), much.len());
    assert!(done.stdout.text == much);
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_nobody_reads_hurts_nobody() {
    let engine = Engine::playing([Act::Out(b"done".into())]);
    let done = Setting::any(&engine).await.run(one().input("x".repeat(10 << 20))).await.unwrap();
    assert_eq!(done.stdout.text, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_of_any_kind_and_length_is_kept_as_far_as_it_may() {
    let mut play = vec![Act::Out(vec![b'x'; 100_000]); 100];
    play.extend([Act::Out(b"end\n".into()), Act::Err(b"a\0b".into())]);
    let engine = Engine::playing(play);
    let done = Setting::any(&engine).await.run(one()).await.unwrap();
    assert_eq!((done.stdout.bytes, done.stdout.truncated), (10_000_004, true));
    assert!(done.stdout.text.len() < (1 << 20) + 100 && done.stdout.text.ends_with("xend\n"));
    assert_eq!((done.stderr.text.as_str(), done.stderr.encoding), ("YQBi", Encoding::Base64));
    let little = Limits { output: Some(10), ..Limits::default() };
    let done = Setting::any(&engine).await.run(one().limits(little)).await.unwrap();
    assert!(done.stdout.text.len() < 60, "{}", done.stdout.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_is_not_accepted_fails_the_step_and_says_why() {
    let engine = Engine::playing([Act::Err(b"no such thing\n".into()), Act::End(3, false)]);
    let setting = Setting::any(&engine).await;
    let told = setting.run(one()).await.expect_err("it fails");
    assert!(
        told.contains(
            "the container of `docker.io/library/busybox:1` ended with code 3; it said last: no such thing"
        ),
        "{told}"
    );
    assert!(setting.run(one().accept(Accept::Codes(vec![1]))).await.is_err());
    for ends in [Accept::Any, Accept::Codes(vec![0, 3])] {
        assert_eq!(setting.run(one().accept(ends)).await.unwrap().code, Some(3));
    }
    assert_eq!(engine.containers(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_had_no_memory_left_is_told_from_who_was_ended() {
    let engine = Engine::playing([Act::End(137, true)]);
    let setting = Setting::any(&engine).await;
    let told = setting.run(one()).await.expect_err("it fails");
    assert!(told.contains("ended with code 137, and had used up its memory"), "{told}");
    let done = setting.run(one().accept(Accept::Any)).await.unwrap();
    assert_eq!((done.code, done.out_of_memory), (Some(137), true));
    let engine = Engine::playing([Act::End(137, false)]);
    let done = Setting::any(&engine).await.run(one().accept(Accept::Any)).await.unwrap();
    assert!(!done.out_of_memory);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_is_told_as_progress() {
    let go = Arc::new(Notify::new());
    let engine = Engine::playing([Act::Out(b"reading\n".into()), Act::Await(go.clone())]);
    let setting = Setting::any(&engine).await;
    let job = setting.submit(one()).await;
    let mut progress = job.progress();
    let told =
        tokio::time::timeout(std::time::Duration::from_secs(20), progress.next()).await.expect("it tells");
    assert_eq!(told.expect("it runs").message.as_ref(), "reading");
    go.notify_one();
    assert_eq!(job.await.unwrap().stdout.text, "reading\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_engine_can_run_is_told_before_one_is_asked() {
    let engine = Engine::playing([]);
    let setting = Setting::any(&engine).await;
    for (wrong, why) in [
        (one().arg("a\0b"), "zero byte"),
        (one().entrypoint(["a\0b"]), "zero byte"),
        (one().folder("work"), "`work` is no folder"),
        (one().folder("/work/../.."), "is no folder"),
        (one().scratch("/"), "`/` is no folder"),
        (one().scratch("/proc/sys"), "`/proc/sys` is no folder"),
        (one().mount("/x", "/dev"), "`/dev` is no folder"),
        (one().mount("/x", "/./dev"), "is no folder"),
        (one().mount("/x", "//dev"), "is no folder"),
        (one().mount("/x", "/a").scratch("/a/"), "two things are to be at `/a`"),
    ] {
        let told = setting.run(wrong).await.expect_err("it is wrong");
        assert!(told.contains(why), "{told}");
    }
    assert_eq!(engine.count(), 0);
}
