//! Tasks: added, asked for, and judged.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{NaiveDateTime, Utc};
use serde_json::Value;

use super::cache::Cache;
use super::dot;
use super::task::{Task, TaskOutput, TaskStatus, TaskType};
use crate::context::TaskManager;

/// Tasks that are added.
impl TaskManager {
    /// Adds a task to a job. If the job runs, the task begins when those that it depends on are done; but
    /// what a running agent adds to its own job does not begin before the agent has returned.
    ///
    /// A dependency may be a task that is added later.
    ///
    /// # Errors
    /// When an id is empty, when there is a task of this id, when the task would wait for itself, and when
    /// the job runs and may not or cannot call the agent.
    #[expect(clippy::too_many_arguments, reason = "code that is to run unchanged names them all")]
    pub fn add_task(
        &self,
        job_id: String,
        task_id: String,
        parent_task_id: Option<String>,
        acceptance_criteria: Option<String>,
        description: String,
        agent: String,
        dependencies: Vec<String>,
        input: Value,
        timeout: Option<Duration>,
        max_retries: u32,
        task_type: TaskType,
        summary: Option<String>,
        created_at: NaiveDateTime,
        updated_at: NaiveDateTime,
        retry_count: u32,
    ) -> Result<String> {
        let (status, status_reason, output) = (TaskStatus::Pending, None, TaskOutput::default());
        self.take_in(Task {
            job_id,
            task_id,
            parent_task_id,
            acceptance_criteria,
            description,
            status,
            status_reason,
            agent,
            dependencies,
            input,
            output,
            created_at,
            updated_at,
            timeout,
            max_retries,
            retry_count,
            task_type,
            summary,
        })
    }

    /// Adds a task, whose id is made up.
    ///
    /// # Errors
    /// As [`add_task`](Self::add_task).
    #[expect(clippy::too_many_arguments, reason = "code that is to run unchanged names them all")]
    pub fn add_task_with_type(
        &self,
        job_id: String,
        description: String,
        agent: String,
        dependencies: Vec<String>,
        input: Value,
        parent_task_id: Option<String>,
        acceptance_criteria: Option<String>,
        task_type: TaskType,
        timeout: Option<Duration>,
        max_retries: u32,
        summary: Option<String>,
        retry_count: u32,
    ) -> Result<String> {
        let task_id = self.ledger()?.new_id();
        let now = Utc::now().naive_utc();
        self.add_task(
            job_id,
            task_id,
            parent_task_id,
            acceptance_criteria,
            description,
            agent,
            dependencies,
            input,
            timeout,
            max_retries,
            task_type,
            summary,
            now,
            now,
            retry_count,
        )
    }

    /// Adds what a job is for.
    ///
    /// # Errors
    /// As [`add_task`](Self::add_task).
    pub fn add_objective(
        &self,
        job_id: String,
        description: String,
        agent: String,
        input: Value,
    ) -> Result<String> {
        let kind = TaskType::Objective;
        self.add_task_with_type(
            job_id,
            description,
            agent,
            Vec::new(),
            input,
            None,
            None,
            kind,
            None,
            0,
            None,
            0,
        )
    }

    /// Adds a part of an objective.
    ///
    /// # Errors
    /// As [`add_task`](Self::add_task).
    #[expect(clippy::too_many_arguments, reason = "code that is to run unchanged names them all")]
    pub fn add_story(
        &self,
        job_id: String,
        description: String,
        agent: String,
        parent_objective_id: String,
        acceptance_criteria: Option<String>,
        dependencies: Vec<String>,
        input: Value,
    ) -> Result<String> {
        let (parent, kind) = (Some(parent_objective_id), TaskType::Story);
        self.add_task_with_type(
            job_id,
            description,
            agent,
            dependencies,
            input,
            parent,
            acceptance_criteria,
            kind,
            None,
            0,
            None,
            0,
        )
    }

    fn take_in(&self, task: Task) -> Result<String> {
        let (job, id) = (task.job_id.clone(), task.task_id.clone());
        let mut book = self.ledger()?.book();
        book.add(task)?;
        let own = self.attempt().filter(|attempt| attempt.job_id == job);
        if own.is_none_or(|attempt| !attempt.hold(&id)) {
            book.hand(&job, vec![id.clone()]);
        }
        Ok(id)
    }

    /// Makes a task run after another.
    ///
    /// # Errors
    /// When there is no such task, when that would be a cycle, and when the engine has the task already: once
    /// its job runs, but for tasks that an agent has added which has not returned yet.
    pub fn add_dependency(&self, task_id: &str, new_dependency: &str) -> Result<()> {
        self.ledger()?.book().tie(task_id, new_dependency)
    }
}

/// Tasks that are done and judged by hand.
impl TaskManager {
    /// Takes a task of a job that does not run, to be done by somebody else than its agent.
    ///
    /// # Errors
    /// When there is no such task, when it is not pending, and when its job runs.
    pub fn claim_task(&self, task_id: &str, agent_name: String) -> Result<()> {
        self.ledger()?.book().settled(task_id)?.claim(agent_name)
    }

    /// Says what a task gave. A task that has not begun need not run then.
    ///
    /// # Errors
    /// When there is no such task.
    pub fn complete_task(&self, task_id: &str, output: TaskOutput) -> Result<()> {
        let status = if output.success { TaskStatus::Completed } else { TaskStatus::Failed };
        self.mark(task_id, status, Some(output))
    }

    /// Says where a task stands. While the engine has the task, that holds until the task goes on; a
    /// judgement, [`Accepted`](TaskStatus::Accepted) or [`Rejected`](TaskStatus::Rejected), holds until its
    /// job is started again.
    ///
    /// # Errors
    /// When there is no such task.
    pub fn update_task_status(&self, task_id: &str, status: TaskStatus) -> Result<()> {
        self.mark(task_id, status, None)
    }

    fn mark(&self, task_id: &str, status: TaskStatus, output: Option<TaskOutput>) -> Result<()> {
        self.ledger()?.book().mark(task_id, status, output)?;
        if let Some(attempt) = self.attempt() {
            attempt.has_told.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Says in few words what others should know of a task.
    ///
    /// # Errors
    /// When there is no such task.
    pub fn update_task_summary(&self, task_id: &str, summary: String) -> Result<()> {
        let mut book = self.ledger()?.book();
        let entry = book.entry(task_id)?;
        entry.task.summary = Some(summary);
        entry.touch();
        Ok(())
    }
}

/// Tasks that are asked for.
impl TaskManager {
    fn select(&self, lets: impl Fn(&Task) -> bool) -> Vec<Task> {
        match self.ledger() {
            Ok(ledger) => ledger.book().select(|entry| lets(&entry.task)),
            Err(_) => Vec::new(),
        }
    }

    /// A task, as it stands.
    pub fn get_task_by_id(&self, task_id: &str) -> Option<Task> {
        self.ledger().ok()?.book().seen(task_id)
    }

    /// What a job is for.
    pub fn get_objective(&self, job_id: &str) -> Option<Task> {
        self.get_tasks_by_type(job_id, TaskType::Objective).into_iter().next()
    }

    /// The tasks of a job, in the order in which they were added.
    ///
    /// # Errors
    /// When the manager belongs to a runtime, and so has no classic jobs.
    pub fn get_tasks_by_job(&self, job_id: &str) -> Result<Vec<Task>> {
        Ok(self.ledger()?.book().of_job(job_id))
    }

    /// The tasks of a job that are of one kind.
    pub fn get_tasks_by_type(&self, job_id: &str, task_type: TaskType) -> Vec<Task> {
        self.select(|task| task.job_id == job_id && task.task_type == task_type)
    }

    /// The parts of a task.
    pub fn get_child_tasks(&self, parent_id: &str) -> Vec<Task> {
        self.select(|task| task.parent_task_id.as_deref() == Some(parent_id))
    }

    /// The tasks of a job that are pending, and depend on nothing that is not done.
    pub fn get_ready_tasks_for_job(&self, job_id: &str) -> Vec<Task> {
        let mut ready = self.select(|task| task.job_id == job_id);
        let done = ready.iter().filter(|task| task.status.is_done());
        let done: HashSet<String> = done.map(|task| task.task_id.clone()).collect();
        let is_done = |id: &String| {
            done.contains(id) || self.get_task_by_id(id).is_some_and(|task| task.status.is_done())
        };
        ready.retain(|task| task.status == TaskStatus::Pending && task.dependencies.iter().all(is_done));
        ready
    }

    /// What the dependencies of a task gave, in order; `null` for nothing.
    ///
    /// # Errors
    /// When there is no such task, and when one of them is not done.
    pub fn get_dependency_outputs(&self, task_id: &str) -> Result<Vec<Value>> {
        let book = self.ledger()?.book();
        let see = |id: &str| book.seen(id).with_context(|| format!("there is no task `{id}`"));
        let outputs = see(task_id)?.dependencies.into_iter().map(|id| {
            let task = see(&id)?;
            ensure!(task.status.is_done(), "task `{task_id}` depends on `{id}`, which is not done");
            Ok(task.output.data.unwrap_or_default())
        });
        outputs.collect()
    }

    /// A picture of a job in Graphviz's language: its tasks, and what runs after what.
    pub fn generate_dot_graph(&self, job_id: &str) -> String {
        dot::plain(&self.select(|task| task.job_id == job_id))
    }

    /// A picture of a job with what its tasks were given and gave, and with what they put into a cache.
    pub fn generate_detailed_dot_graph(&self, job_id: &str, cache: &Cache) -> String {
        dot::detailed(&self.select(|task| task.job_id == job_id), cache)
    }
}
