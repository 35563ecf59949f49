//! A history and the journals that belong to it, sorted for who judges them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;
use workflow_runtime::{Fact, JobId, TaskId};

use super::event::{Event, Kept, Outcome, Tick};
use super::line::Line;
use super::violation::{Effect, Violation};
use super::{attempts, limits, reads, saves, submissions, ticks, undo, wishes};

/// What a history is to be judged by, beside what holds for all.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// How many attempts may run at once, by queue.
    pub limits: BTreeMap<String, usize>,
    /// The ticks that had to come, if schedules are judged.
    pub ticks: Option<BTreeSet<Tick>>,
    /// Whether a job that was asked for by this name may end so: as if nothing had happened.
    pub expected: Option<fn(&str, &Outcome) -> bool>,
}

/// Names everything in a history that must not be.
pub fn check(history: &[Line], rules: &Rules) -> Vec<Violation> {
    let case = Case::new(history, rules);
    let mut found = Vec::new();
    submissions::judge(&case, &mut found);
    attempts::judge(&case, &mut found);
    reads::judge(&case, &mut found);
    saves::judge(&case, &mut found);
    wishes::judge(&case, &mut found);
    undo::judge(&case, &mut found);
    ticks::judge(&case, &mut found);
    limits::judge(&case, &mut found);
    found
}

pub(super) struct Case<'a> {
    pub(super) history: &'a [Line],
    pub(super) rules: &'a Rules,
    pub(super) jobs: BTreeMap<JobId, Story<'a>>,
}

/// A job's journal, sorted. Places are those of records.
pub(super) struct Story<'a> {
    pub(super) kept: &'a Kept,
    /// The numbers of tasks, by their paths.
    pub(super) ids: HashMap<&'a str, TaskId>,
    /// The attempts of tasks, in order: number and place.
    pub(super) started: HashMap<TaskId, Vec<(u32, usize)>>,
    pub(super) succeeded: HashMap<TaskId, (usize, Json)>,
    /// The children that were called, by task.
    pub(super) called: Vec<(TaskId, JobId)>,
}

impl<'a> Case<'a> {
    fn new(history: &'a [Line], rules: &'a Rules) -> Self {
        let kept = history.iter().filter_map(|line| match &line.event {
            Event::Kept(kept) => Some((kept.job, Story::new(kept))),
            _ => None,
        });
        Self { history, rules, jobs: kept.collect() }
    }
}

impl<'a> Story<'a> {
    fn new(kept: &'a Kept) -> Self {
        let mut story = Self {
            kept,
            ids: (0..).zip(&kept.tasks).map(|(id, path)| (path.as_str(), id)).collect(),
            started: HashMap::new(),
            succeeded: HashMap::new(),
            called: Vec::new(),
        };
        for (place, record) in kept.journal.iter().enumerate() {
            match &record.fact {
                Fact::Started { task, attempt } => {
                    story.started.entry(*task).or_default().push((*attempt, place));
                }
                Fact::Succeeded { task, output } => {
                    let output = output.json().unwrap_or(Json::Null);
                    story.succeeded.entry(*task).or_insert((place, output));
                }
                Fact::Called { task, job } => story.called.push((*task, *job)),
                _ => {}
            }
        }
        story
    }

    pub(super) fn path(&self, task: TaskId) -> &'a str {
        self.kept.tasks.get(task as usize).map_or("?", String::as_str)
    }

    /// The place of a task's outcome in the journal, and the outcome.
    pub(super) fn outcome(&self, path: &str) -> Option<&(usize, Json)> {
        self.succeeded.get(self.ids.get(path)?)
    }

    /// The place where an attempt begins.
    pub(super) fn start(&self, path: &str, attempt: u32) -> Option<usize> {
        let attempts = self.started.get(self.ids.get(path)?)?;
        attempts.iter().find(|(number, _)| *number == attempt).map(|(_, place)| *place)
    }

    /// How the journal says that the job ended.
    pub(super) fn end(&self) -> Option<Outcome> {
        self.kept.journal.iter().find_map(|record| match &record.fact {
            Fact::JobSucceeded { output } => Some(Outcome::Done(output.json().unwrap_or(Json::Null))),
            Fact::JobFailed { failure } => Some(Outcome::Failed(failure.to_string())),
            _ => None,
        })
    }

    pub(super) fn effect(&self, task: TaskId, attempt: u32) -> Effect {
        Effect { job: self.kept.job, task: self.path(task).to_owned(), attempt }
    }
}
