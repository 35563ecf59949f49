//! What this program would do with the jobs of a store, told before it does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::machine::Unfit;
use crate::program::Program;
use crate::record::Line;
use crate::registry::Registry;
use crate::sketch::TOPIC;
use crate::state::JobState;
use crate::store::{Filter, Head, Store, StoreError};
use crate::upgrade::{Plans, Reader, Restored};

/// How many jobs are listed at once.
const PAGE: usize = 1000;

/// How many jobs of one reason are shown.
const SHOWN: usize = 5;

/// What would become of the jobs of a store that are not over, if a program opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreCheck {
    /// How many of them there are.
    pub jobs: usize,
    /// Those that it would park, the oldest first.
    pub parked: Vec<WouldPark>,
}

/// A job that would be parked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WouldPark {
    /// What is known of it.
    pub head: Head,
    /// The step that is in the way, by its path; none if it is the job as a whole.
    pub step: Option<String>,
    /// What of it changed.
    pub change: String,
}

/// Reads the journals of a store for a program that does not run.
pub(crate) struct Journals<'a> {
    registry: &'a Registry,
    plans: Plans,
    programs: Vec<OnceLock<Arc<Program>>>,
}

impl<'a> Journals<'a> {
    /// A reader of what is in a store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn new(registry: &'a Registry, store: &dyn Store) -> Result<Self, StoreError> {
        let plans = Plans::default();
        plans.learn(&store.notes(TOPIC)?);
        let programs = registry.workflows().iter().map(|_| OnceLock::new()).collect();
        Ok(Self { registry, plans, programs })
    }

    /// Reads a journal.
    ///
    /// # Errors
    /// When this program could not have written it.
    pub(crate) fn read(&self, journal: &[Line]) -> Result<Restored, Unfit> {
        let program = |workflow: u32| {
            let place = workflow as usize;
            let make = || Arc::new(Program::new(&self.registry.workflows()[place], self.registry));
            Arc::clone(self.programs[place].get_or_init(make))
        };
        Reader { registry: self.registry, program: &program, plans: &self.plans }.read(journal)
    }
}

impl Registry {
    /// What would become of the jobs of a store that are not over, if this program opened it. Nothing is run, written or
    /// taken over: another program may be at work on them.
    ///
    /// It blocks: call it before there is an async runtime, or where it hurts nobody.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn check(&self, store: &dyn Store) -> Result<StoreCheck, StoreError> {
        let journals = Journals::new(self, store)?;
        let states = JobState::ALL.iter().copied().filter(|state| !state.is_over()).collect();
        let mut filter = Filter { states, limit: Some(PAGE), ..Filter::default() };
        let mut check = StoreCheck { jobs: 0, parked: Vec::new() };
        loop {
            let heads = store.list(&filter)?;
            let Some(last) = heads.last() else { return Ok(check) };
            filter.after = Some(last.id);
            for head in heads {
                // It may be over, and forgotten, by now.
                let Some(kept) = store.read(head.id)?.filter(|kept| !kept.head.state.is_over()) else {
                    continue;
                };
                check.jobs += 1;
                let lines = kept.records().map_err(|error| Unfit::whole(error.to_string()));
                if let Err(Unfit { step, change }) = lines.and_then(|lines| journals.read(&lines)) {
                    check.parked.push(WouldPark { head: kept.head, step, change });
                }
            }
        }
    }
}

impl fmt::Display for StoreCheck {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { jobs, parked } = self;
        if parked.is_empty() {
            return write!(out, "none of {jobs} jobs that are not over would be parked");
        }
        write!(out, "{} of {jobs} jobs that are not over would be parked:", parked.len())?;
        let mut by_reason: BTreeMap<(&str, String), Vec<&WouldPark>> = BTreeMap::new();
        for job in parked {
            by_reason.entry((&job.head.name, job.reason())).or_default().push(job);
        }
        for ((name, reason), jobs) in by_reason {
            let of = if jobs.len() == 1 { "job" } else { "jobs" };
            write!(out, "\n  {} {of} of `{name}`: {reason}", jobs.len())?;
            for job in jobs.iter().take(SHOWN) {
                write!(out, "\n    {} {}", job.head.id, job.head.state)?;
            }
            if jobs.len() > SHOWN {
                write!(out, "\n    and {} more", jobs.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}

impl WouldPark {
    /// The step and what changed, as a parked job says it.
    pub fn reason(&self) -> String {
        Unfit { step: self.step.clone(), change: self.change.clone() }.to_string()
    }
}
