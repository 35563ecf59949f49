//! What a store does, as plainly as it can be said: the last word on every answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::job_id::JobId;
use crate::store::{Entry, Epoch, Expiry, Filter, Head, Note, Term, Verdict};

/// What is to be in a store.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) nodes: BTreeMap<&'static str, Term>,
    /// Who has taken which key for ever.
    pub(super) taken: BTreeMap<Arc<str>, JobId>,
    /// By topic and name.
    notes: BTreeMap<(Arc<str>, Arc<str>), Noted>,
}

/// How often a note was written, and what it says.
#[derive(Debug)]
struct Noted {
    version: u64,
    text: Option<Arc<str>>,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) head: Head,
    pub(super) count: u32,
    pub(super) term: Term,
    pub(super) epoch: Epoch,
}

/// A verdict; under which epoch a new job is held is for the store to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    New,
    Same(Verdict),
}

impl Model {
    pub(super) fn lives(&self, term: Term) -> bool {
        self.nodes.values().any(|living| *living == term)
    }

    /// What the verdict has to be.
    pub(super) fn judge(&self, entry: &Entry) -> Expected {
        match entry {
            Entry::New { head, term, settles, .. } => self.judge_new(head, *term, *settles),
            Entry::More { job, epoch, first, .. } => Expected::Same(match self.jobs.get(job) {
                Some(job) if job.epoch == *epoch && self.lives(job.term) => match job.count {
                    count if *first == count => Verdict::Written(*epoch),
                    count => Verdict::Not { count },
                },
                _ => Verdict::Stale,
            }),
            Entry::Settle { term, .. } | Entry::Note { term, .. } if !self.lives(*term) => {
                Expected::Same(Verdict::Stale)
            }
            Entry::Settle { job, .. } => Expected::Same(match self.letter(*job) {
                Some(letter) => Verdict::Written(letter.epoch),
                None => Verdict::Settled,
            }),
            Entry::Note { topic, name, was, .. } => Expected::Same(match self.version(topic, name) {
                version if was.is_none_or(|was| was == version) => Verdict::Noted(version + 1),
                version => Verdict::Differs(version),
            }),
            Entry::Reply { job, epoch, .. } => Expected::Same(match self.jobs.get(job) {
                Some(job) if job.epoch == *epoch && self.lives(job.term) => Verdict::Written(*epoch),
                _ => Verdict::Stale,
            }),
        }
    }

    fn judge_new(&self, head: &Head, term: Term, settles: Option<JobId>) -> Expected {
        if !self.lives(term) {
            return Expected::Same(Verdict::Stale);
        }
        if let Some(job) = self.jobs.get(&head.id) {
            let is_own = (job.term, job.epoch) == (term, Epoch::FIRST);
            let verdict = if is_own { Verdict::Not { count: job.count } } else { Verdict::Elsewhere };
            return Expected::Same(verdict);
        }
        if let Some(other) = head.once.as_ref().and_then(|once| self.taken.get(once)) {
            return Expected::Same(Verdict::Taken(*other));
        }
        if let Some(other) = self.who_has_key_of(head) {
            return Expected::Same(Verdict::Taken(other));
        }
        if settles.is_some_and(|letter| self.letter(letter).is_none()) {
            return Expected::Same(Verdict::Settled);
        }
        Expected::New
    }

    fn who_has_key_of(&self, head: &Head) -> Option<JobId> {
        if head.unique.is_none() || head.state.is_over() {
            return None;
        }
        let open = self.jobs.values().filter(|job| !job.head.state.is_over());
        let mut same = open.filter(|job| job.head.name == head.name && job.head.unique == head.unique);
        same.next().map(|job| job.head.id)
    }

    fn letter(&self, job: JobId) -> Option<&Job> {
        self.jobs.get(&job).filter(|job| job.head.is_dead())
    }

    pub(super) fn version(&self, topic: &Arc<str>, name: &Arc<str>) -> u64 {
        self.notes.get(&(Arc::clone(topic), Arc::clone(name))).map_or(0, |noted| noted.version)
    }

    /// Takes in an entry that was accepted, by this verdict.
    pub(super) fn take(&mut self, entry: &Entry, verdict: Verdict) {
        match (entry, verdict) {
            (Entry::New { head, term, lines, settles, .. }, Verdict::Written(epoch)) => {
                let job = Job { head: (**head).clone(), count: lines.count, term: *term, epoch };
                self.jobs.insert(head.id, job);
                self.taken.extend(head.once.clone().map(|once| (once, head.id)));
                settles.map(|letter| self.settle(letter));
            }
            (Entry::More { job, lines, change, .. }, Verdict::Written(_)) => {
                let Some(job) = self.jobs.get_mut(job) else { return };
                job.count += lines.count;
                if let Some(change) = change {
                    job.head.apply(change);
                }
            }
            (Entry::Settle { job, .. }, Verdict::Written(_)) => self.settle(*job),
            (Entry::Note { topic, name, text, .. }, Verdict::Noted(version)) => {
                let noted = Noted { version, text: text.clone() };
                self.notes.insert((Arc::clone(topic), Arc::clone(name)), noted);
            }
            _ => {}
        }
    }

    fn settle(&mut self, letter: JobId) {
        if let Some(job) = self.jobs.get_mut(&letter) {
            job.head.settled = true;
        }
    }

    /// What a term has to be given.
    pub(super) fn unheld(&self, limit: usize) -> Vec<JobId> {
        let free = |job: &&Job| !job.head.state.is_over() && !self.lives(job.term);
        self.jobs.values().filter(free).map(|job| job.head.id).take(limit).collect()
    }

    pub(super) fn listed(&self, filter: &Filter) -> Vec<Head> {
        filter.pick(self.jobs.values().map(|job| &job.head))
    }

    pub(super) fn notes(&self, topic: &str) -> Vec<Note> {
        let own = self.notes.iter().filter(|((of, _), _)| **of == *topic);
        let note = |((_, name), noted): (&(Arc<str>, Arc<str>), &Noted)| {
            Some(Note { name: Arc::clone(name), text: noted.text.clone()?, version: noted.version })
        };
        own.filter_map(note).collect()
    }

    /// What a rule lets go.
    pub(super) fn expired(&self, rule: &Expiry) -> Vec<JobId> {
        let mut names: BTreeMap<&str, Vec<&Head>> = BTreeMap::new();
        for job in self.jobs.values().filter(|job| job.head.state.is_over()) {
            names.entry(&job.head.name).or_default().push(&job.head);
        }
        let mut found = Vec::new();
        for (name, mut heads) in names {
            heads.sort_by_key(|head| (head.ended, head.id));
            let first_kept = rule.beyond.map_or(0, |most| heads.len().saturating_sub(most));
            let goes = |(place, head): &(usize, &&Head)| {
                rule.name.as_ref().is_none_or(|wanted| **wanted == *name)
                    && !rule.but.iter().any(|other| **other == *name)
                    && (*place < first_kept
                        || rule.ended_before.is_some_and(|before| head.ended < Some(before)))
                    && (rule.letters || !head.is_dead())
                    && self.is_free(head)
            };
            found.extend(heads.iter().enumerate().filter(goes).map(|(_, head)| head.id));
        }
        found.truncate(rule.limit);
        found
    }

    /// Forgets what may be; gives the ids.
    pub(super) fn forget(&mut self, jobs: &[JobId]) -> Vec<JobId> {
        let mut gone = Vec::new();
        for id in jobs {
            let may_go = |job: &Job| job.head.state.is_over() && self.is_free(&job.head);
            if self.jobs.get(id).is_some_and(may_go) {
                self.jobs.remove(id);
                gone.push(*id);
            }
        }
        gone
    }

    /// No job that is not over may ask for it.
    fn is_free(&self, head: &Head) -> bool {
        let parent = head.parent.and_then(|parent| self.jobs.get(&parent.job));
        parent.is_none_or(|parent| parent.head.state.is_over())
    }
}
