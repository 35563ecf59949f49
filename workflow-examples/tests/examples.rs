//! The examples do what they say. An hour on the clock of a `TestRuntime` takes no time, so that what waits for days, or runs
//! every night, is tested like anything else.

use std::time::Duration;

use serde_json::json;
use workflow_examples::approval::{Decision, Expense, Reimburse};
use workflow_examples::nightly::set_schedule;
use workflow_examples::order::{Fulfil, Order};
use workflow_examples::research::Research;
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{JobFilter, JobHandle, JobState, TaskState};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn wanted(runtime: &TestRuntime) -> JobHandle<String> {
    let expense = Expense { who: "Ada".to_owned(), what: "a chair".to_owned(), cents: 19_900 };
    let job = runtime.submit(Reimburse { expense }).await.expect("it is taken in");
    runtime.advance(DAY);
    assert_eq!((job.state(), job.status().phase.as_deref()), (JobState::Running, Some("decide")));
    job
}

fn decision(approved: bool) -> Decision {
    Decision { by: "Grace".to_owned(), approved }
}

#[tokio::test]
async fn an_expense_is_paid_when_somebody_consents_also_after_a_restart() {
    let runtime = TestRuntime::new();
    let job = wanted(&runtime).await;
    let runtime = runtime.restart();
    let job = runtime.job(job.id()).expect("it is there");
    job.signal("decision", decision(true)).await.expect("it is awaited");
    let outcome = job.outcome().await.expect("it succeeds");
    assert_eq!(outcome, json!(format!("19900 cents to Ada by {}/if outcome/then/outcome", job.id())));
    assert_eq!(runtime.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn an_expense_that_is_refused_is_declined() {
    let runtime = TestRuntime::new();
    let job = wanted(&runtime).await;
    let misspelt = job.signal("decision", json!({"by": "Grace", "aproved": true})).await;
    assert!(misspelt.is_err(), "it has the wrong shape");
    job.signal("decision", decision(false)).await.expect("it is awaited");
    assert_eq!(job.await, Ok("Ada is not paid for a chair: Grace has refused it".to_owned()));
}

#[tokio::test]
async fn an_expense_that_nobody_looks_at_is_declined_after_two_days() {
    let runtime = TestRuntime::new();
    let job = wanted(&runtime).await;
    let outcome = job.outcome().await;
    assert_eq!(outcome, Ok("Ada is not paid for a chair: nobody has decided in two days".to_owned()));
    assert_eq!(runtime.elapsed(), 2 * DAY);
    assert!(job.signal("decision", decision(true)).await.is_err(), "it is too late");
}

#[tokio::test]
async fn a_report_is_sent_every_night() {
    let runtime = TestRuntime::new();
    let status = set_schedule(&runtime).await.expect("it is set");
    // The clock of a test begins with the year 2025.
    assert_eq!(status.next.map(|moment| moment.to_string()).as_deref(), Some("2025-01-01T02:00:00.000000Z"));
    runtime.fail_attempt("send_report", 1, AgentError::retry("the mail server is away"));
    runtime.advance(3 * DAY);

    let nights = runtime.jobs(&JobFilter::new().tag("schedule:nightly-report").name("NightlyReport"));
    assert_eq!(nights.len(), 3);
    assert!(nights.iter().all(|night| night.state == JobState::Succeeded), "{nights:?}");
    let last = runtime.job(nights[2].id).expect("it is kept").await.expect("it was sent");
    let sent = "to ada@example.com and 1 others: 2025-01-03: 40 orders for 810.00, most of it in the south";
    assert_eq!(last, json!(sent));
    // A program that starts again sets it again, and nothing runs twice.
    let runtime = runtime.restart();
    set_schedule(&runtime).await.expect("it is set");
    runtime.run_until_idle();
    assert_eq!(runtime.jobs(&JobFilter::new().name("NightlyReport")).len(), 3);
}

#[tokio::test]
async fn a_question_is_researched_by_tasks_that_are_planned_on_the_way() {
    let question = "tea and salt".to_owned();
    let found = "tea and salt: an expert says of tea: it depends; a book says of salt: it is old; \
                 an expert says of origin of tea: it depends";
    let runtime = TestRuntime::new();
    let job = runtime.submit(Research { question: question.clone() }).await.expect("it is taken in");
    assert_eq!(job.outcome().await.as_deref(), Ok(found));
    let tasks = job.tasks();
    let paths: Vec<_> = tasks.iter().map(|task| task.path.as_str()).collect();
    let planned = ["plan-1", "task-1-1", "task-1-2", "plan-2", "task-2-1", "plan-3"];
    let planned = planned.map(|key| format!("findings/{key}"));
    assert_eq!(paths[1..], planned, "{paths:?}");
    assert!(tasks.iter().all(|task| (task.state, task.attempts) == (TaskState::Succeeded, 1)), "{tasks:?}");

    // Wherever its process ends, what was planned and found stays so.
    for records in 0..30 {
        let runtime = TestRuntime::new();
        runtime.crash_after(records);
        let job = runtime.submit(Research { question: question.clone() }).await.expect("it is taken in");
        runtime.run_until_idle();
        let runtime = runtime.restart();
        let job = runtime.job(job.id()).expect("it is there");
        assert_eq!(job.outcome().await, Ok(json!(found)), "after {records} records");
        assert_eq!(job.tasks().len(), 7, "after {records} records");
    }
}

#[tokio::test]
async fn a_plan_that_names_what_there_is_not_is_refused_and_made_again() {
    let runtime = TestRuntime::new();
    runtime.replace::<workflow_examples::research::plan_next>(|_, _| {
        let todo = json!([{"agent": "format_disk", "input": null}]);
        Ok(serde_json::from_value(todo).expect("it is a plan"))
    });
    let job = runtime.submit(Research { question: "tea".to_owned() }).await.expect("it is taken in");
    let failure = job.outcome().await.expect_err("it has no such tool");
    assert_eq!(failure.message, "the plan wants `format_disk`, which is not among its tools");
    assert_eq!(failure.attempt, 3);
}

#[tokio::test]
async fn an_article_that_is_sold_out_lets_the_others_be_put_back_and_nobody_pay() {
    let runtime = TestRuntime::new();
    let order = Order { id: 7, articles: vec![1, 2, 13], cents: 500 };
    let job = runtime.submit(Fulfil { order }).await.expect("it is taken in");
    let failure = job.outcome().await.expect_err("it is sold out");
    assert_eq!(failure.message, "it is sold out");
    let attempts = |agent: &str| runtime.stats(agent).map_or(0, |stats| stats.count);
    assert_eq!((attempts("put_back"), attempts("release"), attempts("charge_card")), (2, 0, 0));
}
