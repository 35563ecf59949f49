//! The queues of a store, by the jobs that begin in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::output::{Output, took};
use super::refusal::Refusal;
use super::sought::{Sought, each};
use crate::engine::paused;
use crate::state::JobState;
use crate::store::{Head, Store, StoreError};
use crate::timestamp::Timestamp;

/// What is in a queue.
#[derive(Debug, Default, Serialize)]
struct Row {
    paused: bool,
    /// They wait for their turn, or for a moment that was asked for.
    waiting: usize,
    scheduled: usize,
    running: usize,
    /// They are paused themselves.
    held: usize,
    parked: usize,
    /// Since when the first waits that could begin.
    oldest: Option<Timestamp>,
}

#[derive(Serialize)]
struct Named<'a> {
    queue: &'a str,
    #[serde(flatten)]
    row: &'a Row,
}

pub(super) fn list(store: &dyn Store, output: &mut Output<'_>) -> Result<(), Refusal> {
    let mut queues: BTreeMap<Arc<str>, Row> = BTreeMap::new();
    let open = Sought::default().or_in(|state| !state.is_over());
    each(store, open.filter(), |head| {
        queues.entry(Arc::clone(&head.queue)).or_default().count(&head);
        Ok::<(), StoreError>(())
    })?;
    for queue in paused(store)? {
        queues.entry(queue).or_default().paused = true;
    }
    let named: Vec<Named<'_>> = queues.iter().map(|(queue, row)| Named { queue, row }).collect();
    output.show(&named, |output| match named.is_empty() {
        true => output.line("no queue is paused, and no job waits or runs"),
        false => output.table(&table(&named)),
    })
}

impl Row {
    fn count(&mut self, head: &Head) {
        match head.state {
            _ if head.parked.is_some() => self.parked += 1,
            JobState::Pending => {
                self.waiting += 1;
                let since = head.not_before.unwrap_or(head.submitted).max(head.submitted);
                self.oldest = Some(self.oldest.map_or(since, |oldest| oldest.min(since)));
            }
            JobState::Scheduled => self.scheduled += 1,
            JobState::Paused => self.held += 1,
            _ => self.running += 1,
        }
    }
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
