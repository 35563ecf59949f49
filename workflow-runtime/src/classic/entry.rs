//! A task in the book: what it was when it was added, and what was said of it by hand.

use anyhow::{Result, ensure};

use super::run::Run;
use super::task::{Task, TaskOutput, TaskStatus};
use crate::engine::Sighting;
use crate::failure::Failure;
use crate::state::TaskState;
use crate::timestamp::Timestamp;

/// A task in the book.
#[derive(Debug)]
pub(super) struct Entry {
    /// What the engine does not know of it; and once no job runs it, where it stands.
    pub(super) task: Task,
    /// Its place among all tasks.
    pub(super) number: u64,
    /// The engine has it: where it stands, the engine's job says.
    pub(super) handed: bool,
    /// It was over before its job was started last.
    pub(super) was_over: bool,
    pub(super) mark: Option<Mark>,
    /// What its agent gave when it failed: the engine keeps only why.
    pub(super) failed_with: Option<TaskOutput>,
}

/// What somebody said of a task that the engine has. It holds until the engine's own state of the task
/// changes; a judgement of the work holds on.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) status: TaskStatus,
    pub(super) output: Option<TaskOutput>,
    /// Where the task stood then.
    pub(super) at: Option<TaskState>,
}

impl Mark {
    fn holds(&self, state: Option<TaskState>) -> bool {
        self.at == state || matches!(self.status, TaskStatus::Accepted | TaskStatus::Rejected)
    }
}

impl Entry {
    pub(super) fn new(task: Task, number: u64) -> Self {
        Self { task, number, handed: false, was_over: false, mark: None, failed_with: None }
    }

    /// The engine's view of it, if the engine has it.
    pub(super) fn sighting(&self, run: Option<&Run>) -> Option<Sighting> {
        let run = run.filter(|_| self.handed)?;
        run.handle.job.sighting(&self.task.task_id)
    }

    /// The task as it stands.
    pub(super) fn seen(&self, sighting: Option<&Sighting>) -> Task {
        let mut task = self.task.clone();
        if let Some(sighting) = sighting {
            self.show(&mut task, sighting);
        }
        if let Some(mark) = &self.mark
            && mark.holds(sighting.map(|sighting| sighting.state))
        {
            task.status = mark.status;
            if let Some(output) = &mark.output {
                task.output.clone_from(output);
            }
        }
        task
    }

    fn show(&self, task: &mut Task, sighting: &Sighting) {
        task.status = status(sighting);
        task.retry_count += sighting.attempts.saturating_sub(1);
        if let Some(at) = sighting.at.and_then(moment) {
            task.updated_at = at;
        }
        task.status_reason = match task.status {
            TaskStatus::Blocked => Some("what it depends on did not succeed".to_owned()),
            TaskStatus::Pending if sighting.cut => Some("its job was stopped".to_owned()),
            _ => sighting.failure.as_deref().map(words),
        };
        match task.status {
            TaskStatus::Completed => {
                let data = sighting.output.as_ref().and_then(|output| output.json().ok());
                let data = data.filter(|data| !data.is_null());
                task.output = TaskOutput { success: true, data, error: None };
            }
            TaskStatus::Failed => {
                let data = self.failed_with.as_ref().and_then(|output| output.data.clone());
                task.output = TaskOutput { success: false, data, error: task.status_reason.clone() };
            }
            _ => {}
        }
    }

    /// Takes a task for somebody who is not the engine.
    pub(super) fn claim(&mut self, who: String) -> Result<()> {
        let Task { task_id, status, .. } = &self.task;
        ensure!(!self.handed, "`{task_id}` cannot be claimed: its job runs, and it with it");
        ensure!(*status == TaskStatus::Pending, "`{task_id}` cannot be claimed: it is {status}");
        self.task.agent = who;
        self.task.status = TaskStatus::InProgress;
        self.touch();
        Ok(())
    }

    pub(super) fn touch(&mut self) {
        self.task.updated_at = chrono::Utc::now().naive_utc();
    }

    /// Takes over what the engine says of it, whose job is over: from now on it is the book's again.
    pub(super) fn settle(&mut self, sighting: Option<&Sighting>) {
        self.task = self.seen(sighting);
        self.handed = false;
        self.mark = None;
        self.failed_with = None;
    }

    /// Makes it ready to be run again, if it is not done.
    pub(super) fn take_back(&mut self, sighting: Option<&Sighting>) {
        let was_handed = self.handed;
        self.settle(sighting);
        self.was_over = self.task.status.is_done() || self.task.status == TaskStatus::Rejected;
        let runs_again = matches!(self.task.status, TaskStatus::Failed | TaskStatus::Blocked) || was_handed;
        if runs_again && !self.was_over {
            self.task.status = TaskStatus::Pending;
            self.task.status_reason = None;
            self.task.output = TaskOutput::default();
        }
    }
}

fn status(sighting: &Sighting) -> TaskStatus {
    match sighting.state {
        _ if sighting.cut => TaskStatus::Pending,
        TaskState::Pending | TaskState::Queued | TaskState::Scheduled => TaskStatus::Pending,
        TaskState::Running | TaskState::Retrying | TaskState::Waiting => TaskStatus::InProgress,
        TaskState::Succeeded | TaskState::Compensating | TaskState::Compensated => TaskStatus::Completed,
        TaskState::Failed | TaskState::Cancelled | TaskState::Expired => TaskStatus::Failed,
        TaskState::Skipped => TaskStatus::Blocked,
    }
}

/// What went wrong, without where: who asks for a task knows that.
fn words(failure: &Failure) -> String {
    let mut words = failure.message.clone();
    for cause in &failure.causes {
        words.push_str(": ");
        words.push_str(cause);
    }
    words
}

fn moment(at: Timestamp) -> Option<chrono::NaiveDateTime> {
    let micros = i64::try_from(at.as_micros()).ok()?;
    Some(chrono::DateTime::from_timestamp_micros(micros)?.naive_utc())
}
