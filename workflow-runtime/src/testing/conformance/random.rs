//! Whatever comes to mind, from a seed, done to a store and to the model.

use super::Held;
use super::dice::Dice;
use super::invent::{Inventor, KEYS, NODES, TOPICS};
use super::jobs::{
    Stand, all, expired, forget, has_records, is_there, listed, next_term, notes, read, same, shown, taker,
    write,
};
use super::model::{Expected, Model};
use crate::job_id::JobId;
use crate::store::{Entry, Epoch, Filter, Most, Store, StoreErrorKind, Verdict};

/// How many runs, and how much is done in each.
struct Size {
    seeds: std::ops::RangeInclusive<u64>,
    operations: usize,
    /// How many entries are written at once, at most.
    entries: usize,
    /// Of how many jobs one is looked at, when all are.
    one_in: usize,
}

const LITTLE: Size = Size { seeds: 1..=60, operations: 60, entries: 5, one_in: 1 };

/// More than ten thousand entries in one run.
const MUCH: Size = Size { seeds: 1001..=1001, operations: 500, entries: 80, one_in: 20 };

pub(super) fn follows_the_model<S: Store>(stand: &Stand<'_, S>) -> Held {
    follows(stand, &LITTLE)
}

pub(super) fn follows_the_model_for_long<S: Store>(stand: &Stand<'_, S>) -> Held {
    follows(stand, &MUCH)
}

fn follows<S: Store>(stand: &Stand<'_, S>, size: &Size) -> Held {
    for seed in size.seeds.clone() {
        let invent = Inventor::new(Dice::new(seed));
        let mut run = Run { invent, stand, size, model: Model::default() };
        let mut store = stand.fresh();
        for number in 0..size.operations {
            let told = |what| format!("seed {seed}, operation {number}: {what}");
            store = run.operation(store).map_err(told)?;
        }
        run.compare(&store).map_err(|what| format!("seed {seed}, at the end: {what}"))?;
    }
    Ok(())
}

struct Run<'a, S> {
    invent: Inventor,
    stand: &'a Stand<'a, S>,
    size: &'a Size,
    model: Model,
}

/// Whether an entry changes the head of the job of another.
fn changes(entry: &Entry, other: &Entry) -> bool {
    match (entry, other) {
        (Entry::More { job, change: Some(_), .. }, Entry::More { job: other, .. }) => job == other,
        _ => false,
    }
}

impl<S: Store> Run<'_, S> {
    fn operation(&mut self, store: S) -> Result<S, String> {
        match self.invent.dice.below(24) {
            _ if self.model.nodes.is_empty() => self.begin(&store)?,
            0 => self.begin(&store)?,
            1 | 2 => self.claim(&store)?,
            3 | 4 => self.expire(&store)?,
            5 => self.forget(&store)?,
            6 | 7 => self.list(&store)?,
            8 => return Ok(self.stand.reopen(store)),
            9 => self.compare(&store)?,
            _ => self.write(&store)?,
        }
        Ok(store)
    }

    fn begin(&mut self, store: &S) -> Held {
        let node = self.invent.dice.pick(&NODES).unwrap_or(NODES[0]);
        let term = next_term(store, node)?;
        if let Some(before) = self.model.nodes.insert(node, term) {
            self.invent.old.push((before, Epoch(before.0)));
        }
        Ok(())
    }

    fn claim(&mut self, store: &S) -> Held {
        let Some(term) = self.invent.living(&self.model) else { return Ok(()) };
        let limit = self.invent.dice.below(self.size.entries);
        if let Some((over, _)) = self.invent.over().filter(|_| limit % 5 == 4) {
            let kind = store.claim(over, Most::of(limit)).err().map(|error| error.kind());
            return same("the claim of a term that is over", &kind, &Some(StoreErrorKind::Superseded));
        }
        let claimed = store.claim(term, Most::of(limit)).map_err(|error| format!("cannot claim: {error}"))?;
        let found: Vec<JobId> = claimed.iter().map(|claimed| claimed.kept.head.id).collect();
        same("what is claimed", &found, &self.model.unheld(limit))?;
        for claimed in &claimed {
            let Some(job) = self.model.jobs.get_mut(&claimed.kept.head.id) else { continue };
            same("the head of what is claimed", &claimed.kept.head, &job.head)?;
            has_records(&claimed.kept, job.count)?;
            if claimed.epoch <= job.epoch {
                return Err(format!("{:?} follows {:?}", claimed.epoch, job.epoch));
            }
            self.invent.old.push((job.term, job.epoch));
            (job.term, job.epoch) = (term, claimed.epoch);
        }
        Ok(())
    }

    fn write(&mut self, store: &S) -> Held {
        let mut entries: Vec<Entry> = Vec::new();
        for _ in 0..=self.invent.dice.below(self.size.entries) {
            let again = self.invent.dice.pick(&entries).filter(|_| self.invent.dice.one_in(8));
            // What may follow a change of the same batch is nobody's business.
            let good = |entry: &Entry| !entries.iter().any(|other| changes(other, entry));
            let entry = again.unwrap_or_else(|| {
                let entry = self.invent.entry(self.stand, &self.model);
                if good(&entry) { entry } else { self.invent.new_job(self.stand, &self.model) }
            });
            entries.push(entry);
        }
        let verdicts = write(store, &entries)?;
        for (entry, verdict) in entries.iter().zip(verdicts) {
            match (self.model.judge(entry), verdict) {
                (Expected::New, Verdict::Written(_)) => {}
                (Expected::Same(expected), verdict) if verdict == expected => {}
                (expected, verdict) => {
                    let shown = shown(entry);
                    return Err(format!("the verdict on {shown} should be {expected:?}, and is {verdict:?}"));
                }
            }
            self.model.take(entry, verdict);
        }
        Ok(())
    }

    fn expire(&mut self, store: &S) -> Held {
        let rule = self.invent.rule(self.size.entries);
        let gone = expired(store, &rule)?;
        same(&format!("what {rule:?} lets go"), &gone, &self.model.expired(&rule))?;
        if self.invent.dice.one_in(2) { self.gone(store, &gone) } else { Ok(()) }
    }

    fn forget(&mut self, store: &S) -> Held {
        let ids: Vec<JobId> = self.model.jobs.keys().copied().collect();
        let mut some = vec![self.stand.id()];
        for _ in 0..self.invent.dice.below(self.size.entries) {
            some.extend(self.invent.dice.pick(&ids));
        }
        self.gone(store, &some)
    }

    fn gone(&mut self, store: &S, jobs: &[JobId]) -> Held {
        let gone = forget(store, jobs)?;
        same("what is forgotten", &gone, &self.model.forget(jobs))?;
        gone.iter().try_for_each(|id| same("whether it is still there", &is_there(store, *id)?, &false))
    }

    fn list(&mut self, store: &S) -> Held {
        let filter = self.invent.filter(&self.model);
        same(&format!("what {filter:?} lets through"), &listed(store, &filter)?, &self.model.listed(&filter))
    }

    /// Everything.
    fn compare(&mut self, store: &S) -> Held {
        same("the list of all", &all(store)?, &self.model.listed(&Filter::default()))?;
        for topic in TOPICS {
            same(&format!("the notes about {topic}"), &notes(store, topic)?, &self.model.notes(topic))?;
        }
        for key in KEYS {
            same(&format!("who has taken {key}"), &taker(store, key)?, &self.model.taken.get(key).copied())?;
        }
        let from = self.invent.dice.below(self.size.one_in);
        self.model.jobs.values().skip(from).step_by(self.size.one_in).try_for_each(|job| {
            let kept = read(store, job.head.id)?;
            same("the head of a job", &kept.head, &job.head)?;
            has_records(&kept, job.count)
        })
    }
}
