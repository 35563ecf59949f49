//! The context of an agent that the linker collected, as it runs in a classic job.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::Value as Json;

use super::attempt::Attempt;
use crate::context::{Host, Pending, Resources, TaskContext, TaskManager};
use crate::error::AgentError;
use crate::failure::Failure;
use crate::record::{Spawn, TaskId};
use crate::stats::AgentStats;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// The engine's context of an attempt, but for the names that the old system gave to job and manager.
pub(super) struct Guest {
    attempt: Arc<Attempt>,
    host: Arc<dyn Host>,
    manager: TaskManager,
}

impl Guest {
    pub(super) fn context(attempt: &Arc<Attempt>, manager: TaskManager) -> TaskContext {
        let host = Arc::clone(attempt.context.host());
        TaskContext::of(Arc::new(Self { attempt: Arc::clone(attempt), host, manager }))
    }
}

impl Host for Guest {
    fn job_id(&self) -> &str {
        &self.attempt.job_id
    }

    fn task_id(&self) -> &str {
        self.host.task_id()
    }

    fn attempt(&self) -> u32 {
        self.host.attempt()
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.host.deadline()
    }

    fn now(&self) -> Timestamp {
        self.host.now()
    }

    fn resources(&self) -> &Resources {
        self.host.resources()
    }

    fn manager(&self) -> &TaskManager {
        &self.manager
    }

    fn is_cancelled(&self) -> bool {
        self.host.is_cancelled()
    }

    fn poll_cancelled(&self, context: &mut Context<'_>) -> Poll<()> {
        self.host.poll_cancelled(context)
    }

    fn sleep(&self, time: Duration) -> Pending<()> {
        self.host.sleep(time)
    }

    fn beat(&self) {
        self.host.beat();
    }

    fn progress(&self, fraction: f64, message: &str) {
        self.host.progress(fraction, message);
    }

    fn log(&self, message: &str) {
        self.host.log(message);
    }

    fn save(&self, value: Value) -> Pending<Result<(), AgentError>> {
        self.host.save(value)
    }

    fn saved(&self) -> Option<Value> {
        self.host.saved()
    }

    fn spawn(&self, spawn: Spawn, of_job: bool) -> Pending<Result<TaskId, AgentError>> {
        self.host.spawn(spawn, of_job)
    }

    fn join(&self, task: TaskId) -> Pending<Result<Value, Arc<Failure>>> {
        self.host.join(task)
    }

    fn next_spawn(&self) -> u32 {
        self.host.next_spawn()
    }

    fn stats(&self, agent: &str) -> Option<AgentStats> {
        self.host.stats(agent)
    }

    fn cached(&self, key: &str) -> Option<Json> {
        self.host.cached(key)
    }

    fn cache(&self, key: &str, value: Json) {
        self.host.cache(key, value);
    }
}
