//! A workload whose process ends after every one of its records, and goes on from there.

use std::collections::HashSet;

use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{JobFilter, JobId};

use super::{Trace, seconds};

/// What became of a job: how it ended, what it gave or why it failed, and the states of its tasks, by their paths.
fn ending(runtime: &TestRuntime, id: JobId) -> String {
    let Some(job) = runtime.job(id) else { return "the job is gone".to_owned() };
    let result = match job.result() {
        None => "not over".to_owned(),
        Some(Ok(json)) => json.to_string(),
        Some(Err(failure)) => format!("{:?} {} {}", failure.kind, failure.message, failure.undo.len()),
    };
    let mut tasks: Vec<String> =
        job.tasks().iter().map(|task| format!("{} {}", task.path, task.state)).collect();
    tasks.sort();
    format!("{} {result} {tasks:?}", job.state())
}

/// The tasks of all jobs that are done, by their idempotency keys.
fn done(runtime: &TestRuntime) -> HashSet<String> {
    let jobs = runtime.jobs(&JobFilter::new());
    let tasks = jobs.iter().filter_map(|job| Some((job.id, runtime.job(job.id)?.tasks())));
    tasks
        .flat_map(|(id, tasks)| tasks.into_iter().map(move |task| (id, task)))
        .filter(|(_, task)| task.state.was_done())
        .map(|(id, task)| format!("{id}/{}", task.path))
        .collect()
}

fn settle(runtime: &TestRuntime) {
    runtime.advance(seconds(1_000_000));
}

/// Lets the runtime crash after the first record, the second, and so on, and go on each time; gives what was not as it
/// would have been without a crash. Agents are to note `+` and their idempotency key when they begin.
pub(crate) async fn sweep(
    make: impl Fn() -> (TestRuntime, Trace),
    begin: impl AsyncFn(&TestRuntime) -> JobId,
) -> Vec<String> {
    let (runtime, _) = make();
    let id = begin(&runtime).await;
    settle(&runtime);
    let expected = ending(&runtime, id);
    let jobs = runtime.jobs(&JobFilter::new()).len();
    let mut problems = Vec::new();
    for records in 0.. {
        let (runtime, trace) = make();
        let id = begin(&runtime).await;
        runtime.crash_after(records);
        settle(&runtime);
        if !runtime.has_crashed() {
            assert!(records > 5, "{records} records are hardly a workload");
            break;
        }
        let (before, done) = (trace.lines().len(), done(&runtime));
        let next = runtime.restart();
        settle(&next);
        let mut wrong = |what: String| problems.push(format!("after {records} records: {what}"));
        let ended = ending(&next, id);
        if ended != expected {
            wrong(format!("it is {ended}, and should be {expected}"));
        }
        for line in &trace.lines()[before..] {
            let key = line.split_once('+').map_or("", |(_, key)| key);
            if done.contains(key) {
                wrong(format!("{key} was done, and is done again"));
            }
        }
        let all = next.jobs(&JobFilter::new());
        if all.len() != jobs {
            wrong(format!("there are {} jobs, and should be {jobs}", all.len()));
        }
        if let Some(open) = all.iter().find(|job| !job.state.is_over()) {
            wrong(format!("{} is {}", open.name, open.state));
        }
        if let Err(problem) = next.check_journals() {
            wrong(problem);
        }
        let busy = next.queues().into_iter().find(|queue| (queue.running, queue.waiting) != (0, 0));
        if let Some(queue) = busy {
            wrong(format!("{queue:?}"));
        }
    }
    problems
}
