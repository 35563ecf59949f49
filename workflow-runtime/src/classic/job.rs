//! Jobs: started, stopped, and reported on.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::configuration::TaskConfiguration;
use super::job_handle::{JobHandle, JobStatus, stop};
use super::ledger::Ledger;
use super::registry::TaskAgentRegistry;
use super::report::{TaskExecutionReport, TaskOutcome};
use super::run::{Run, Terms};
use super::task::{Task, TaskOutput, TaskStatus};
use crate::context::TaskManager;
use crate::handle::JobHandle as EngineHandle;
use crate::record::{JobOptions, Tasks};
use crate::state::JobState;

impl TaskManager {
    /// Starts a job: these tasks, and those that were added to it before. Tasks that are done stay done, so
    /// that a job that was stopped goes on.
    ///
    /// When `allowed_agents` are given, it calls no others.
    ///
    /// # Errors
    /// When the job runs already, when a task cannot be [added](Self::add_task) or is for an agent that the
    /// job may not call, and when there is no tokio runtime.
    pub fn start_job(
        &self,
        job_id: String,
        tasks: Vec<Task>,
        allowed_agents: Option<Vec<String>>,
        configuration: Option<TaskConfiguration>,
    ) -> Result<JobHandle> {
        let ledger = self.ledger()?;
        let configuration = configuration.unwrap_or_default();
        let path = configuration.sled_db_path.clone().or_else(|| ledger.path.clone());
        let handle = ledger.start(&job_id, tasks, &self.agent_registry, allowed_agents, configuration)?;
        if let Some(path) = path {
            let ledger = Arc::clone(ledger);
            handle.on_complete(move |_| {
                if let Err(error) = ledger.persist(&path, &ledger.cache) {
                    tracing::warn!("the tasks could not be kept: {error:#}");
                }
            });
        }
        Ok(JobHandle { job_id, handle, ledger: Arc::clone(ledger) })
    }

    /// Stops a job, and waits until nothing of it runs. What was not done can be gone on with.
    ///
    /// # Errors
    /// When the job was not started.
    pub async fn stop_job(&self, job_id: &str) -> Result<()> {
        let handle = self.ledger()?.started(job_id)?;
        stop(&handle).await;
        Ok(())
    }

    /// Where a job stands.
    ///
    /// # Errors
    /// When the job was not started.
    pub async fn get_job_status(&self, job_id: &str) -> Result<JobStatus> {
        let ledger = self.ledger()?;
        Ok(ledger.status(job_id, &ledger.started(job_id)?))
    }

    /// The jobs that run, sorted.
    pub fn get_running_jobs(&self) -> Vec<String> {
        let Ok(ledger) = self.ledger() else { return Vec::new() };
        let book = ledger.book();
        let going = book.runs.iter().filter(|(_, run)| run.is_going());
        let mut going: Vec<String> = going.map(|(job, _)| job.clone()).collect();
        going.sort_unstable();
        going
    }
}

impl Ledger {
    fn started(&self, job_id: &str) -> Result<EngineHandle<()>> {
        let book = self.book();
        let run = book.runs.get(job_id).with_context(|| format!("job `{job_id}` was not started"))?;
        Ok(run.handle.clone())
    }

    pub(super) fn start(
        self: &Arc<Self>,
        job_id: &str,
        tasks: Vec<Task>,
        registry: &TaskAgentRegistry,
        allowed: Option<Vec<String>>,
        configuration: TaskConfiguration,
    ) -> Result<EngineHandle<()>> {
        ensure!(!job_id.is_empty(), "a job needs an id: it is empty");
        let runtime = self.runtime(registry)?;
        let engine = runtime.engine;
        let terms = Terms { allowed, configuration, heartbeat: self.heartbeat };
        let mut book = self.book();
        ensure!(book.going(job_id).is_none(), "job `{job_id}` runs already");
        let candidates = self.candidates(&mut book, job_id, tasks, &terms)?;
        let (spawns, parked) = book.spawns(candidates, &terms);
        let work = Tasks { name: job_id.to_owned(), tasks: spawns, result: None, keep_going: true };
        let limit = terms.configuration.max_execution_time;
        let deadline = limit.map(|limit| engine.clock.now() + limit);
        let options = JobOptions { deadline, ..JobOptions::default() };
        let job = engine.start_outside(work, options).map_err(anyhow::Error::msg)?;
        let handle = EngineHandle::new(engine, job, |_| Ok(()));
        // A job goes on though nobody has its manager any more.
        let alive = Arc::clone(self);
        handle.on_complete(move |_| drop(alive));
        book.runs.insert(job_id.to_owned(), Run { handle: handle.clone(), terms, parked });
        Ok(handle)
    }

    /// The tasks that a job may run, with those that are new to it; all of them, or none is taken in.
    fn candidates(
        &self,
        book: &mut super::book::Book,
        job_id: &str,
        tasks: Vec<Task>,
        terms: &Terms,
    ) -> Result<Vec<String>> {
        let mut added = Vec::new();
        let mut add = |task: Task| {
            let id = task.task_id.clone();
            let of = &task.job_id;
            ensure!(of == job_id, "task `{id}` is of job `{of}`, not of `{job_id}`");
            // Whoever lists a job's tasks and starts it with them means those that are there.
            let is_own = book.job_of(&id) == Some(job_id);
            if !is_own || added.contains(&id) {
                let (status, output) = (TaskStatus::Pending, TaskOutput::default());
                book.add(Task { status, status_reason: None, output, ..task })?;
                added.push(id);
            }
            Ok(())
        };
        let mut result = tasks.into_iter().try_for_each(&mut add);
        if result.is_ok() {
            let open = book.of_job(job_id).into_iter().filter(|task| !task.status.is_done());
            result = open.into_iter().try_for_each(|task| terms.check(&task));
        }
        if let Err(error) = result {
            book.forget(&added);
            return Err(error);
        }
        Ok(book.take_back(job_id))
    }

    /// What became of a job's tasks, but for those that were over before it was started last.
    pub(super) fn report(&self, job_id: &str, handle: &EngineHandle<()>) -> TaskExecutionReport {
        let book = self.book();
        let outcomes: Vec<TaskOutcome> =
            book.select(|entry| entry.task.job_id == job_id && !entry.was_over).iter().map(outcome).collect();
        let completed = handle.state() == JobState::Succeeded;
        let overall_success = completed && outcomes.iter().all(|outcome| outcome.success);
        TaskExecutionReport { outcomes, overall_success }
    }
}

fn outcome(task: &Task) -> TaskOutcome {
    let success = task.status.is_done();
    let why = || {
        let said = task.output.error.clone().or_else(|| task.status_reason.clone());
        said.unwrap_or_else(|| match task.status {
            TaskStatus::InProgress => "somebody else is at it".to_owned(),
            TaskStatus::Rejected => "it was rejected".to_owned(),
            _ => "something that it depends on is not done".to_owned(),
        })
    };
    TaskOutcome { task_id: task.task_id.clone(), success, error: (!success).then(why) }
}
