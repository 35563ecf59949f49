//! An agent, understood.

use syn::{Ident, ItemFn, LitStr, Path, Type};

use crate::options::OptionSet;

/// A `#[task_agent]` function whose every part is known to be right.
pub(super) struct Agent {
    pub(super) function: ItemFn,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) output: Type,
    /// Whether the function returns a `Result`.
    pub(super) fallible: bool,
    pub(super) options: OptionSet,
    pub(super) input_schema: Option<LitStr>,
    pub(super) output_schema: Option<LitStr>,
}

/// A parameter, by what goes into it.
pub(super) enum Parameter {
    /// A part of the input.
    Value { name: Ident, ty: Type },
    /// `&TaskContext`.
    Context,
    /// `State<T>`.
    State(Type),
    /// `Pooled<T>`.
    Pooled(Type),
    /// `task_id: &str`.
    TaskId,
    /// `job_id: &str`.
    JobId,
    /// `&TaskManager`.
    Manager,
}

impl Agent {
    pub(super) fn values(&self) -> impl Iterator<Item = (&Ident, &Type)> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Value { name, ty } => Some((name, ty)),
            _ => None,
        })
    }
}

/// The path's last name.
pub(super) fn last_name(path: &Path) -> String {
    path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}
