//! The workload in a process that is killed.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use workflow_runtime::prelude::Runtime;
use workflow_runtime::schedule::every;
use workflow_runtime::store::Head;
use workflow_runtime::{JobFilter, JobHandle, ScheduleError, SubmitError};

use super::{GO, Load, input, load_make};
use crate::history::{Event, Kept, Outcome, Recorder, Wish};

/// What is said to whoever wants something of a process that leaves.
const DOWN: &str = "the runtime was shut down";

/// Tells a job the event that it awaits, and a recorder if that is written down. It may have been told, or be over.
pub async fn signal<T>(job: &JobHandle<T>, recorder: &Recorder) {
    loop {
        match job.signal("go", GO).await {
            Ok(()) => recorder.note(Event::Granted { job: job.id(), wish: Wish::Signal("go".to_owned()) }),
            // Nobody minds hearing it twice. Who leaves says nothing more.
            Err(failure)
                if failure.message.contains("it is not known") && !failure.message.contains(DOWN) =>
            {
                continue;
            }
            Err(_) => {}
        }
        return;
    }
}

/// Does what it is told to, as [`killing`](crate::killing) says, until it is to end.
///
/// # Panics
/// When the runtime refuses a job.
pub async fn serve(runtime: &Runtime, recorder: &Recorder, commands: std::sync::mpsc::Receiver<String>) {
    let mut waiting = JoinSet::new();
    for status in runtime.jobs(&JobFilter::new().name("Load")).iter().filter(|job| !job.state.is_over()) {
        if let Some(job) = runtime.job(status.id) {
            waiting.spawn(attend(job, recorder.clone()));
        }
    }
    let (to, mut heard) = unbounded_channel();
    std::thread::spawn(move || commands.into_iter().all(|command| to.send(command).is_ok()));
    while let Some(command) = heard.recv().await {
        if command == "leave" {
            runtime.shutdown(Duration::from_millis(50)).await;
            return;
        }
        let Some(("job", request)) = command.split_once(' ') else { break };
        let Load { n } = input(request);
        let submitted = runtime.submit_json("Load", json!({ "n": n })).await;
        let job = match submitted {
            Ok(job) => job,
            // Others hold what this process held, or nothing can be written: it may be there all the same.
            Err(SubmitError::Store(_)) => continue,
            Err(error) => panic!("it is refused: {error}"),
        };
        recorder.note(Event::Accepted { request: request.to_owned(), job: job.id() });
        waiting.spawn(attend(job, recorder.clone()));
    }
    waiting.join_all().await;
    // The store may be out of reach for a while yet.
    while !matches!(runtime.schedules().remove(CLOCK).await, Ok(()) | Err(ScheduleError::Unknown { .. })) {}
    // What other processes have left, and the last ticks.
    loop {
        let open = open(runtime).await;
        if open.is_empty() {
            break;
        }
        for (head, job) in open {
            match &*head.name {
                "Load" => attend(job, recorder.clone()).await,
                _ => drop(job.outcome().await),
            }
        }
    }
    for head in runtime.history(JobFilter::new()).await.expect("the store can be read") {
        let job = runtime.fetch(head.id).await.expect("the store can be read").expect("it is there");
        recorder.note(Event::Kept(Kept::of(&job).into()));
    }
}

/// The jobs in the store that are not over, wherever they are held.
async fn open(runtime: &Runtime) -> Vec<(Head, JobHandle<Json>)> {
    let mut open = Vec::new();
    for head in runtime.history(JobFilter::new()).await.expect("the store can be read") {
        if !head.state.is_over() && head.parent.is_none() {
            let job = runtime.fetch(head.id).await.expect("the store can be read").expect("it is there");
            open.push((head, job));
        }
    }
    open
}

/// What runs again and again while processes share a store.
const CLOCK: &str = "clock";

/// Sets a schedule of which each tick is run once. Another process may have, and this one need not be able to.
pub async fn strike(runtime: &Runtime) {
    let rule = every(Duration::from_millis(300)).expect("it is not too often").aligned();
    drop(runtime.schedules().set(CLOCK, rule, load_make::with(7)).await);
}

async fn attend(job: JobHandle<Json>, recorder: Recorder) {
    signal(&job, &recorder).await;
    let outcome = job.outcome().await;
    // Who is told that this process leaves is not told how the job ends.
    if outcome.as_ref().is_err_and(|failure| failure.message.contains(DOWN)) {
        return;
    }
    let outcome = Outcome::of(outcome);
    recorder.note(Event::Told { job: job.id(), outcome });
}
