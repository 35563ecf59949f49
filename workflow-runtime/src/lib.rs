#![doc = include_str!("../doc/crate.md")]

// So that what the macros generate, `::workflow_runtime::…`, is found in this crate's own documentation, too.
extern crate self as workflow_runtime;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod agent;
mod catalogue;
mod check;
mod code;
mod context;
mod data;
mod definition;
mod entry;
mod error;
mod fingerprint;
mod fit;
mod hook;
#[doc = include_str!("../doc/language.md")]
pub mod language {}
mod location;
mod meaning;
mod options;
mod picture;
mod plan;
mod pool;
pub mod prelude;
mod problem;
mod registered;
mod registry;
mod schema;
mod scope;
mod wait;
mod wire;

pub use agent::{Agent, AgentSpec, Callable, CalleeKind, Running};
pub use catalogue::{AgentEntry, CATALOGUE_SCHEMA, CATALOGUE_VERSION, Catalogue, WorkflowEntry};
pub use code::{Code, Derived, Gather, Items, Make, MayMake, NodeCode, Split, Test, Time};
pub use context::{AgentDescription, Need, Resources, State, TaskContext, TaskManager};
pub use data::{Codec, Data, DataError, Erased};
pub use definition::{
    Arm, Block, Callee, Definition, Expression, Node, NodeId, NodeKind, Place, Slot, SlotInfo, Source, Step,
    Undo,
};
pub use error::{Advice, AgentError};
pub use fingerprint::Fingerprint;
pub use fit::Misfit;
pub use hook::{Hook, HookResult, Hooks, Outcome};
pub use location::Location;
pub use options::{Options, Priority, Rate, Retry};
pub use plan::Plan;
pub use pool::{Pool, Pooled};
pub use problem::{Problem, Problems};
pub use registered::{RegisteredAgent, RegisteredWorkflow};
pub use registry::{Registry, RegistryBuilder, registered};
pub use schema::{Schema, SchemaError, Violation, Violations};
pub use scope::{Port, Scope};
pub use wait::{Signal, Timer, signal, sleep};
pub use wire::{Workflow, WorkflowSpec};

#[doc = include_str!("../doc/data.md")]
pub use workflow_macros::data;
#[doc = include_str!("../doc/task_agent.md")]
#[doc(alias("activity", "job", "task", "worker", "handler"))]
pub use workflow_macros::task_agent;
#[doc = include_str!("../doc/workflow.md")]
#[doc(alias("dag", "saga", "pipeline", "orchestration", "state machine"))]
pub use workflow_macros::workflow;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
