//! A job that was started: the engine's job, and what the engine need not know.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::configuration::{TaskConfiguration, options};
use super::task::Task;
use crate::callee_kind::CalleeKind;
use crate::engine::{JobEvent, Outside};
use crate::handle::JobHandle;
use crate::record::{Input, Spawn, Target};
use crate::value::Value;

/// How a job's tasks are run.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) allowed: Option<Vec<String>>,
    pub(super) configuration: TaskConfiguration,
    pub(super) heartbeat: Duration,
}

/// A job that was started.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) handle: JobHandle<()>,
    pub(super) terms: Terms,
    /// Tasks that wait for some that the engine does not have: that were not added yet, or that somebody does
    /// by hand.
    pub(super) parked: Vec<String>,
}

impl Terms {
    /// Refuses an agent that the job may not call.
    pub(super) fn check(&self, task: &Task) -> Result<()> {
        let is_allowed = |allowed: &Vec<String>| allowed.contains(&task.agent);
        ensure!(
            self.allowed.as_ref().is_none_or(is_allowed),
            "task `{}` is for `{}`, which job `{}` may not call",
            task.task_id,
            task.agent,
            task.job_id
        );
        Ok(())
    }

    /// A task, as the engine knows it, but for what it runs after.
    pub(super) fn spawn(&self, task: &Task) -> Spawn {
        Spawn {
            key: Some(Arc::from(task.task_id.as_str())),
            callee: Target { name: task.agent.clone().into(), kind: CalleeKind::Agent },
            input: Input::Whole(Value::from(task.input.clone())),
            after: Vec::new(),
            options: Some(Box::new(options(task, &self.configuration, self.heartbeat))),
            optional: false,
        }
    }
}

impl Run {
    pub(super) fn is_going(&self) -> bool {
        !self.handle.state().is_over()
    }

    /// Refuses a task that cannot be added while the job runs.
    pub(super) fn check(&self, task: &Task) -> Result<()> {
        self.terms.check(task)?;
        let known = self.handle.engine.registry.agent(&task.agent).is_some();
        ensure!(known, "task `{}` is for `{}`, and there is no such agent", task.task_id, task.agent);
        Ok(())
    }

    /// Hands a task to the engine, to run after others that it has; says whether it takes one.
    pub(super) fn hand(&self, task: &Task, after: Vec<Arc<str>>) -> bool {
        self.tell(Outside::Make { spawn: self.terms.spawn(task), after })
    }

    pub(super) fn tell(&self, wish: Outside) -> bool {
        self.handle.engine.post(&self.handle.job, JobEvent::Outside(wish))
    }
}
