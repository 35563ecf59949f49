//! How workflows are tested: copy what you need.
//!
//! A [`TestRuntime`] runs them as any runtime does, but in the test's own thread, by a clock of its own, and the same in every
//! run. It can replace agents, let attempts fail, and end anywhere as if its process had been killed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use workflow_examples::order::{Approval, Charge, Fulfil, Order, charge_card, refund, ship};
use workflow_runtime::prelude::*;
use workflow_runtime::testing::{TestRuntime, context, run_agent};
use workflow_runtime::{JobState, Registry, Resources, TaskState};

const HOUR: Duration = Duration::from_secs(3600);

fn order(articles: &[u32], cents: u32) -> Order {
    Order { id: 7, articles: articles.to_vec(), cents }
}

/// Whatever only a whole program shows: names that are taken twice, agents that are missing, schemas that never fit.
#[test]
fn the_program_is_right() {
    if let Err(problems) = Registry::collect() {
        panic!("{problems}");
    }
}

/// An agent is a function.
#[tokio::test]
async fn an_agent_is_called() {
    let parcel = ship(order(&[], 500), vec![1, 2]).await.expect("it is sent");
    assert_eq!(parcel, "parcel 7 with 2 articles");
    let error = ship(order(&[], 500), vec![1; 11]).await.expect_err("it is too much");
    assert!(error.is_permanent(), "trying it again would not help");
}

/// One that wants something of the runtime is given a made-up context. It could be given a `State`, too.
#[tokio::test]
async fn an_agent_is_run_with_a_context() {
    let context = context(Resources::new());
    let charge = run_agent(charge_card::with(order(&[1], 500)), context).await.expect("it is paid");
    assert_eq!(charge.id, "job/task for 500");
}

/// Agents that reach out into the world are replaced.
#[tokio::test]
async fn a_workflow_is_run_without_the_bank() {
    let runtime = TestRuntime::new();
    runtime.replace::<charge_card>(|(order,), _| Ok(Charge { id: format!("test {}", order.cents) }));
    let receipt = runtime.run(Fulfil { order: order(&[1, 2], 500) }).await.expect("it succeeds");
    assert_eq!((receipt.charge.as_str(), receipt.parcel.as_str()), ("test 500", "parcel 7 with 2 articles"));
}

/// Time passes on the runtime's clock: until the next thing happens, or as far as the test moves it.
#[tokio::test]
async fn an_attempt_that_fails_is_followed_by_another() {
    let runtime = TestRuntime::of(Runtime::builder().jitter(0.0));
    runtime.fail_attempt("charge_card", 1, AgentError::retry("the line is dead"));
    runtime.fail_attempt("charge_card", 2, AgentError::retry_after(HOUR, "come back in an hour"));
    let job = runtime.submit(Fulfil { order: order(&[1], 500) }).await.expect("it is taken in");

    runtime.advance(Duration::from_secs(60));
    assert_eq!(job.status().phase.as_deref(), Some("secure"));
    job.outcome().await.expect("it succeeds in the end");
    // Two seconds to the second attempt, an hour to the third, and two before the customer is told.
    assert_eq!(runtime.elapsed(), HOUR + Duration::from_secs(4));
    assert_eq!(runtime.stats("charge_card").map(|stats| stats.retries), Some(2));
}

/// What was done is taken back when a later step fails for good.
#[tokio::test]
async fn an_order_that_cannot_be_sent_is_refunded() {
    let refunded = Arc::new(Mutex::new(Vec::new()));
    let runtime = TestRuntime::new();
    let seen = Arc::clone(&refunded);
    runtime.replace::<refund>(move |(charge,), _| {
        seen.lock().expect("nobody panicked").push(charge.id);
        Ok(())
    });
    let job = runtime.submit(Fulfil { order: order(&[1; 11], 500) }).await.expect("it is taken in");

    let failure = job.outcome().await.expect_err("no parcel holds it");
    assert_eq!((failure.step.as_str(), failure.attempt), ("parcel", 1));
    assert_eq!(failure.message, "a parcel holds 10 articles, and not 11");
    assert_eq!(*refunded.lock().expect("nobody panicked"), [format!("{}/charge for 500", job.id())]);
    let state = |path: &str| job.tasks().iter().find(|task| task.path == path).map(|task| task.state);
    assert_eq!(state("charge"), Some(TaskState::Compensated));
    assert_eq!(state("articles"), Some(TaskState::Compensated));
}

/// A signal comes, or does not.
#[tokio::test]
async fn a_large_order_waits_for_consent() {
    let large = || Fulfil { order: order(&[1], 500_000) };
    let runtime = TestRuntime::new();
    let job = runtime.submit(large()).await.expect("it is taken in");
    runtime.run_until_idle();
    job.signal("approve", Approval { by: "Ada".to_owned() }).await.expect("it is awaited");
    assert_eq!(job.await.expect("it succeeds").approved_by.as_deref(), Some("Ada"));

    let job = runtime.submit(large()).await.expect("it is taken in");
    runtime.advance(48 * HOUR);
    assert_eq!(job.state(), JobState::Failed);
}

/// Wherever the process is killed, the next one goes on, and nobody pays twice.
#[tokio::test]
async fn a_crash_at_any_moment_changes_nothing() {
    let uninterrupted = TestRuntime::new();
    let expected = uninterrupted.run(Fulfil { order: order(&[1, 2], 500) }).await.expect("it succeeds");
    let mut records = 0;
    loop {
        let runtime = TestRuntime::new();
        runtime.crash_after(records);
        let job = runtime.submit(Fulfil { order: order(&[1, 2], 500) }).await.expect("it is taken in");
        runtime.advance(HOUR);
        let was_over = !runtime.has_crashed();
        let runtime = runtime.restart();
        let receipt = runtime.job(job.id()).expect("it was taken in").await.expect("it succeeds");
        assert_eq!(receipt["parcel"], expected.parcel.as_str(), "after {records} records");
        assert_eq!(receipt["charge"], format!("{}/charge for 500", job.id()), "after {records} records");
        runtime.check_journals().expect("the journal tells what happened");
        if was_over {
            break;
        }
        records += 1;
    }
    assert!(records > 10, "it was interrupted {records} times");
}
