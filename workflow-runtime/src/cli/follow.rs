//! Jobs as they come and go, whoever runs them: the store is looked at again and again.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use super::arguments::JobsFilter;
use super::jobs::{found, short, state};
use super::output::Output;
use super::refusal::Refusal;
use crate::job_id::JobId;
use crate::queued::each;
use crate::registry::Registry;
use crate::secret::Secrets;
use crate::store::{Filter, Head, Store};
use crate::timestamp::Timestamp;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(250);

/// Of so many jobs that are not over it is told what becomes of them: of the newest.
const MOST: usize = 1000;

/// Tells which jobs there are, and then what becomes of them and of those that come, until nobody listens.
pub(super) fn follow(
    registry: &Registry,
    store: &dyn Store,
    asked: &JobsFilter,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let mut first = found(registry, store, asked)?;
    first.reverse();
    let mut told = Going::default();
    for head in first {
        told.tell(head, output)?;
    }
    // What is in no state that is asked for any more is told of all the same, if it was told of before.
    let filter = Filter { states: Vec::new(), dead: false, parked: false, ..asked.filter() };
    loop {
        output.flush()?;
        thread::sleep(LOOK);
        let from = Filter { after: told.before(), ..filter.clone() };
        let states = &asked.filter().states;
        each(store, from, |mut head| {
            let is_meant = states.is_empty() || states.contains(&head.state);
            if is_meant && (!asked.dead || head.is_dead()) && (!asked.parked || head.parked.is_some())
                || told.open.contains_key(&head.id)
            {
                Secrets::hide_in_heads(registry, store, std::slice::from_mut(&mut head))?;
                told.tell(head, output)?;
            }
            Ok::<(), Refusal>(())
        })?;
        told.bound();
    }
}

/// What was told.
#[derive(Default)]
struct Going {
    /// The jobs that are not over, and where they stood.
    open: BTreeMap<JobId, String>,
    /// The last one that is over.
    last: Option<JobId>,
}

impl Going {
    /// All that may change comes behind this one.
    fn before(&self) -> Option<JobId> {
        match self.open.keys().next() {
            Some(first) => Some(JobId::from_u128(first.as_u128().saturating_sub(1))),
            None => self.last,
        }
    }

    fn tell(&mut self, head: Head, output: &mut Output<'_>) -> Result<(), Refusal> {
        let now = state(&head);
        let is_known = self.open.get(&head.id) == Some(&now);
        if head.state.is_over() {
            let is_new = self.open.remove(&head.id).is_some() || self.last.is_none_or(|last| head.id > last);
            self.last = self.last.max(Some(head.id));
            if !is_new {
                return Ok(());
            }
        } else {
            self.open.insert(head.id, now.clone());
        }
        match (is_known, output.json) {
            (true, _) => Ok(()),
            (false, true) => output.in_a_line(&head),
            (false, false) => {
                let at = head.ended.unwrap_or_else(Timestamp::now);
                let why = short(head.failure.as_deref().unwrap_or_default(), 80);
                Ok(output.line(format!("{at}  {}  {}  {now}  {why}", head.id, short(&head.name, 40)))?)
            }
        }
    }

    fn bound(&mut self) {
        while self.open.len() > MOST {
            self.open.pop_first();
        }
    }
}
