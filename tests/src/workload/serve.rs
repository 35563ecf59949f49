//! The workload in a process that is killed.

use serde_json::{Value as Json, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use workflow_runtime::prelude::Runtime;
use workflow_runtime::{JobFilter, JobHandle};

use super::{GO, Load, input};
use crate::history::{Event, Kept, Outcome, Recorder, Wish};

/// Tells a job the event that it awaits, and a recorder if that is written down. It may have been told, or be over.
pub async fn signal<T>(job: &JobHandle<T>, recorder: &Recorder) {
    if job.signal("go", GO).await.is_ok() {
        recorder.note(Event::Granted { job: job.id(), wish: Wish::Signal("go".to_owned()) });
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
        let Some(("job", request)) = command.split_once(' ') else { break };
        let Load { n } = input(request);
        let submitted = runtime.submit_json("Load", json!({ "n": n })).await;
        let job = submitted.unwrap_or_else(|error| panic!("it is refused: {error}"));
        recorder.note(Event::Accepted { request: request.to_owned(), job: job.id() });
        waiting.spawn(attend(job, recorder.clone()));
    }
    waiting.join_all().await;
    for head in runtime.history(JobFilter::new()).await.expect("the store can be read") {
        let job = runtime.fetch(head.id).await.expect("the store can be read").expect("it is there");
        recorder.note(Event::Kept(Kept::of(&job).into()));
    }
}

async fn attend(job: JobHandle<Json>, recorder: Recorder) {
    signal(&job, &recorder).await;
    let outcome = Outcome::of(job.outcome().await);
    recorder.note(Event::Told { job: job.id(), outcome });
}
