//! What a store does, as plainly as it can be said: the last word on every answer.

use std::collections::BTreeMap;

use crate::job_id::JobId;
use crate::store::{Entry, Epoch, Filter, Head, Term, Verdict};
use crate::timestamp::Timestamp;

/// What is to be in a store.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) nodes: BTreeMap<&'static str, Term>,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) head: Head,
    pub(super) count: u32,
    pub(super) term: Term,
    pub(super) epoch: Epoch,
}

/// A verdict; which number an epoch is, is for the store to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Written,
    Same(Verdict),
}

impl Model {
    pub(super) fn lives(&self, term: Term) -> bool {
        self.nodes.values().any(|living| *living == term)
    }

    /// What the verdict has to be.
    pub(super) fn judge(&self, entry: &Entry) -> Expected {
        match entry {
            Entry::New { head, term, .. } => self.judge_new(head, *term),
            Entry::More { job, epoch, first, .. } => match self.jobs.get(job) {
                Some(job) if job.epoch == *epoch && self.lives(job.term) => {
                    let count = job.count;
                    if *first == count { Expected::Written } else { Expected::Same(Verdict::Not { count }) }
                }
                _ => Expected::Same(Verdict::Stale),
            },
        }
    }

    fn judge_new(&self, head: &Head, term: Term) -> Expected {
        if !self.lives(term) {
            return Expected::Same(Verdict::Stale);
        }
        if let Some(job) = self.jobs.get(&head.id) {
            return Expected::Same(Verdict::Not { count: job.count });
        }
        let open = self.jobs.values().filter(|job| !job.head.state.is_over());
        let same = |job: &&Job| job.head.name == head.name && job.head.unique == head.unique;
        match open.filter(|_| head.unique.is_some()).find(same) {
            Some(other) => Expected::Same(Verdict::Taken(other.head.id)),
            None => Expected::Written,
        }
    }

    /// Takes an entry in that was written, under this epoch.
    pub(super) fn take(&mut self, entry: &Entry, epoch: Epoch) {
        match entry {
            Entry::New { head, term, lines } => {
                let job = Job { head: (**head).clone(), count: lines.count, term: *term, epoch };
                self.jobs.insert(head.id, job);
            }
            Entry::More { job, lines, change, .. } => {
                let Some(job) = self.jobs.get_mut(job) else { return };
                job.count += lines.count;
                if let Some(change) = change {
                    job.head.state = change.state;
                    job.head.ended = change.ended;
                    job.head.failure.clone_from(&change.failure);
                }
            }
        }
    }

    /// What a term has to be given.
    pub(super) fn unheld(&self, limit: usize) -> Vec<JobId> {
        let free = |job: &&Job| !job.head.state.is_over() && !self.lives(job.term);
        self.jobs.values().filter(free).map(|job| job.head.id).take(limit).collect()
    }

    pub(super) fn listed(&self, filter: &Filter) -> Vec<Head> {
        let heads = self.jobs.values().map(|job| &job.head).filter(|head| filter.lets(head));
        heads.take(filter.limit.unwrap_or(usize::MAX)).cloned().collect()
    }

    /// What has to be forgotten, and when each of it ended.
    pub(super) fn forgettable(&self, before: Timestamp, limit: usize) -> Vec<(Timestamp, JobId)> {
        let above = |head: &Head| head.parent.and_then(|parent| self.jobs.get(&parent.job));
        let free = |job: &Job| above(&job.head).is_none_or(|parent| parent.head.state.is_over());
        let over = self.jobs.values().filter(|job| job.head.state.is_over() && free(job));
        let mut ends: Vec<_> = over
            .filter_map(|job| Some((job.head.ended?, job.head.id)))
            .filter(|(at, _)| *at < before)
            .collect();
        ends.sort();
        ends.truncate(limit);
        ends
    }
}
