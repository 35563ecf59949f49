//! What all clones of a manager share.

use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use anyhow::Result;

use super::attempt;
use super::book::Book;
use super::cache::Cache;
use super::configuration::StallAction;
use super::registry::TaskAgentRegistry;
use crate::builder::StartError;
use crate::context::TaskManager;
use crate::engine::{Clock, Executor, Queue, StallAction as OnStall, lock};
use crate::job_id::JobIds;
use crate::registry::Registry;
use crate::runtime::Runtime;
use crate::timestamp::Timestamp;

/// The queue of tasks whose agents name none. Jobs begin in another one, without a limit, so that a job that
/// was started takes tasks at once.
pub(super) const TASKS: &str = "tasks";

/// What all clones of a manager share.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) heartbeat: Duration,
    pub(super) on_stall: StallAction,
    pub(super) cache: Arc<Cache>,
    pub(super) registry: Arc<TaskAgentRegistry>,
    pub(super) path: Option<std::path::PathBuf>,
    ids: JobIds,
    book: Mutex<Book>,
    made: Mutex<Option<Made>>,
}

/// The runtime that was made last.
#[derive(Debug)]
struct Made {
    of: TaskAgentRegistry,
    agents: usize,
    runtime: Runtime,
}

impl Ledger {
    pub(super) fn new(
        heartbeat: Duration,
        on_stall: StallAction,
        cache: Arc<Cache>,
        registry: Arc<TaskAgentRegistry>,
        path: Option<std::path::PathBuf>,
    ) -> Self {
        let (book, made) = (Mutex::default(), Mutex::default());
        Self { heartbeat, on_stall, cache, registry, path, ids: JobIds::new(), book, made }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// An id that no other task has.
    pub(super) fn new_id(&self) -> String {
        self.ids.make(Timestamp::now()).to_string()
    }

    /// A runtime of these agents; jobs of the same agents share one.
    pub(super) fn runtime(self: &Arc<Self>, registry: &TaskAgentRegistry) -> Result<Runtime> {
        let mut made = lock(&self.made);
        if let Some(made) = &*made
            && made.of.is(registry)
            && made.agents == registry.len()
        {
            return Ok(made.runtime.clone());
        }
        let runtime = self.new_runtime(registry)?;
        *made = Some(Made { of: registry.clone(), agents: registry.len(), runtime: runtime.clone() });
        Ok(runtime)
    }

    fn new_runtime(self: &Arc<Self>, registry: &TaskAgentRegistry) -> Result<Runtime> {
        let handle = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoTokio)?;
        let manager = TaskManager::of(registry.get_agent_descriptions());
        let mut agents = Registry::builder();
        for (name, agent) in registry.all() {
            agents = agents.agent_spec(attempt::spec(name, agent, Arc::downgrade(self), manager.clone()));
        }
        let builder = Runtime::builder()
            .registry(agents.build()?)
            .queue(Queue::new("default").concurrency(u32::MAX))
            .queue(Queue::new(TASKS))
            .on_stall(self.stalls())
            // Agents of the old system cannot hear that they are to stop: waiting for them helps nobody.
            .grace(Duration::ZERO);
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8);
        Ok(builder.make(Executor::Tokio(handle), Clock::system(), JobIds::new(), seed, None)?)
    }

    fn stalls(self: &Arc<Self>) -> OnStall {
        let action: Box<dyn Fn(&str) + Send + Sync> = match self.on_stall {
            StallAction::TerminateJob => return OnStall::CancelJob,
            StallAction::NotifyPlanningAgent => {
                Box::new(|job| tracing::warn!(job, "the job has stalled: its planning agent should look"))
            }
            StallAction::Custom(call) => Box::new(call),
        };
        let ledger: Weak<Self> = Arc::downgrade(self);
        OnStall::Call(Arc::new(move |_, task| {
            let Some(ledger) = ledger.upgrade() else { return };
            let job = ledger.book().job_of(task).map(str::to_owned);
            if let Some(job) = job {
                action(&job);
            }
        }))
    }
}
