//! What expanded macros name. Nothing here is for people; it changes without notice.

use std::num::NonZeroU32;

pub use inventory::submit;
pub use schemars;
pub use serde;
pub use std::borrow::Cow;
pub use std::boxed::Box;
pub use std::option::Option::{None, Some};
pub use std::time::Duration;
pub use std::vec;

pub use crate::agent::{Agent, AgentSpec, Call, Callable, End, Running, taking};
pub use crate::callee_kind::CalleeKind;
pub use crate::context::{Need, TaskContext};
pub use crate::data::{Erased, Field, field, fields_schema};
pub use crate::definition::Arm;
pub use crate::entry::Entry;
pub use crate::hook::{HookResult, Hooks};
pub use crate::location::Location;
pub use crate::options::{Options, Priority, Rate, Retry};
pub use crate::scope::{Port, Scope};
pub use crate::wait::Timer;
pub use crate::wire::{Elements, Maybe, Wire, Workflow, WorkflowSpec, alike};

use crate::data::DataError;
use crate::error::AgentError;

/// What an agent that returns a `Result` gave.
pub fn fallible<T: Send + Sync + 'static, E: Into<AgentError>>(
    result: Result<T, E>,
) -> Result<Erased, AgentError> {
    result.map(Erased::new).map_err(Into::into)
}

/// What an agent that cannot fail gave.
pub fn infallible<T: Send + Sync + 'static>(value: T) -> Result<Erased, AgentError> {
    Ok(Erased::new(value))
}

/// A number that the macro has seen not to be zero.
pub fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// The fields of a workflow's input, each as a value of its own.
pub fn fields<W: Workflow>(input: &Erased, split: impl FnOnce(W) -> Vec<Erased>) -> Vec<Erased> {
    input.get::<(W,)>().map(|(input,)| split(input.clone())).unwrap_or_default()
}

/// Writes the fields of a workflow's input.
pub fn write_fields<S: serde::Serializer, const N: usize>(
    to: S,
    fields: [(&'static str, Result<serde_json::Value, DataError>); N],
) -> Result<S::Ok, S::Error> {
    use serde::ser::{Error, SerializeMap};
    let mut map = to.serialize_map(Some(N))?;
    for (name, value) in fields {
        map.serialize_entry(name, &value.map_err(S::Error::custom)?)?;
    }
    map.end()
}

/// Reads the object that a workflow's input is.
pub fn read_object<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<serde_json::Map<String, serde_json::Value>, D::Error> {
    serde::Deserialize::deserialize(from)
}

/// What was wrong with a field, as the format's own error.
pub fn wrong_field<E: serde::de::Error>(error: DataError) -> E {
    E::custom(error)
}
