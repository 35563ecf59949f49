//! Jobs run again: from the start or from a step on, with the same input or another.

use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{JobHandle, JobState, Registry, RerunError, SubmitError};
use workflow_tests::log::Log;

#[task_agent]
async fn get(log: State<Log>, n: i64) -> i64 {
    log.add(format!("get {n}"));
    n + 1
}

#[task_agent]
async fn double(log: State<Log>, n: i64) -> Result<i64, AgentError> {
    log.add(format!("double {n}"));
    if n > 100 { Err(AgentError::permanent("it is too much")) } else { Ok(n * 2) }
}

#[task_agent]
async fn slow(ctx: &TaskContext, log: State<Log>, n: i64) -> i64 {
    log.add(format!("slow {n}"));
    ctx.sleep(std::time::Duration::from_secs(60)).await;
    n
}

#[task_agent]
async fn put(log: State<Log>, n: i64) -> i64 {
    log.add(format!("put {n}"));
    n
}

#[task_agent]
async fn take_away(log: State<Log>, n: i64) -> () {
    log.add(format!("take away {n}"));
}

workflow! {
    /// Three steps and one beside them.
    pub workflow Steps(n: i64) -> i64 {
        phase first { got = get(n); }
        phase second { twice = double(got); beside = slow(got); }
        phase third { done = put(twice); }
        *done + *beside
    }
}

workflow! {
    /// A step that is taken back.
    pub workflow Careful(n: i64) -> i64 {
        phase first {
            #[undo(take_away(n))]
            done = put(n);
        }
        phase second { twice = double(done); }
        *twice
    }
}

fn runtime() -> (TestRuntime, Log) {
    let registry = Registry::builder().agent::<get>().agent::<double>().agent::<slow>().agent::<put>();
    let registry = registry
        .agent::<take_away>()
        .workflow::<Steps>()
        .workflow::<Careful>()
        .build()
        .expect("they are right");
    let log = Log::default();
    (TestRuntime::of(Runtime::builder().registry(registry).state(log.clone())), log)
}

async fn over(runtime: &TestRuntime, n: i64) -> JobHandle<i64> {
    let job = runtime.submit(Steps { n }).await.expect("it is taken");
    let _ = job.outcome().await;
    job
}

#[tokio::test]
async fn from_the_start_everything_runs_again() {
    let (runtime, log) = runtime();
    let job = over(&runtime, 1).await;
    log.take_sorted();
    let again = runtime.rerun(job.id()).await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(6));
    assert_eq!(log.take_sorted(), ["double 2", "get 1", "put 4", "slow 2"]);
    assert_ne!(again.id(), job.id());
}

#[tokio::test]
async fn another_input_is_checked_and_taken() {
    let (runtime, _) = runtime();
    let job = over(&runtime, 1).await;
    let again = runtime.rerun(job.id()).input(json!({ "n": 10 })).await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(33));
    let wrong = runtime.rerun(job.id()).input(json!({ "n": "ten" })).await.unwrap_err();
    assert!(matches!(wrong, RerunError::NotSubmitted(_)), "{wrong}");
}

#[tokio::test]
async fn what_came_before_a_step_is_kept() {
    let (runtime, log) = runtime();
    let job = over(&runtime, 200).await;
    assert_eq!(job.state(), JobState::Failed);
    log.take_sorted();
    let again = runtime.rerun(job.id()).from("twice").input(json!(7)).await.unwrap();
    // What ran beside the step runs again with it.
    assert_eq!(again.outcome().await.unwrap(), json!(14 + 201));
    assert_eq!(log.take_sorted(), ["double 7", "put 14", "slow 201"]);
    runtime.check_journals().unwrap();

    let last = over(&runtime, 1).await;
    log.take_sorted();
    let again = runtime.rerun(last.id()).from("done").await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(6));
    assert_eq!(log.take_sorted(), ["put 4"]);
    runtime.check_journals().unwrap();
}

#[tokio::test]
async fn a_wrong_input_of_a_step_is_refused_when_it_is_given() {
    let (runtime, log) = runtime();
    let job = over(&runtime, 1).await;
    log.take_sorted();
    let refused = runtime.rerun(job.id()).from("twice").input(json!("seven")).await.unwrap_err();
    assert!(refused.to_string().contains("`double`"), "{refused}");
    assert!(matches!(refused, RerunError::NotSubmitted(SubmitError::BadInput { .. })), "{refused:?}");
    runtime.run_until_idle();
    assert_eq!(log.take_sorted(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_run_again_says_why() {
    let (runtime, _) = runtime();
    let job = over(&runtime, 1).await;
    let wrong = runtime.rerun(job.id()).from("twic").await.unwrap_err();
    assert!(wrong.to_string().ends_with("never came to a step `twic`; did you mean `twice`?"), "{wrong}");

    let going = runtime.submit(Steps { n: 1 }).await.unwrap();
    let wrong = runtime.rerun(going.id()).await.unwrap_err();
    assert!(matches!(wrong, RerunError::NotOver(_)), "{wrong}");

    let undone = runtime.submit(Careful { n: 200 }).await.unwrap();
    assert!(undone.outcome().await.is_err());
    let wrong = runtime.rerun(undone.id()).from("twice").await.unwrap_err();
    assert!(matches!(wrong, RerunError::TakenBack(_)), "{wrong}");
    let again = runtime.rerun(undone.id()).input(json!({ "n": 20 })).await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(40));

    let unknown = runtime.rerun("019ac5c4-6f3a-7000-8000-000000000001".parse().unwrap()).await.unwrap_err();
    assert!(matches!(unknown, RerunError::Unknown(_)), "{unknown}");
}

#[tokio::test]
async fn a_job_run_again_survives_a_crash() {
    for records in 0..12 {
        let (runtime, log) = runtime();
        let job = over(&runtime, 200).await;
        log.take_sorted();
        let again = runtime.rerun(job.id()).from("twice").input(json!(7)).await.unwrap().id();
        runtime.crash_after(records);
        runtime.run_until_idle();
        let next = runtime.restart();
        let again = next.job(again).unwrap();
        assert_eq!(again.outcome().await.unwrap(), json!(14 + 201), "after {records} records");
        assert!(!log.take_sorted().iter().any(|line| line.starts_with("get")));
        next.check_journals().unwrap();
    }
}
