//! What most programs use: `use workflow_runtime::prelude::*;`.

pub use crate::{
    AgentError, Outcome, Pooled, Priority, Runtime, State, TaskContext, TaskManager, data, signal, sleep,
    task_agent, workflow,
};
