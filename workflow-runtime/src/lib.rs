//! Workflows of async functions, checked by the compiler, collected by the linker.

extern crate self as workflow_runtime;

mod agent;
mod code;
mod context;
mod data;
mod definition;
mod entry;
mod error;
mod hook;
mod location;
mod options;
mod pool;
pub mod prelude;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod scope;
mod wait;
mod wire;

pub use agent::{Agent, AgentSpec, Callable, CalleeKind, Running};
pub use context::{AgentDescription, Need, Resources, State, TaskContext, TaskManager};
pub use data::{Codec, Data, DataError, Erased, Parameters};
pub use error::{Advice, AgentError};
pub use hook::{Hook, HookResult, Hooks, Outcome};
pub use location::Location;
pub use options::{Options, Priority, Rate, Retry};
pub use pool::{Pool, Pooled};
pub use wait::{Signal, Timer, signal, sleep};
pub use wire::{Workflow, WorkflowSpec};
pub use workflow_macros::{data, task_agent, workflow};
