//! The queues of a store, by the jobs that begin in them.

use serde::Serialize;

use super::output::{Output, took};
use super::refusal::Refusal;
use crate::queued::{Queued, queued};
use crate::store::Store;
use crate::timestamp::Timestamp;

#[derive(Serialize)]
struct Named<'a> {
    queue: &'a str,
    #[serde(flatten)]
    row: &'a Queued,
}

pub(super) fn list(store: &dyn Store, output: &mut Output<'_>) -> Result<(), Refusal> {
    let queues = queued(store)?;
    let named: Vec<Named<'_>> = queues.iter().map(|(queue, row)| Named { queue, row }).collect();
    output.show(&named, |output| match named.is_empty() {
        true => output.line("no queue is paused, and no job waits or runs"),
        false => output.table(&table(&named)),
    })
}

fn table(queues: &[Named<'_>]) -> Vec<[String; 8]> {
    let now = Timestamp::now();
    let titles = ["QUEUE", "STATE", "WAITING", "OLDEST", "RUNNING", "SCHEDULED", "PAUSED", "PARKED"];
    let row = |Named { queue, row }: &Named<'_>| {
        [
            (*queue).to_owned(),
            if row.paused { "paused" } else { "open" }.to_owned(),
            row.waiting.to_string(),
            row.oldest.map(|since| took(since, now)).unwrap_or_default(),
            row.running.to_string(),
            row.scheduled.to_string(),
            row.held.to_string(),
            row.parked.to_string(),
        ]
    };
    std::iter::once(titles.map(str::to_owned)).chain(queues.iter().map(row)).collect()
}
