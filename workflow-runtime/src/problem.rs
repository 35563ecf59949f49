//! What can be wrong with the agents and workflows of a program, all of it in one report.

use std::fmt;

use crate::fit::Misfit;
use crate::location::Location;
use crate::schema::SchemaError;

/// One thing that is wrong, with its place in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Two declarations have one name.
    DuplicateName {
        /// The name.
        name: String,
        /// The declaration that comes first in the source.
        first: Location,
        /// The other one.
        second: Location,
    },
    /// An agent's schema cannot be compiled.
    BadSchema {
        /// The agent.
        agent: String,
        /// `input` or `output`.
        end: &'static str,
        /// Where the agent is declared.
        at: Location,
        /// Why.
        error: SchemaError,
    },
    /// Options contradict each other.
    BadOptions {
        /// What they are set for: an agent, or a workflow's step.
        of: String,
        /// Where.
        at: Location,
        /// How.
        contradiction: String,
    },
    /// A step calls what is not registered.
    MissingCallee {
        /// The workflow and the step.
        step: String,
        /// The name that is called.
        callee: String,
        /// The nearest name there is.
        nearest: Option<String>,
        /// Where the step is declared.
        at: Location,
    },
    /// A step is to run after a step that is not there.
    MissingStep {
        /// The workflow and the step.
        step: String,
        /// The name that is not there.
        after: String,
        /// Where the step is declared.
        at: Location,
    },
    /// Two steps have one name.
    DuplicateStep {
        /// The workflow and the step.
        step: String,
        /// Where the second one is declared.
        at: Location,
    },
    /// Steps wait for one another.
    Cycle {
        /// The workflow.
        workflow: String,
        /// The steps, from one to itself.
        path: String,
        /// Where a step of the cycle is declared.
        at: Location,
    },
    /// A definition refers to a slot, a phase or a node that it does not have.
    Broken {
        /// The workflow and the step.
        step: String,
        /// What it refers to.
        reference: String,
        /// Where the step is declared.
        at: Location,
    },
    /// What one step gives can never be what another one takes.
    Misfit {
        /// The workflow and the step that takes.
        step: String,
        /// The step that gives.
        from: String,
        /// Where the step that takes is declared.
        at: Location,
        /// What cannot be.
        misfit: Misfit,
    },
    /// An agent wants what the runtime was not given.
    MissingResource {
        /// The agent.
        agent: String,
        /// What it wants: `State<Db>`.
        need: String,
        /// Where the agent is declared.
        at: Location,
    },
}

impl Problem {
    /// Where it is.
    pub fn at(&self) -> &Location {
        match self {
            Self::DuplicateName { second: at, .. }
            | Self::BadSchema { at, .. }
            | Self::BadOptions { at, .. }
            | Self::MissingCallee { at, .. }
            | Self::MissingStep { at, .. }
            | Self::DuplicateStep { at, .. }
            | Self::Cycle { at, .. }
            | Self::Broken { at, .. }
            | Self::Misfit { at, .. }
            | Self::MissingResource { at, .. } => at,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.at())?;
        match self {
            Self::DuplicateName { name, first, .. } => {
                write!(
                    out,
                    "there is a `{name}` already, at {first}; give one of them another name: `name = \"…\"`"
                )
            }
            Self::BadSchema { agent, end, error, .. } => {
                write!(out, "the {end} schema of `{agent}` is not a JSON Schema: {error}")
            }
            Self::BadOptions { of, contradiction, .. } => write!(out, "{of}: {contradiction}"),
            Self::MissingCallee { step, callee, nearest, .. } => {
                write!(out, "{step} calls `{callee}`, which is not registered")?;
                match nearest {
                    Some(near) => write!(out, "; did you mean `{near}`?"),
                    None => write!(
                        out,
                        "; add it to the registry, or, when it is in a crate that nothing else names, \
                         link that crate: `use the_crate as _;`"
                    ),
                }
            }
            Self::MissingStep { step, after, .. } => {
                write!(out, "{step} is to run after `{after}`, but there is no such step where it stands")
            }
            Self::DuplicateStep { step, .. } => {
                write!(out, "there is a step {step} already; give one of them another name")
            }
            Self::Cycle { workflow, path, .. } => {
                write!(out, "steps of `{workflow}` wait for one another: {path}; leave out one `after`")
            }
            Self::Broken { step, reference, .. } => {
                write!(out, "{step} refers to {reference}, which its definition does not have")
            }
            Self::Misfit { step, from, misfit, .. } => {
                write!(out, "{step} can never take what `{from}` gives: {misfit}")
            }
            Self::MissingResource { agent, need, .. } => {
                write!(out, "`{agent}` wants `{need}`, which the runtime was not given")
            }
        }
    }
}

/// All that is wrong, in the order of the source.
#[derive(Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|one, other| one.at().cmp(other.at()));
        Self(problems)
    }

    /// Nothing when there is no problem.
    pub(crate) fn check(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self::new(problems)) }
    }

    /// One after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(out, "{count} problem{plural} among the agents and workflows:")?;
        self.0.iter().try_for_each(|problem| write!(out, "\n  {problem}"))
    }
}

/// As people read it, for that is what `Registry::collect().unwrap()` shows them.
impl fmt::Debug for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl std::error::Error for Problems {}
