//! What becomes of an engine's faults.

use std::time::{Duration, Instant};

use workflow_agents::Accept;
use workflow_agents::policy::{Limits, Role};

use crate::engine::{Act, Engine, Fault};
use crate::setting::{Folder, Setting, one};

fn saying() -> Engine {
    Engine::playing([Act::Out(b"here\n".into())])
}

/// What is told of a play that cannot end well.
async fn told(play: impl IntoIterator<Item = Act>) -> String {
    let engine = Engine::playing(play);
    let told = Setting::any(&engine).await.run(one().accept(Accept::Any)).await.expect_err("it breaks");
    assert_eq!(engine.asked("POST", "/start").len(), 2, "another time it may do");
    assert!(engine.containers().is_empty());
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_engine_is_it_is_told_where_one_was_looked_for() {
    let folder = Folder::new();
    let nothing = folder.0.join("nothing.sock");
    let deaf = folder.0.join("deaf.sock");
    drop(std::os::unix::net::UnixListener::bind(&deaf).unwrap());
    for socket in [nothing, deaf] {
        let address = format!("unix://{}", socket.display());
        let told =
            Setting::at(&address, Role::new().image("*")).await.run(one()).await.expect_err("none is there");
        assert!(told.contains(&format!("no engine answers at {address}: ")), "{told}");
        assert!(told.contains("start it, or say where one is by DOCKER_HOST or by `engine`"), "{told}");
    }
    let told =
        Setting::at("tcp://127.0.0.1:1", Role::new().image("*")).await.run(one()).await.expect_err("none");
    assert!(told.contains("no engine answers at tcp://127.0.0.1:1: ") && told.contains("refused"), "{told}");
    let told =
        Setting::at("ssh://host", Role::new().image("*")).await.run(one()).await.expect_err("it is none");
    assert!(told.contains("`ssh://host` is no address of an engine"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again() {
    for (method, path) in
        [("GET", "/info"), ("POST", "/containers/create"), ("POST", "/attach"), ("POST", "/start")]
    {
        for fault in [
            Fault::Breaks,
            Fault::Says(500, "try again"),
            Fault::Says(409, "in use"),
            Fault::Says(429, "slowly"),
        ] {
            let engine = saying();
            engine.fails(method, path, 1, fault.clone());
            let done = Setting::any(&engine).await.run(one()).await;
            assert_eq!(done.expect(path).stdout.text, "here\n", "{path} {fault:?}");
            assert_eq!(engine.asked("GET", "/info").len(), 2);
            assert!(engine.containers().is_empty(), "{path} {fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_not_pass_is_not_tried_again() {
    for (method, path) in [("POST", "/containers/create"), ("POST", "/attach"), ("POST", "/start")] {
        for status in [400, 404] {
            let engine = saying();
            engine.fails(method, path, 9, Fault::Says(status, "no such program"));
            let told = Setting::any(&engine).await.run(one()).await.expect_err(path);
            assert!(told.contains("the engine at unix:///") && told.contains("no such program"), "{told}");
            assert_eq!(engine.asked("GET", "/info").len(), 1, "{path}");
            assert!(engine.containers().is_empty(), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_where_limits_do_not_hold() {
    let engine = saying();
    engine.warns("Your kernel does not support pids limit capabilities or the cgroup is not mounted. PIDs limit discarded.");
    let told = Setting::any(&engine).await.run(one()).await.expect_err("they do not hold");
    assert!(
        told.contains("does not hold containers to their limits") && told.contains("PIDs limit"),
        "{told}"
    );
    assert!(engine.asked("POST", "/start").is_empty() && engine.containers().is_empty());
    assert_eq!(engine.asked("GET", "/info").len(), 1);
    let engine = saying();
    engine.warns("Your kernel does not support swap limit capabilities. Memory limited without swap.");
    assert!(Setting::any(&engine).await.run(one()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_is_cut_off_is_not_taken_for_all_of_it() {
    let cut = told([Act::Out(b"here\n".into()), Act::Cut]).await;
    assert!(
        cut.contains(
            "the connection to the engine was lost while it ran: it ended, and the container did not"
        ),
        "{cut}"
    );
    assert!(cut.contains("it said last: here"), "{cut}");
    let cut = told([Act::Raw(b"\x01\0\0\0\0\0\0\x09half".into()), Act::Cut]).await;
    assert!(cut.contains("it ended in the middle; it said last: half"), "{cut}");
    let cut = told([Act::Raw(b"\x01\0\0".into()), Act::End(0, false)]).await;
    assert!(cut.contains("it ended in the middle"), "{cut}");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_make_no_sense_are_told() {
    let wrong = told([Act::Raw(b"HTTP/1.1 200 OK\r\n\r\n".into()), Act::Stay]).await;
    assert!(wrong.contains("what the engine sent of its output makes no sense"), "{wrong}");
    let wrong = told([Act::Raw(b"\x03\0\0\0\0\0\0\x01x".into()), Act::Stay]).await;
    assert!(wrong.contains("could not go on sending"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_without_end_takes_no_memory() {
    let before = memory();
    let engine = Engine::playing([Act::Huge(200 << 20), Act::End(0, false)]);
    let told = Setting::any(&engine).await.run(one()).await.expect_err("it is no whole frame");
    assert!(told.contains("it ended in the middle"), "{told}");
    assert!(memory() < before + (100 << 20), "{before} and then {}", memory());
}

/// The most memory that this process has had, in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("it is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it has one");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number") * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn output_without_end_ends_with_the_time() {
    let engine = Engine::playing([Act::Endless]);
    let limits = Limits { time_ms: Some(300), output: Some(1000), ..Limits::default() };
    let began = Instant::now();
    let told = Setting::with(&engine, Role::new().image("*").limits(limits)).await.run(one()).await;
    let told = told.expect_err("it takes too long");
    assert!(told.contains("was ended after 300ms") && told.contains("yyyyy"), "{told}");
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(engine.containers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_forgets_to_say_that_it_is_over_is_asked() {
    for fault in [Fault::Silent, Fault::Breaks, Fault::Says(500, "broken")] {
        let engine = Engine::playing([Act::Out(b"here\n".into()), Act::End(7, false)]);
        engine.fails("POST", "/wait", 9, fault.clone());
        let done = Setting::any(&engine).await.run(one().accept(Accept::Any)).await.unwrap();
        assert_eq!((done.code, done.stdout.text.as_str()), (Some(7), "here\n"), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_keeps_a_connection_open_is_not_waited_for() {
    let engine = Engine::playing([Act::Out(b"here\n".into()), Act::Linger]);
    let done = Setting::any(&engine).await.run(one()).await.expect("it has ended");
    assert_eq!((done.code, done.stdout.text.as_str()), (Some(0), "here\n"));
    assert_eq!(engine.asked("GET", "/info").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_does_not_say_how_it_ended_is_asked_again() {
    let engine = saying();
    let setting = Setting::any(&engine).await;
    engine.then_fails("GET", "/json", (1, 2), Fault::Says(503, "busy"));
    assert_eq!(setting.run(one()).await.unwrap().stdout.text, "here\n");
    assert_eq!(engine.asked("GET", "/info").len(), 1);
    assert_eq!(engine.asked("GET", "/json").len(), 1 + 2 + 1, "the image, and the container again and again");
    engine.then_fails("GET", "/json", (1, 9), Fault::Says(503, "busy"));
    let told = setting.run(one()).await.expect_err("it is never told");
    assert!(told.contains("busy (503)"), "{told}");
}
