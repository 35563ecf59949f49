//! What is done in a random run: mostly as it should be, now and then not.

use std::sync::Arc;

use super::dice::Dice;
use super::jobs::{Stand, lines, moment, note, settle, task_of};
use super::model::{Job, Model};
use crate::job_id::JobId;
use crate::options::Priority;
use crate::state::JobState;
use crate::store::{Change, Entry, Epoch, Expiry, Filter, Head, Store, Term};
use crate::timestamp::Timestamp;

pub(super) const NODES: [&str; 2] = ["one", "two"];
pub(super) const TOPICS: [&str; 2] = ["schedule", "plan"];
/// Keys that are taken for ever.
pub(super) const KEYS: [&str; 6] = ["May", "June", "July", "August", "September", "October"];

const NAMES: [&str; 2] = ["work", "rest"];
const TEXTS: [&str; 3] = ["WOR", "eD", "nothing"];

pub(super) struct Inventor {
    pub(super) dice: Dice,
    /// Terms and epochs that were good once.
    pub(super) old: Vec<(Term, Epoch)>,
    /// How much time has passed.
    moments: u64,
}

impl Inventor {
    pub(super) fn new(dice: Dice) -> Self {
        Self { dice, old: Vec::new(), moments: 0 }
    }

    pub(super) fn living(&mut self, model: &Model) -> Option<Term> {
        let living: Vec<Term> = model.nodes.values().copied().collect();
        self.dice.pick(&living)
    }

    /// A term that is over, and an epoch.
    pub(super) fn over(&mut self) -> Option<(Term, Epoch)> {
        self.dice.pick(&self.old)
    }

    pub(super) fn entry<S: Store>(&mut self, stand: &Stand<'_, S>, model: &Model) -> Entry {
        let more = match self.dice.below(12) {
            0 => Some(self.settle(stand, model)),
            1 | 2 => Some(self.note(model)),
            3..=5 => None,
            _ => self.more_lines(stand, model),
        };
        more.unwrap_or_else(|| self.new_job(stand, model))
    }

    /// A term, mostly one that is not over.
    fn term(&mut self, model: &Model) -> Term {
        let over = self.dice.sometimes(12, &self.old).map(|(term, _)| term);
        over.or_else(|| self.living(model)).unwrap_or(Term(0))
    }

    pub(super) fn new_job<S: Store>(&mut self, stand: &Stand<'_, S>, model: &Model) -> Entry {
        let head = self.head(stand, model);
        let settles = if self.dice.one_in(6) { self.letter(model) } else { None };
        let term = self.term(model);
        Entry::New { head: Arc::new(head), term, lines: self.some_lines(0), settles, free: None }
    }

    fn head<S: Store>(&mut self, stand: &Stand<'_, S>, model: &Model) -> Head {
        let ids: Vec<JobId> = model.jobs.keys().copied().collect();
        let mut head = stand.head();
        if let Some(id) = self.dice.sometimes(8, &ids) {
            head.id = id;
        }
        head.name = Arc::from(self.dice.pick(&NAMES).unwrap_or(NAMES[0]));
        head.queue = Arc::from(self.dice.pick(&["default", "slow"]).unwrap_or("default"));
        head.priority = self.dice.sometimes(2, &[Priority::Low, Priority::Critical]);
        head.unique = self.dice.sometimes(3, &["a", "b"]).map(Arc::from);
        head.once = self.dice.sometimes(12, &KEYS).map(Arc::from);
        head.tags = self.dice.sometimes(2, &["red", "blue"]).map(Arc::from).into_iter().collect();
        head.parent = self.dice.sometimes(3, &ids).and_then(task_of);
        head.submitted = self.now();
        if let Some(state) = self.dice.sometimes(12, JobState::ALL) {
            let change = self.change(state);
            head.apply(&change);
        }
        head
    }

    fn change(&mut self, state: JobState) -> Change {
        let ended = state.is_over().then(|| self.now());
        let failure = ended.map(|at| Arc::from(at.to_string()));
        let parked = if state.is_over() { None } else { self.dice.sometimes(4, &["a step is gone"]) };
        Change { state, ended, failure, parked: parked.map(Arc::from) }
    }

    fn some_lines(&mut self, first: u32) -> crate::store::Lines {
        lines(first, 1 + u32::try_from(self.dice.below(3)).unwrap_or(0))
    }

    /// Of a job that is not over, where its journal ends; mostly.
    fn more_lines<S: Store>(&mut self, stand: &Stand<'_, S>, model: &Model) -> Option<Entry> {
        let open = |job: &&Job| !job.head.state.is_over();
        let jobs: Vec<(JobId, Epoch, u32)> =
            model.jobs.values().filter(open).map(|job| (job.head.id, job.epoch, job.count)).collect();
        let (mut job, mut epoch, mut first) = self.dice.pick(&jobs)?;
        if self.dice.one_in(10) {
            epoch = self.over().map_or(Epoch(u64::MAX), |(_, epoch)| epoch);
        }
        if self.dice.one_in(8) {
            first = first.wrapping_add(1).saturating_sub(u32::try_from(self.dice.below(3)).unwrap_or(0));
        }
        if self.dice.one_in(20) {
            job = stand.id();
        }
        let lines = self.some_lines(first);
        let change = self.dice.sometimes(3, JobState::ALL).map(|state| Box::new(self.change(state)));
        Some(Entry::More { job, epoch, first, lines, change })
    }

    /// A dead letter, or what is none.
    fn letter(&mut self, model: &Model) -> Option<JobId> {
        let wanted = !self.dice.one_in(4);
        let jobs = model.jobs.values().filter(|job| job.head.is_dead() == wanted);
        let jobs: Vec<JobId> = jobs.map(|job| job.head.id).collect();
        self.dice.pick(&jobs)
    }

    fn settle<S: Store>(&mut self, stand: &Stand<'_, S>, model: &Model) -> Entry {
        let job = self.letter(model).unwrap_or_else(|| stand.id());
        settle(job, self.term(model))
    }

    fn note(&mut self, model: &Model) -> Entry {
        let topic = self.dice.pick(&TOPICS).unwrap_or(TOPICS[0]);
        let name = self.dice.pick(&["a", "b", "c"]).unwrap_or("a");
        let version = model.version(&Arc::from(topic), &Arc::from(name));
        let was = self.dice.pick(&[None, Some(0), Some(version), Some(version), Some(version + 1)]).flatten();
        let text = self.now().to_string();
        let text = if self.dice.one_in(3) { None } else { Some(&*text) };
        note(topic, name, text, was, self.term(model))
    }

    pub(super) fn rule(&mut self, most: usize) -> Expiry {
        let past = self.dice.below(usize::try_from(self.moments).unwrap_or(0) + 1);
        let limit = self.dice.below(most + 1);
        Expiry {
            name: self.dice.sometimes(3, &NAMES).map(Arc::from),
            but: self.dice.sometimes(4, &NAMES).map(Arc::from).into_iter().collect(),
            ended_before: self.dice.sometimes(2, &[moment(past as u64)]),
            beyond: Some(self.dice.below(6)).filter(|_| self.dice.one_in(2)),
            letters: self.dice.one_in(2),
            limit,
        }
    }

    pub(super) fn filter(&mut self, model: &Model) -> Filter {
        let ids: Vec<JobId> = model.jobs.keys().copied().collect();
        let mut filter = Filter::default();
        for _ in 0..self.dice.below(4).saturating_sub(1) {
            filter.states.extend(self.dice.pick(JobState::ALL));
        }
        filter.name = self.dice.sometimes(2, &NAMES).map(str::to_owned);
        filter.tag = self.dice.sometimes(4, &["red"]).map(|tag| (*tag).to_owned());
        filter.queue = self.dice.sometimes(4, &["slow"]).map(|queue| (*queue).to_owned());
        filter.dead = self.dice.one_in(3);
        filter.parked = self.dice.one_in(4);
        filter.parent = self.dice.sometimes(4, &ids);
        filter.after = self.dice.sometimes(4, &ids);
        filter.before = self.dice.sometimes(4, &ids);
        filter.newest = self.dice.one_in(2);
        filter.text = self.dice.sometimes(4, &TEXTS).map(str::to_owned);
        let moments = [self.moments / 3, self.moments / 2].map(moment);
        filter.since = self.dice.sometimes(4, &moments);
        filter.until = self.dice.sometimes(4, &moments);
        filter.limit = self.dice.sometimes(2, &[3]);
        filter
    }

    fn now(&mut self) -> Timestamp {
        // Some things happen at once.
        self.moments += u64::from(!self.dice.one_in(4));
        moment(self.moments)
    }
}
