#![doc = include_str!("../doc/crate.md")]

// So that what the macros generate, `::workflow_runtime::…`, is found in this crate's own documentation, too.
extern crate self as workflow_runtime;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
#[cfg(feature = "acting")]
mod act;
mod adaptive;
mod agent;
mod apart;
#[cfg(feature = "archive")]
mod archive;
#[cfg(feature = "acting")]
mod audit;
mod builder;
mod callee_kind;
mod catalogue;
mod check;
mod choice;
mod choosing;
#[cfg(feature = "classic")]
pub mod classic;
#[cfg(feature = "cli")]
pub mod cli;
mod code;
#[cfg(feature = "config")]
mod config;
#[cfg(feature = "config")]
#[doc = include_str!("../doc/configuration.md")]
pub mod configuration {}
mod context;
mod dag;
mod data;
mod dead_letters;
mod deed;
mod definition;
#[cfg(all(feature = "acting", feature = "sqlite"))]
mod door;
mod engine;
mod entry;
mod error;
mod failure;
mod fingerprint;
mod fit;
mod handle;
mod hook;
#[cfg(feature = "http")]
pub mod http;
mod job_id;
mod keys;
mod letter;
mod listing;
#[doc = include_str!("../doc/language.md")]
pub mod language {}
mod location;
mod machine;
mod marked;
mod meaning;
mod metrics;
mod options;
mod panics;
mod picture;
mod plan;
mod pool;
pub mod prelude;
mod problem;
mod program;
#[cfg(feature = "cli")]
mod queued;
mod queues;
mod record;
mod registered;
mod registry;
mod report;
mod requeue;
mod rerun;
mod retention;
mod runnable;
#[doc = include_str!("../doc/running.md")]
pub mod running {}
mod runtime;
pub mod schedule;
mod schedules;
mod scheduling;
mod schema;
mod scope;
mod secret;
mod sketch;
mod small_map;
mod spread;
mod state;
mod stats;
pub mod store;
#[cfg(feature = "acting")]
mod stray;
mod stream;
mod submission;
mod subtask;
pub mod telemetry;
pub mod testing;
mod timestamp;
#[doc = include_str!("../doc/tour/tour.md")]
pub mod tour {
    #[doc = include_str!("../doc/tour/agents.md")]
    pub mod agents {}
    #[doc = include_str!("../doc/tour/workflows.md")]
    pub mod workflows {}
    #[doc = include_str!("../doc/tour/control_flow.md")]
    pub mod control_flow {}
    #[doc = include_str!("../doc/tour/failure.md")]
    pub mod failure {}
    #[doc = include_str!("../doc/tour/durability.md")]
    pub mod durability {}
    #[doc = include_str!("../doc/tour/testing.md")]
    pub mod testing {}
    #[doc = include_str!("../doc/tour/operating.md")]
    pub mod operating {}
    #[doc = include_str!("../doc/tour/many_machines.md")]
    pub mod many_machines {}
}
#[cfg(feature = "postgres")]
mod transaction;
mod transfer;
mod upgrade;
mod value;
mod view;
mod wait;
mod wire;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod within;

pub use adaptive::Adaptive;
pub use agent::{Agent, AgentSpec, Call, Callable, Running};
#[cfg(feature = "archive")]
pub use archive::Archive;
pub use builder::{RuntimeBuilder, StartError};
pub use callee_kind::CalleeKind;
pub use catalogue::{AgentEntry, CATALOGUE_SCHEMA, CATALOGUE_VERSION, Catalogue, WorkflowEntry};
pub use choice::{Goal, Measured};
pub use choosing::Choosing;
pub use code::{Code, Derived, Gather, Items, Make, MayMake, NodeCode, Split, Test, Time};
#[cfg(feature = "config")]
pub use config::{Configuration, Mistake, Mistakes, Origin, Setting, Settings};
pub use context::{AgentDescription, Need, Resources, State, TaskContext, TaskManager};
pub use dag::{Argument, Arguments, Dag, TaskRef};
pub use data::{Codec, Data, DataError, Erased};
pub use dead_letters::{DeadLetters, Requeued};
pub use definition::{
    Arm, Block, Callee, Definition, Expression, Node, NodeId, NodeKind, Place, Slot, SlotInfo, Source, Step,
    Undo,
};
pub use engine::{AgentLimits, Breaker, Event, Observer, ParkedJob, Progress, Queue, StallAction, What};
pub use error::{Advice, AgentError};
pub use failure::{Failure, FailureKind};
pub use fingerprint::Fingerprint;
pub use fit::Misfit;
pub use handle::JobHandle;
pub use hook::{Hook, HookResult, Hooks, Outcome};
pub use job_id::{JobId, NotAJobId};
pub use letter::{Letter, LetterFilter};
pub use listing::{JobFilter, JobStatus, TaskStatus};
pub use location::Location;
pub use machine::Illegal;
pub use options::{Options, Priority, Rate, Retry};
pub use plan::Plan;
pub use pool::{Pool, Pooled};
pub use problem::{Problem, Problems};
pub use queues::QueueStatus;
pub use record::{
    After, Fact, Input, JobOptions, Line, Parent, Part, RECORD_VERSION, Record, Spawn,
    Submission as SubmissionRecord, Target, TaskId, Tasks, Work,
};
pub use registered::{RegisteredAgent, RegisteredWorkflow};
pub use registry::{Registry, RegistryBuilder, registered};
pub use report::{AgentHour, AgentReport};
pub use requeue::Requeue;
pub use rerun::{Rerun, RerunError};
pub use retention::{Keep, Retention};
pub use runnable::{Requested, Runnable};
pub use runtime::{RunError, Runtime};
pub use schedules::{Backfilled, ScheduleError, ScheduleStatus, Schedules};
pub use scheduling::Scheduling;
pub use schema::{Schema, SchemaError, Violation, Violations};
pub use scope::{Port, Scope};
pub use state::{JobState, TaskState};
pub use stats::AgentStats;
pub use stream::{Events, JobEvents, ProgressStream};
pub use submission::{Conflict, IntoDuration, Submission, SubmitError};
pub use subtask::{Spawning, Subtask};
pub use timestamp::{NotAMoment, Timestamp};
pub use transfer::{EXPORT_VERSION, Export, ImportError};
pub use upgrade::{CatalogueChange, CatalogueCheck, StoreCheck, WouldPark};
pub use value::Value;
pub use view::{AttemptView, JobView, Said, Saying, StepView};
pub use wait::{Signal, Timer, signal, sleep};
pub use wire::{Workflow, WorkflowSpec};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use within::Pledge;

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
