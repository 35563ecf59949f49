//! Whatever comes to mind, from a seed, done to a store and to the model.

use std::sync::Arc;

use super::Held;
use super::jobs::{Stand, has_records, lines, moment, read, same, shown, write};
use super::model::{Expected, Model};
use crate::job_id::JobId;
use crate::record::Parent;
use crate::state::JobState;
use crate::store::{Change, Entry, Epoch, Filter, Store, StoreErrorKind, Term, Verdict};

/// How many runs, and how many operations in each.
const RUNS: u64 = 40;
const OPERATIONS: usize = 60;

const NODES: [&str; 2] = ["one", "two"];

pub(super) fn follows_the_model<S: Store>(stand: &Stand<'_, S>) -> Held {
    for seed in 1..=RUNS {
        let mut run = Run { dice: Dice(seed), stand, model: Model::default(), moments: 0, old: Vec::new() };
        let mut store = stand.fresh();
        for number in 0..OPERATIONS {
            let told = |what| format!("seed {seed}, operation {number}: {what}");
            store = run.operation(store).map_err(told)?;
        }
        run.compare(&store).map_err(|what| format!("seed {seed}, at the end: {what}"))?;
    }
    Ok(())
}

/// Numbers that nobody foresees, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap_or(0)
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.below(all.len())).cloned()
    }
}

/// Whether an entry changes the head of the job of another.
fn changes(entry: &Entry, other: &Entry) -> bool {
    match (entry, other) {
        (Entry::More { job, change: Some(_), .. }, Entry::More { job: other, .. }) => job == other,
        _ => false,
    }
}

struct Run<'a, S> {
    dice: Dice,
    stand: &'a Stand<'a, S>,
    model: Model,
    /// How much time has passed.
    moments: u64,
    /// Terms and epochs that were good once.
    old: Vec<(Term, Epoch)>,
}

impl<S: Store> Run<'_, S> {
    fn operation(&mut self, store: S) -> Result<S, String> {
        match self.dice.below(20) {
            _ if self.model.nodes.is_empty() => self.begin(&store)?,
            0 => self.begin(&store)?,
            1 | 2 => self.claim(&store)?,
            3 => self.forget(&store)?,
            4 => self.list(&store)?,
            5 => return Ok(self.stand.reopen(store)),
            6 => self.compare(&store)?,
            _ => self.write(&store)?,
        }
        Ok(store)
    }

    fn begin(&mut self, store: &S) -> Held {
        let node = self.dice.pick(&NODES).unwrap_or(NODES[0]);
        let term = store.begin(node).map_err(|error| error.to_string())?;
        if let Some(before) = self.model.nodes.insert(node, term) {
            self.old.push((before, Epoch(before.0)));
        }
        Ok(())
    }

    fn claim(&mut self, store: &S) -> Held {
        let living: Vec<Term> = self.model.nodes.values().copied().collect();
        let (Some(term), limit) = (self.dice.pick(&living), self.dice.below(5)) else { return Ok(()) };
        if let Some((over, _)) = self.dice.pick(&self.old).filter(|_| limit == 4) {
            let kind = store.claim(over, limit).err().map(|error| error.kind());
            return same("the claim of a term that is over", &kind, &Some(StoreErrorKind::Superseded));
        }
        let claimed = store.claim(term, limit).map_err(|error| error.to_string())?;
        let found: Vec<JobId> = claimed.iter().map(|claimed| claimed.kept.head.id).collect();
        same("what is claimed", &found, &self.model.unheld(limit))?;
        for claimed in &claimed {
            let Some(job) = self.model.jobs.get_mut(&claimed.kept.head.id) else { continue };
            same("the head of what is claimed", &claimed.kept.head, &job.head)?;
            has_records(&claimed.kept, job.count)?;
            if claimed.epoch <= job.epoch {
                return Err(format!("{:?} follows {:?}", claimed.epoch, job.epoch));
            }
            self.old.push((job.term, job.epoch));
            (job.term, job.epoch) = (term, claimed.epoch);
        }
        Ok(())
    }

    fn write(&mut self, store: &S) -> Held {
        let mut entries = Vec::new();
        for _ in 0..=self.dice.below(5) {
            let again: Option<Entry> = self.dice.pick(&entries).filter(|_| self.dice.one_in(8));
            let entry = match again {
                Some(entry) => entry,
                None if self.dice.one_in(3) => self.new_job(),
                None => match self.more_lines() {
                    // What may follow a change of the same batch is nobody's business.
                    Some(more) if !entries.iter().any(|other| changes(other, &more)) => more,
                    _ => self.new_job(),
                },
            };
            entries.push(entry);
        }
        let verdicts = write(store, &entries)?;
        for (entry, verdict) in entries.iter().zip(verdicts) {
            let expected = self.model.judge(entry);
            match (verdict, expected) {
                (Verdict::Written(epoch), Expected::Written) => {
                    if let Entry::More { epoch: own, .. } = entry {
                        same("the epoch of a verdict", &epoch, own)?;
                    }
                    self.model.take(entry, epoch);
                }
                (verdict, Expected::Same(expected)) if verdict == expected => {}
                (verdict, expected) => {
                    let shown = shown(entry);
                    return Err(format!("the verdict on {shown} should be {expected:?}, and is {verdict:?}"));
                }
            }
        }
        Ok(())
    }

    fn new_job(&mut self) -> Entry {
        let ids: Vec<JobId> = self.model.jobs.keys().copied().collect();
        let mut head = self.stand.head();
        if let Some(id) = self.dice.pick(&ids).filter(|_| self.dice.one_in(8)) {
            head.id = id;
        }
        head.name = Arc::from(self.dice.pick(&["work", "rest"]).unwrap_or("work"));
        head.queue = Arc::from(self.dice.pick(&["default", "slow"]).unwrap_or("default"));
        let key = self.dice.pick(&["a", "b"]).filter(|_| self.dice.one_in(3));
        head.unique = key.map(Arc::from);
        head.tags = self
            .dice
            .pick(&["red", "blue"])
            .filter(|_| self.dice.one_in(2))
            .map(Arc::from)
            .into_iter()
            .collect();
        let parent = self.dice.pick(&ids).filter(|_| self.dice.one_in(3));
        head.parent = parent.map(|job| Parent { job, task: 1, depth: 1 });
        head.submitted = self.now();
        let living: Vec<Term> = self.model.nodes.values().copied().collect();
        let over = self.dice.pick(&self.old).filter(|_| self.dice.one_in(10)).map(|(term, _)| term);
        let term = over.or_else(|| self.dice.pick(&living)).unwrap_or(Term(0));
        let lines = lines(0, 1 + u32::try_from(self.dice.below(3)).unwrap_or(0));
        Entry::New { head: Box::new(head), term, lines }
    }

    /// Mostly as it should be: of a job that is not over, where its journal ends.
    fn more_lines(&mut self) -> Option<Entry> {
        let open = |job: &&super::model::Job| !job.head.state.is_over();
        let jobs: Vec<(JobId, Epoch, u32)> =
            self.model.jobs.values().filter(open).map(|job| (job.head.id, job.epoch, job.count)).collect();
        let (mut job, mut epoch, mut first) = self.dice.pick(&jobs)?;
        if self.dice.one_in(10) {
            epoch = self.dice.pick(&self.old).map_or(Epoch(u64::MAX), |(_, epoch)| epoch);
        }
        if self.dice.one_in(8) {
            first = first.wrapping_add(1).saturating_sub(u32::try_from(self.dice.below(3)).unwrap_or(0));
        }
        if self.dice.one_in(20) {
            job = self.stand.id();
        }
        let lines = lines(first, 1 + u32::try_from(self.dice.below(3)).unwrap_or(0));
        let state = self.dice.pick(JobState::ALL).filter(|_| self.dice.one_in(3));
        let change = state.map(|state| {
            let ended = state.is_over().then(|| self.now());
            Box::new(Change { state, ended, failure: ended.map(|at| Arc::from(at.to_string())) })
        });
        Some(Entry::More { job, epoch, first, lines, change })
    }

    fn now(&mut self) -> crate::timestamp::Timestamp {
        self.moments += 1;
        moment(self.moments)
    }

    fn forget(&mut self, store: &S) -> Held {
        let past = self.dice.below(usize::try_from(self.moments).unwrap_or(0) + 1);
        let (before, limit) = (moment(past as u64), self.dice.below(6));
        let expected: Vec<JobId> =
            self.model.forgettable(before, limit).into_iter().map(|(_, id)| id).collect();
        let gone = store.forget(before, limit).map_err(|error| error.to_string())?;
        same("what is forgotten", &gone, &expected)?;
        for id in gone {
            self.model.jobs.remove(&id);
            same("whether it is still there", &store.read(id).map(|kept| kept.is_some()), &Ok(false))?;
        }
        Ok(())
    }

    fn list(&mut self, store: &S) -> Held {
        let ids: Vec<JobId> = self.model.jobs.keys().copied().collect();
        let mut filter = Filter::default();
        for _ in 0..self.dice.below(4) {
            filter.states.extend(self.dice.pick(JobState::ALL));
        }
        filter.name = self.dice.pick(&[None, Some("work".to_owned())]).flatten();
        filter.tag = self.dice.pick(&[None, None, Some("red".to_owned())]).flatten();
        filter.queue = self.dice.pick(&[None, None, Some("slow".to_owned())]).flatten();
        filter.parent = self.dice.pick(&ids).filter(|_| self.dice.one_in(4));
        filter.after = self.dice.pick(&ids).filter(|_| self.dice.one_in(3));
        filter.limit = self.dice.pick(&[None, Some(3)]).flatten();
        let found = store.list(&filter).map_err(|error| error.to_string())?;
        same(&format!("what {filter:?} lets through"), &found, &self.model.listed(&filter))
    }

    /// Everything.
    fn compare(&self, store: &S) -> Held {
        let found = store.list(&Filter::default()).map_err(|error| error.to_string())?;
        same("the list of all", &found, &self.model.listed(&Filter::default()))?;
        self.model.jobs.values().try_for_each(|job| {
            let kept = read(store, job.head.id)?;
            same("the head of a job", &kept.head, &job.head)?;
            has_records(&kept, job.count)
        })
    }
}
