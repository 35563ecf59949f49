//! A job run to its end.

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use anyhow::{Result, ensure};
use tokio::sync::oneshot::Receiver;

use super::cache::Cache;
use super::configuration::TaskConfiguration;
use super::job_handle::{over, stop};
use super::registry::TaskAgentRegistry;
use super::report::TaskExecutionReport;
use super::task::Task;
use crate::context::TaskManager;

/// Runs a job to its end, and says what became of its tasks.
#[derive(Debug, Clone)]
pub struct TaskExecutor {
    manager: Arc<TaskManager>,
    registry: Arc<TaskAgentRegistry>,
    cache: Arc<Cache>,
    configuration: TaskConfiguration,
    job_id: String,
    allowed_agents: Option<Vec<String>>,
}

impl TaskExecutor {
    /// An executor of a manager's tasks by the agents of a registry. When `allowed_agents` are given, it
    /// calls no others.
    pub fn new(
        task_manager: Arc<TaskManager>,
        agent_registry: Arc<TaskAgentRegistry>,
        cache: Arc<Cache>,
        configuration: TaskConfiguration,
        job_id: String,
        allowed_agents: Option<Vec<String>>,
    ) -> Self {
        let (manager, registry) = (task_manager, agent_registry);
        Self { manager, registry, cache, configuration, job_id, allowed_agents }
    }

    /// Runs a job to its end: these tasks, those that were added to it before, and those that its agents add.
    /// Whatever is sent through `cancel` stops it; that nothing is sent any more does not.
    ///
    /// # Errors
    /// As [`TaskManager::start_job`]; and when the tasks cannot be kept. That a task fails is no error: the
    /// report says it.
    pub async fn execute(
        &mut self,
        job_id: String,
        tasks: Vec<Task>,
        cancel: Receiver<()>,
    ) -> Result<TaskExecutionReport> {
        self.job_id = job_id;
        let (configuration, allowed) = (self.configuration.clone(), self.allowed_agents.clone());
        let ledger = self.manager.ledger()?;
        let handle = ledger.start(&self.job_id, tasks, &self.registry, allowed, configuration)?;
        if !ends_before(over(&handle), cancel).await {
            stop(&handle).await;
        }
        self.persist_state()?;
        Ok(ledger.report(&self.job_id, &handle))
    }

    /// Goes on with a job that was stopped, or that a store has kept: with what was not done. What was done
    /// is not done again, and its outputs are there.
    ///
    /// # Errors
    /// When there is no such job; and as [`execute`](Self::execute).
    pub async fn resume_job(&mut self, job_id: String, cancel: Receiver<()>) -> Result<TaskExecutionReport> {
        let is_known =
            |executor: &Self| executor.manager.get_tasks_by_job(&job_id).map(|tasks| !tasks.is_empty());
        if !is_known(self)? {
            self.rehydrate_state()?;
        }
        ensure!(is_known(self)?, "there is no job `{job_id}` to go on with");
        self.execute(job_id, Vec::new(), cancel).await
    }

    fn path(&self) -> Result<Option<PathBuf>> {
        let own = self.configuration.sled_db_path.clone();
        Ok(own.or(self.manager.ledger()?.path.clone()))
    }

    /// Keeps all tasks of the manager, and its cache, in the file that was set. Does nothing if none was.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn persist_state(&self) -> Result<()> {
        match self.path()? {
            Some(path) => self.manager.ledger()?.persist(&path, &self.cache),
            None => Ok(()),
        }
    }

    /// Takes in the tasks that were kept, and the cache; what the manager has by now stays. Does nothing if
    /// no file was set, or if there is none yet.
    ///
    /// # Errors
    /// When the file cannot be read, or was written by something else.
    pub fn rehydrate_state(&self) -> Result<()> {
        match self.path()? {
            Some(path) => self.manager.ledger()?.rehydrate(&path, &self.cache),
            None => Ok(()),
        }
    }

    /// A picture of a job, of its own unless another is named.
    pub fn get_dot_graph(&self, job_id: Option<&str>) -> String {
        self.manager.generate_dot_graph(job_id.unwrap_or(&self.job_id))
    }

    /// A picture of its job with what the tasks were given and gave, and with what they put into the cache.
    pub fn generate_detailed_dot_graph(&self) -> String {
        self.generate_detailed_dot_graph_for_job(&self.job_id)
    }

    /// The same of another job.
    pub fn generate_detailed_dot_graph_for_job(&self, job_id: &str) -> String {
        self.manager.generate_detailed_dot_graph(job_id, &self.cache)
    }
}

/// Waits for a future, or until something is sent; says whether the future ended first.
async fn ends_before(future: impl Future<Output = ()>, sent: Receiver<()>) -> bool {
    let mut future = pin!(future);
    let mut sent = Some(sent);
    poll_fn(|context| {
        if future.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        match sent.as_mut().map(|sent| pin!(sent).poll(context)) {
            Some(Poll::Ready(Ok(()))) => return Poll::Ready(false),
            // Whoever could have sent is gone, and a receiver must not be asked again.
            Some(Poll::Ready(Err(_))) => sent = None,
            _ => {}
        }
        Poll::Pending
    })
    .await
}
