//! That nothing is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Notify;
use workflow_agents::policy::{Limits, Role};

use crate::engine::{Act, Engine, Fault};
use crate::setting::{Setting, one, until};

fn staying() -> Engine {
    Engine::playing([Act::Out(b"here\n".into()), Act::Stay])
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cancelled_is_asked_to_end_and_leaves_nothing() {
    let engine = staying();
    let setting = Setting::any(&engine).await;
    let job = setting.submit(one()).await;
    until("it runs", || engine.runs()).await;
    assert!(job.cancel("enough").await);
    drop(job.await);
    until("it is removed", || engine.containers().is_empty()).await;
    assert_eq!(engine.asked("POST", "/stop")[0].parameter("t").as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_long_is_ended_and_leaves_nothing() {
    let engine = staying();
    let limits = Limits { time_ms: Some(200), ..Limits::default() };
    let setting = Setting::with(&engine, Role::new().image("*").limits(limits)).await;
    let told = setting.run(one()).await.expect_err("it takes too long");
    let why = "was ended after 200ms, which is as long as its role may run it; it said last: here";
    assert!(told.contains(why), "{told}");
    assert!(engine.containers().is_empty(), "it is gone when the step is over");
    assert_eq!(engine.asked("POST", "/stop").len(), 2, "another time it may be quicker");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_shuts_down_leaves_nothing() {
    let engine = staying();
    let setting = Setting::any(&engine).await;
    drop(setting.submit(one()).await);
    until("it runs", || engine.runs()).await;
    assert_eq!(setting.runtime.shutdown(Duration::ZERO).await, 1);
    until("it is removed", || engine.containers().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_while_a_container_is_made_leaves_none() {
    let (engine, go) = (staying(), Arc::new(Notify::new()));
    engine.fails("POST", "/containers/create", 1, Fault::Held(go.clone()));
    let setting = Setting::any(&engine).await;
    drop(setting.submit(one()).await);
    until("it is asked for", || !engine.asked("POST", "/containers/create").is_empty()).await;
    assert_eq!(setting.runtime.shutdown(Duration::ZERO).await, 1);
    assert_eq!(engine.removals(), 0, "it is not there yet");
    go.notify_one();
    until("it is made", || engine.made() == 1).await;
    until("it is removed", || engine.containers().is_empty()).await;
    assert!(engine.asked("POST", "/start").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cancelled_while_an_engine_is_slow_does_not_wait_for_it() {
    for (method, path) in
        [("GET", "/info"), ("POST", "/images/create"), ("POST", "/start"), ("POST", "/attach")]
    {
        let engine = staying();
        engine.fails(method, path, 9, Fault::Silent);
        let setting = Setting::any(&engine).await;
        let image = if path == "/images/create" { workflow_agents::Container::of("rust") } else { one() };
        let job = setting.submit(image).await;
        until("it is asked", || !engine.asked(method, path).is_empty()).await;
        let began = Instant::now();
        assert!(job.cancel("enough").await);
        drop(job.await);
        until("nothing is left", || engine.containers().is_empty()).await;
        assert!(began.elapsed() < Duration::from_secs(4), "{path}: it was not dropped, it stopped by itself");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_dropped_while_it_runs_leaves_nothing() {
    let engine = staying();
    engine.fails("POST", "/stop", 1, Fault::Silent);
    let setting = Setting::hasty(&engine).await;
    let job = setting.submit(one()).await;
    until("it runs", || engine.runs()).await;
    assert!(job.cancel("enough").await);
    drop(job.await);
    until("it is asked to end", || !engine.asked("POST", "/stop").is_empty()).await;
    until("it is removed", || engine.containers().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_attempt_has_left_is_removed_before_the_next_begins() {
    let engine = Engine::playing([Act::Out(b"here\n".into())]);
    engine.keeps("other", json!({ "workflow.task": "another/task", "workflow.job": "another" }));
    // The first attempt fails, and cannot remove what it has made.
    engine.fails("POST", "/start", 1, Fault::Says(500, "try again"));
    engine.fails("DELETE", "", 4, Fault::Says(500, "device is busy"));
    let done = Setting::any(&engine).await.run(one()).await.unwrap();
    assert_eq!(done.stdout.text, "here\n");
    assert_eq!(engine.containers(), ["other"], "what is somebody else's stays");
    assert_eq!(engine.asked("GET", "/containers/json").len(), 1);
    assert_eq!(engine.removals(), 4 + 1 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_attempts_do_not_run_at_once() {
    let engine = staying();
    engine.fails("POST", "/start", 1, Fault::Says(500, "try again"));
    engine.fails("DELETE", "", 100, Fault::Says(500, "device is busy"));
    let told = Setting::any(&engine).await.run(one()).await.expect_err("the first is still there");
    assert!(told.contains("of an earlier attempt could not be removed: device is busy (500)"), "{told}");
    assert_eq!(engine.asked("POST", "/containers/create").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_fails_is_tried_again_and_takes_nothing_from_what_came_of_it() {
    for (times, tried) in [(2, 3), (100, 4)] {
        let engine = Engine::playing([Act::Out(b"here\n".into())]);
        engine.fails("DELETE", "", times, Fault::Says(409, "removal is in progress"));
        let done = Setting::any(&engine).await.run(one()).await.unwrap();
        assert_eq!((done.stdout.text.as_str(), engine.removals()), ("here\n", tried));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_removes_is_told_to_be_gone() {
    let engine = staying();
    let setting = Setting::any(&engine).await;
    let job = setting.submit(one()).await;
    for attempt in 1..=2 {
        until("it runs", || engine.runs() && engine.made() == attempt).await;
        engine.remove_all();
    }
    let told = job.await.expect_err("it is gone").to_string();
    assert!(told.contains("is gone: somebody else has removed it"), "{told}");
}
