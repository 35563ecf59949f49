//! What something is set of.

use std::fmt;
use std::sync::Arc;

use super::key::Subject;
use super::value::quoted;
use crate::definition::NodeId;

/// What something is set of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Runtime,
    Retention,
    Queue(Arc<str>),
    Agent(Arc<str>),
    Workflow(Arc<str>),
    /// A step, by its workflow, its number, and its path.
    Step(Arc<str>, NodeId, Arc<str>),
    Schedule(Arc<str>),
}

impl Target {
    pub(super) fn subject(&self) -> Subject {
        match self {
            Self::Runtime => Subject::Runtime,
            Self::Retention => Subject::Retention,
            Self::Queue(_) => Subject::Queue,
            Self::Agent(_) => Subject::Agent,
            Self::Workflow(_) => Subject::Workflow,
            Self::Step(..) => Subject::Step,
            Self::Schedule(_) => Subject::Schedule,
        }
    }
}

/// As the name of its table in TOML.
impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runtime => out.write_str("runtime"),
            Self::Retention => out.write_str("retention"),
            Self::Queue(name) => write!(out, "queues.{}", bare(name)),
            Self::Agent(name) => write!(out, "agents.{}", bare(name)),
            Self::Workflow(name) => write!(out, "workflows.{}", bare(name)),
            Self::Step(workflow, _, step) => {
                write!(out, "workflows.{}.steps.{}", bare(workflow), bare(step))
            }
            Self::Schedule(name) => write!(out, "schedules.{}", bare(name)),
        }
    }
}

/// A name as a part of a TOML key.
fn bare(name: &str) -> String {
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}
