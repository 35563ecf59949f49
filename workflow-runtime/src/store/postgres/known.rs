//! What this process knows of the jobs that its terms hold, for it has written all of it itself: who holds a job, and how
//! many lines it has, need not be looked up then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::job_id::JobId;
use crate::store::{Claimed, Entry, Epoch, Term, Verdict};

/// Of how many jobs at most something is known.
const MOST: usize = 100_000;

/// What is known of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) term: Term,
    epoch: Epoch,
    /// The number of the next line.
    next: u32,
}

impl Held {
    /// Whether lines are those that follow.
    pub(super) fn fits(&self, epoch: Epoch, first: u32) -> bool {
        (self.epoch, self.next) == (epoch, first)
    }
}

/// What is known of jobs. It is forgotten where anything goes otherwise than expected.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<JobId, Held>>);

impl Known {
    /// What is known of the jobs of these entries, in their order.
    pub(super) fn of(&self, entries: &[Entry]) -> Vec<Option<Held>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|entry| held.get(&entry.job()?).copied()).collect()
    }

    /// Entries are to be written, and nothing is known of their jobs until it is known what became of them.
    pub(super) fn forget(&self, entries: &[Entry]) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .iter()
            .filter(|entry| !matches!(entry, Entry::Reply { .. }))
            .filter_map(Entry::job)
            .for_each(|job| _ = held.remove(&job));
    }

    /// Entries are written, or not; before, this was known of them.
    pub(super) fn learn(&self, entries: &[Entry], before: &[Option<Held>], verdicts: &[Verdict]) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((entry, before), verdict) in entries.iter().zip(before).zip(verdicts) {
            let Some(job) = entry.job().filter(|_| !matches!(entry, Entry::Reply { .. })) else { continue };
            match after(entry, *before, *verdict) {
                Some(now) if held.len() < MOST || held.contains_key(&job) => _ = held.insert(job, now),
                _ => _ = held.remove(&job),
            }
        }
    }

    /// Jobs were taken over.
    pub(super) fn learn_claimed(&self, term: Term, claimed: &[Claimed]) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Claimed { epoch, kept } in claimed {
            let next = kept.lines.iter().map(|lines| lines.count).sum();
            if held.len() < MOST {
                held.insert(kept.head.id, Held { term, epoch: *epoch, next });
            }
        }
    }
}

/// What is known of a job when an entry of it has this verdict. What is over may be forgotten, what is parked taken over
/// by others, and what is free is anybody's.
fn after(entry: &Entry, before: Option<Held>, verdict: Verdict) -> Option<Held> {
    let Verdict::Written(epoch) = verdict else { return None };
    match entry {
        Entry::New { head, term, lines, free: None, .. }
            if !head.state.is_over() && head.parked.is_none() =>
        {
            Some(Held { term: *term, epoch, next: lines.count })
        }
        Entry::More { first, lines, change, .. } => {
            let goes_on =
                change.as_ref().is_none_or(|change| !change.state.is_over() && change.parked.is_none());
            let fits = before.filter(|before| goes_on && before.fits(epoch, *first))?;
            Some(Held { next: first + lines.count, ..fits })
        }
        _ => None,
    }
}
