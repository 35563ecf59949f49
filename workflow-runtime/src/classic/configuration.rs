//! What may be set for a manager and for a job, and what the engine makes of it.

use std::path::PathBuf;
use std::time::Duration;

use super::task::Task;
use crate::options::{Options, Retry};

/// What follows when a running task was silent for longer than the manager's heartbeat: its agent has asked
/// nothing of its manager.
#[derive(Debug, Clone, Copy)]
pub enum StallAction {
    /// A warning is logged; the task goes on.
    NotifyPlanningAgent,
    /// The job is stopped.
    TerminateJob,
    /// This is called with the job's id; the task goes on.
    Custom(fn(&str)),
}

/// How failed attempts of tasks are made again that do not say so themselves by their `max_retries`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryStrategy {
    /// Not at all, unless the agent's own options say how.
    #[default]
    NoRetry,
    /// So many times, each soon after the last.
    FixedRetry(u32),
    /// So many times, with delays that double.
    ExponentialBackoff {
        /// How many attempts may follow the first.
        max_retries: u32,
        /// The first delay.
        initial_delay: Duration,
        /// The longest.
        max_delay: Duration,
    },
}

/// What follows when a person does not answer in time. No task of the engine waits for a person, so it is
/// only kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HumanTimeoutAction {
    /// The agent decides.
    #[default]
    Overwrite,
    /// The task waits.
    Pause,
    /// The task waits so long; then the agent decides.
    TimeoutAfter(Duration),
}

/// What may be set for a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskConfiguration {
    /// How long the job may take, all in all.
    pub max_execution_time: Option<Duration>,
    /// How failed attempts are made again.
    pub retry_strategy: RetryStrategy,
    /// What follows when a person does not answer in time.
    pub human_timeout_action: HumanTimeoutAction,
    /// Where tasks and cache are kept when the program ends: a file, or a folder for it.
    pub sled_db_path: Option<PathBuf>,
}

/// The delay between attempts where nothing else is said: none would press a service that is down already.
const SOON: Duration = Duration::from_millis(100);

impl RetryStrategy {
    fn retry(self, of_task: u32) -> Option<Retry> {
        let (max, first, cap) = match self {
            Self::NoRetry => (0, SOON, SOON),
            Self::FixedRetry(max) => (max, SOON, SOON),
            Self::ExponentialBackoff { max_retries, initial_delay, max_delay } => {
                (max_retries, initial_delay.min(max_delay), max_delay)
            }
        };
        let max = if of_task > 0 { of_task } else { max };
        (max > 0).then(|| Retry::new(max).first(first).cap(cap))
    }
}

/// A task's options, as the engine knows them.
pub(super) fn options(task: &Task, configuration: &TaskConfiguration, heartbeat: Duration) -> Options {
    let mut options = Options::new();
    options.retry = configuration.retry_strategy.retry(task.max_retries);
    options.timeout = task.timeout.filter(|timeout| !timeout.is_zero());
    options.heartbeat = Some(heartbeat).filter(|heartbeat| !heartbeat.is_zero());
    options
}
