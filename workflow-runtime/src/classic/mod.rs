#![doc = include_str!("../../doc/classic.md")]

mod agent;
mod attempt;
mod book;
mod cache;
mod configuration;
mod dot;
mod entry;
mod executor;
mod face;
mod guest;
mod job;
mod job_handle;
mod ledger;
mod linked;
mod manager;
mod registry;
mod report;
mod run;
mod store;
mod task;

pub use crate::context::{AgentDescription, TaskManager};
#[doc(no_inline)]
pub use async_trait::async_trait;
#[doc(no_inline)]
pub use workflow_macros::task_agent;

pub use agent::TaskAgent;
pub use cache::Cache;
pub use configuration::{HumanTimeoutAction, RetryStrategy, StallAction, TaskConfiguration};
pub use executor::TaskExecutor;
pub use face::Face;
pub use job_handle::{JobHandle, JobStatus};
pub use linked::{LinkedAgent, LinkedAgents, TASK_AGENTS};
pub use registry::TaskAgentRegistry;
pub use report::{TaskExecutionReport, TaskOutcome};
pub use task::{Task, TaskOutput, TaskStatus, TaskType};
