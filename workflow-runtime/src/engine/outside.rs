//! What code outside of a job does to it without waiting: makes tasks, and looks at them, by their keys.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::core::Engine;
use super::drive::Turn;
use super::event::Answer;
use super::job::{Job, JobWork, Live};
use crate::failure::{Failure, FailureKind};
use crate::machine::Machine;
use crate::record::{After, Fact, JobOptions, Record, Spawn, TaskId, Tasks};
use crate::state::TaskState;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// What code outside of a job wants done to one of its tasks.
#[derive(Debug)]
pub(crate) enum Outside {
    /// A task is to be made that runs after those of these keys, which were made before.
    Make { spawn: Spawn, after: Vec<Arc<str>> },
    /// Somebody else has done the task, which has not begun.
    Done { key: Arc<str>, output: Value },
    /// All that was wanted before is to be done first.
    Told(oneshot::Sender<()>),
}

/// A task, as somebody outside of its job sees it.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub(crate) state: TaskState,
    /// How many attempts there were.
    pub(crate) attempts: u32,
    pub(crate) output: Option<Value>,
    pub(crate) failure: Option<Arc<Failure>>,
    /// When something happened to it last.
    pub(crate) at: Option<Timestamp>,
    /// The job was stopped, or its time ran out, before the task was over.
    pub(crate) cut: bool,
}

impl Engine {
    /// Takes a job in and lets it go, without waiting. Its tasks can be seen for as long as somebody has the
    /// job.
    ///
    /// # Errors
    /// When it cannot be taken in.
    pub(crate) fn start_outside(
        self: &Arc<Self>,
        tasks: Tasks,
        options: JobOptions,
    ) -> Result<Arc<Job>, String> {
        let job = self.accept(JobWork::Tasks(Arc::new(tasks)), Some(Box::new(options)), false)?;
        self.let_go(&job, None);
        Ok(job)
    }
}

impl Turn<'_> {
    pub(super) fn outside(&mut self, live: &mut Live, wish: Outside) {
        let Some(machine) = live.machine.as_ref() else { return };
        match wish {
            Outside::Make { mut spawn, after } => {
                let earlier = after.iter().filter_map(|key| machine.made_by(None, key));
                spawn.after.extend(earlier.map(|task| After { task, soft: false }));
                if let Err(refused) = self.spawned(live, None, Arc::new(spawn)) {
                    tracing::warn!(job = %self.job.id, "a task from outside was refused: {refused}");
                }
            }
            Outside::Done { key, output } => {
                let task = machine.made_by(None, &key);
                let waits =
                    |task: &TaskId| machine.task(*task).is_some_and(|task| task.state == TaskState::Pending);
                if let Some(task) = task.filter(waits) {
                    self.note(live, Fact::Succeeded { task, output });
                }
            }
            Outside::Told(told) => self.effects.answers.push(Answer::Done(told)),
        }
    }
}

impl Job {
    /// The job's own task of this key.
    pub(crate) fn sighting(&self, key: &str) -> Option<Sighting> {
        let inner = self.lock();
        let live = inner.live_ref()?;
        let machine = live.machine.as_ref()?;
        let task = machine.made_by(None, key)?;
        let last = live.journal.iter().rfind(|record| moves(record) == Some(task));
        seen(machine, task, last)
    }

    /// The job's own tasks that have keys.
    pub(crate) fn sightings(&self) -> HashMap<Arc<str>, Sighting> {
        let inner = self.lock();
        let Some(live) = inner.live_ref() else { return HashMap::new() };
        let Some(machine) = live.machine.as_ref() else { return HashMap::new() };
        let about = live.journal.iter().filter_map(|record| Some((moves(record)?, record)));
        let last: HashMap<TaskId, &Record> = about.collect();
        let keyed = (0..).zip(machine.tasks()).filter_map(|(task, _)| {
            let key = machine.spawn(task)?.key.clone()?;
            Some((key, seen(machine, task, last.get(&task).copied())?))
        });
        keyed.collect()
    }
}

/// The task that a record moves on.
fn moves(record: &Record) -> Option<TaskId> {
    match &record.fact {
        Fact::Noticed { .. } | Fact::Saved { .. } | Fact::Logged { .. } => None,
        fact => fact.task(),
    }
}

/// A task, and the last record that is about it.
fn seen(machine: &Machine, id: TaskId, last: Option<&Record>) -> Option<Sighting> {
    let task = machine.task(id)?;
    let failure = last.and_then(|record| match &record.fact {
        Fact::Failed { failure, .. } | Fact::Retrying { failure, .. } => Some(Arc::clone(failure)),
        _ => None,
    });
    let ended = machine
        .failure()
        .is_some_and(|failure| matches!(failure.kind, FailureKind::Cancelled | FailureKind::Expired));
    Some(Sighting {
        state: task.state,
        attempts: task.attempt,
        output: machine.output_of(id).cloned(),
        failure,
        at: last.map(|record| record.at),
        cut: ended && matches!(task.state, TaskState::Cancelled | TaskState::Skipped),
    })
}
