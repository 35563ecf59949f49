//! Where an image comes from.

use serde_json::json;
use workflow_agents::{Container, Pull};

use crate::engine::{Engine, Fault, ID, Pulled};
use crate::setting::{Setting, one};

fn rust() -> Container {
    Container::of("rust:1.95")
}

fn pulled(has_image: bool) -> Pulled {
    let lines = vec![
        json!({ "status": "Pulling from library/rust", "id": "1.95" }),
        json!({ "status": "Downloading", "id": "a1", "progressDetail": { "current": 30, "total": 120 } }),
        json!({ "status": "Status: Downloaded newer image" }),
    ];
    Pulled { lines, has_image, breaks: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_pulled_and_what_is_there_is_not() {
    let engine = Engine::playing([]);
    engine.pulls(pulled(true));
    let setting = Setting::any(&engine).await;
    let job = setting.submit(rust()).await;
    let mut progress = job.progress();
    let told =
        tokio::time::timeout(std::time::Duration::from_secs(20), progress.next()).await.expect("it tells");
    let message = told.expect("it runs").message.to_string();
    assert_eq!(message, "pulling docker.io/library/rust:1.95: 1.95 Pulling from library/rust");
    assert_eq!(job.await.unwrap().image.as_deref(), Some(ID));
    let asked = engine.asked("POST", "/images/create");
    assert_eq!(asked[0].parameter("fromImage").as_deref(), Some("docker.io/library/rust:1.95"));
    setting.run(rust()).await.unwrap();
    setting.run(one()).await.unwrap();
    assert_eq!(engine.asked("POST", "/images/create").len(), 1);
    setting.run(rust().pull(Pull::Always)).await.unwrap();
    assert_eq!(engine.asked("POST", "/images/create").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_to_be_pulled_is_not() {
    let engine = Engine::playing([]);
    engine.pulls(pulled(true));
    let setting = Setting::any(&engine).await;
    let told = setting.run(rust().pull(Pull::Never)).await.expect_err("it is not there");
    assert!(
        told.contains("has no image `docker.io/library/rust:1.95`, and it is not to be pulled"),
        "{told}"
    );
    assert_eq!(engine.asked("POST", "create").len(), 0);
    assert_eq!(engine.asked("GET", "/info").len(), 1, "it is not tried again");
    assert!(setting.run(one().pull(Pull::Never)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_fails_at_its_end_has_failed() {
    let engine = Engine::playing([]);
    let mut failing = pulled(false);
    let why = "toomanyrequests: you have reached your pull rate limit";
    failing.lines.push(json!({ "error": why, "errorDetail": { "message": why } }));
    engine.pulls(failing);
    let told = Setting::any(&engine).await.run(rust()).await.expect_err("it fails");
    assert!(
        told.contains("did not pull the image `docker.io/library/rust:1.95`") && told.contains(why),
        "{told}"
    );
    assert_eq!(engine.asked("POST", "/images/create").len(), 2, "another time it may do");
    assert_eq!(engine.asked("POST", "/containers/create").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_breaks_or_leaves_nothing_has_failed() {
    let engine = Engine::playing([]);
    engine.pulls(Pulled { breaks: true, ..pulled(false) });
    let setting = Setting::any(&engine).await;
    let told = setting.run(rust()).await.expect_err("it fails");
    assert!(told.contains("did not pull the image"), "{told}");
    engine.pulls(pulled(false));
    let told = setting.run(rust()).await.expect_err("it fails");
    assert!(told.contains("was pulled, and yet the engine does not have it"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_registry_does_not_have_is_not_asked_for_again() {
    let engine = Engine::playing([]);
    let setting = Setting::any(&engine).await;
    let told = setting.run(rust()).await.expect_err("it fails");
    assert!(told.contains("pull access denied (404)"), "{told}");
    assert_eq!(engine.asked("POST", "/images/create").len(), 1);
    engine.fails("GET", "/json", 1, Fault::Says(500, "the disk is full"));
    let told = setting.run(rust()).await.expect_err("it fails");
    assert!(told.contains("pull access denied (404)"), "it was tried again: {told}");
}
