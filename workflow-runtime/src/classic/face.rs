//! The classic side of a [`TaskManager`].

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result};

use super::attempt::Attempt;
use super::cache::Cache;
use super::configuration::StallAction;
use super::guest::Guest;
use super::ledger::Ledger;
use super::registry::TaskAgentRegistry;
use crate::context::{TaskContext, TaskManager};

/// What a classic [`TaskManager`] shows of itself besides its methods.
#[derive(Debug, Default)]
pub struct Face {
    /// What agents put aside for one another.
    pub cache: Arc<Cache>,
    /// The agents that the manager's jobs may call.
    pub agent_registry: Arc<TaskAgentRegistry>,
    ledger: Option<Arc<Ledger>>,
    attempt: Option<Arc<Attempt>>,
}

impl Face {
    /// What an attempt sees.
    pub(super) fn of(ledger: &Arc<Ledger>, attempt: Option<Arc<Attempt>>) -> Self {
        let (cache, agent_registry) = (Arc::clone(&ledger.cache), Arc::clone(&ledger.registry));
        Self { cache, agent_registry, ledger: Some(Arc::clone(ledger)), attempt }
    }

    /// A manager that has this face.
    pub(super) fn of_manager(self, manager: TaskManager) -> TaskManager {
        let mut manager = manager;
        manager.classic = Some(Arc::new(self));
        manager
    }

    pub(super) fn attempt(&self) -> Option<&Arc<Attempt>> {
        self.attempt.as_ref()
    }

    /// What stands behind the manager. Whoever asks is alive.
    pub(super) fn ledger(&self) -> Result<&Arc<Ledger>> {
        if let Some(attempt) = &self.attempt {
            attempt.context.heartbeat();
        }
        self.ledger.as_ref().context(
            "this task manager is a runtime's, which runs no classic jobs; make one with `TaskManager::new`",
        )
    }
}

impl Deref for TaskManager {
    type Target = Face;

    fn deref(&self) -> &Face {
        static NOBODY: OnceLock<Face> = OnceLock::new();
        let face = self.classic.as_deref().and_then(|face| face.downcast_ref());
        face.unwrap_or_else(|| NOBODY.get_or_init(Face::default))
    }
}

/// The classic manager.
impl TaskManager {
    /// A manager of jobs that these agents do. It runs them on the tokio runtime in which the first is
    /// started.
    ///
    /// A task that was silent for as long as `heartbeat` has stalled; zero is for never. The path names the
    /// file in which tasks and cache are kept when a job is over.
    pub fn new(
        heartbeat: Duration,
        stall_action: StallAction,
        cache: Cache,
        agent_registry: TaskAgentRegistry,
        path: Option<PathBuf>,
    ) -> Self {
        let agents = agent_registry.get_agent_descriptions();
        let (cache, registry) = (Arc::new(cache), Arc::new(agent_registry));
        let ledger = Arc::new(Ledger::new(heartbeat, stall_action, cache, registry, path));
        Face::of(&ledger, None).of_manager(TaskManager::of(agents))
    }

    /// The context for a task that is run by hand, or by an attempt that has this manager.
    pub(super) fn context_of(&self, task_id: &str) -> TaskContext {
        match self.attempt() {
            Some(attempt) => Guest::context(attempt, self.clone()),
            None => {
                let ledger = self.ledger().ok();
                let job = ledger.and_then(|ledger| ledger.book().job_of(task_id).map(str::to_owned));
                let job = job.unwrap_or_default();
                TaskContext::new(&job, task_id, 1, Arc::default(), self.clone())
            }
        }
    }
}
