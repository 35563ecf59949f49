//! What others may read of a job.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::core::Engine;
use super::event::Joined;
use super::job::{Callback, Job, Progress};
use crate::failure::{Failure, FailureKind};
use crate::machine::{Machine, Task};
use crate::panics::caught;
use crate::record::{Fact, Record, TaskId};
use crate::state::{JobState, TaskState};

impl Job {
    /// The result, or a promise to wake.
    pub(crate) fn poll_result(&self, engine: &Engine, context: &Context<'_>) -> Option<Joined> {
        let mut inner = self.lock();
        if engine.is_down.load(std::sync::atomic::Ordering::SeqCst) && inner.live().told_result().is_none() {
            let why = "the runtime was shut down before the job was over";
            return Some(Err(Arc::new(Failure::new(FailureKind::Unrunnable, why).at(self.id, "", 0))));
        }
        let live = inner.live();
        let result = live.told_result().cloned();
        if result.is_none() {
            live.watch(context.waker());
        }
        result
    }

    pub(crate) fn result(&self) -> Option<Joined> {
        self.lock().live_ref()?.told_result().cloned()
    }

    /// Keeps a callback until the job is over; gives it back if the job is.
    pub(crate) fn add_callback(&self, callback: Callback) -> Option<(Callback, Joined)> {
        let mut inner = self.lock();
        let live = inner.live();
        match live.told_result() {
            Some(result) => Some((callback, result.clone())),
            None => {
                live.callbacks.push(callback);
                None
            }
        }
    }

    pub(crate) fn last_progress(&self) -> Option<Progress> {
        self.lock().live_ref()?.last_progress.clone()
    }

    /// How far its tasks say they are, if any has said so since `seen`.
    #[cfg(feature = "http")]
    pub(crate) fn progress_since(&self, seen: &mut u64) -> Vec<(TaskId, Progress)> {
        let inner = self.lock();
        let Some(live) = inner.live_ref().filter(|live| live.progressed > *seen) else { return Vec::new() };
        *seen = live.progressed;
        live.progress.iter().map(|(task, progress)| (*task, progress.clone())).collect()
    }

    /// The last word on progress, if there is one since `seen`; or that there will be none; or a promise to wake.
    pub(crate) fn poll_progress(&self, seen: &mut u64, waker: &Waker) -> Option<Option<Progress>> {
        let mut inner = self.lock();
        let live = inner.live();
        if live.progressed > *seen {
            *seen = live.progressed;
            return Some(live.last_progress.clone());
        }
        if live.told_result().is_some() {
            return Some(None);
        }
        live.watch(waker);
        None
    }

    /// The record after so many, with the step it is about; or that there will be none; or a promise to wake.
    pub(crate) fn poll_record(&self, seen: usize, waker: &Waker) -> Option<Option<(Record, Option<String>)>> {
        let mut inner = self.lock();
        let live = inner.live();
        if let Some(record) = live.written().get(seen) {
            let step = record.fact.task().zip(live.machine.as_ref());
            let step = step.map(|(task, machine)| machine.path(task));
            return Some(Some((record.clone(), step)));
        }
        if live.told_result().is_some() {
            return Some(None);
        }
        live.watch(waker);
        None
    }

    pub(crate) fn glance(
        &self,
    ) -> (JobState, Option<String>, BTreeMap<TaskState, usize>, Option<Arc<Failure>>) {
        let inner = self.lock();
        let state = inner.state();
        let Some(live) = inner.live_ref() else { return (state, None, BTreeMap::new(), None) };
        let failed = live.result.as_ref().and_then(|result| result.as_ref().err()).cloned();
        let Some(machine) = live.machine.as_ref() else { return (state, None, BTreeMap::new(), failed) };
        let mut tasks = BTreeMap::new();
        for task in machine.tasks() {
            *tasks.entry(task.state).or_insert(0) += 1;
        }
        let phase = machine
            .program()
            .and_then(|program| program.plan.definition().phases.get(machine.phase() as usize).cloned());
        let phase = phase.filter(|_| state == JobState::Running || state == JobState::Paused);
        (state, phase, tasks, failed.or_else(|| machine.failure().cloned()))
    }

    pub(crate) fn each_task<T>(&self, show: impl Fn(&Machine, TaskId, &Task) -> T) -> Vec<T> {
        let inner = self.lock();
        let Some(machine) = inner.live_ref().and_then(|live| live.machine.as_ref()) else {
            return Vec::new();
        };
        (0..).zip(machine.tasks()).map(|(id, task)| show(machine, id, task)).collect()
    }
}

impl Engine {
    /// What was asked for.
    pub(crate) fn first_record(&self, job: &Job) -> Record {
        let submission = Arc::new(self.submission(job));
        Record { at: job.id.made_at(), fact: Fact::Submitted { submission } }
    }

    /// A job's journal, from its first record.
    pub(crate) fn journal(&self, job: &Job) -> Vec<Record> {
        let mut records = vec![self.first_record(job)];
        let inner = job.lock();
        records.extend(inner.live_ref().map(|live| live.written().to_vec()).unwrap_or_default());
        records
    }
}

/// Calls a callback; a panic of it changes nothing.
pub(crate) fn caught_result(id: crate::job_id::JobId, callback: Callback, result: &Joined) {
    if let Err(panic) = caught(|| callback(result)) {
        tracing::warn!(job = %id, "a callback {panic}");
    }
}
