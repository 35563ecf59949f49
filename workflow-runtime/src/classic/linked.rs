//! The agents that the linker collected, as the old system knows agents.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use serde_json::Value;

use super::agent::TaskAgent;
use super::task::TaskOutput;
use crate::agent::AgentSpec;
use crate::context::TaskManager;
use crate::entry::{Declared, linked};
use crate::error::AgentError;
use crate::options::Options;
use crate::registered::RegisteredAgent;
use crate::schema::{Schema, SchemaError};

/// Every `#[task_agent]` of the program and of the crates that it names, sorted by name.
///
/// ```standalone_crate
/// use workflow_runtime::classic::{TASK_AGENTS, TaskAgentRegistry};
///
/// let registry = TaskAgentRegistry::new();
/// for agent in TASK_AGENTS.iter() {
///     let agent = agent();
///     registry.register(&agent.name(), agent)?;
/// }
/// # anyhow::Ok(())
/// ```
pub static TASK_AGENTS: LinkedAgents = LinkedAgents(());

/// Makes an agent.
pub type LinkedAgent = Box<dyn Fn() -> Box<dyn TaskAgent> + Send + Sync>;

/// The type of [`TASK_AGENTS`]: a slice of functions.
#[derive(Clone, Copy)]
pub struct LinkedAgents(());

impl Deref for LinkedAgents {
    type Target = [LinkedAgent];

    fn deref(&self) -> &[LinkedAgent] {
        static AGENTS: OnceLock<Vec<LinkedAgent>> = OnceLock::new();
        AGENTS.get_or_init(|| {
            let agents = linked().filter_map(|entry| match entry.declared {
                Declared::Agent(spec) => Some((entry.name, spec)),
                Declared::Workflow(_) => None,
            });
            let mut agents: Vec<_> = agents.collect();
            agents.sort_unstable_by_key(|(name, _)| *name);
            agents.into_iter().map(|(_, spec)| maker(spec)).collect()
        })
    }
}

fn maker(spec: fn() -> AgentSpec) -> LinkedAgent {
    Box::new(move || Box::new(Linked::new(spec())))
}

impl IntoIterator for LinkedAgents {
    type Item = &'static LinkedAgent;
    type IntoIter = std::slice::Iter<'static, LinkedAgent>;

    fn into_iter(self) -> Self::IntoIter {
        TASK_AGENTS.iter()
    }
}

impl IntoIterator for &LinkedAgents {
    type Item = &'static LinkedAgent;
    type IntoIter = std::slice::Iter<'static, LinkedAgent>;

    fn into_iter(self) -> Self::IntoIter {
        TASK_AGENTS.iter()
    }
}

impl fmt::Debug for LinkedAgents {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LinkedAgents({})", self.len())
    }
}

/// An agent's failure on its way through `anyhow`, so that what it advises arrives.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) AgentError);

/// An agent that the linker collected.
struct Linked {
    agent: Arc<RegisteredAgent>,
    input: OnceLock<Result<Schema, SchemaError>>,
    output: OnceLock<Result<Schema, SchemaError>>,
}

impl Linked {
    fn new(spec: AgentSpec) -> Self {
        let agent = Arc::new(RegisteredAgent::new(spec));
        Self { agent, input: OnceLock::new(), output: OnceLock::new() }
    }
}

#[async_trait::async_trait]
impl TaskAgent for Linked {
    fn name(&self) -> String {
        self.agent.name().to_owned()
    }

    fn description(&self) -> String {
        self.agent.description().to_owned()
    }

    fn input_schema(&self) -> Value {
        self.agent.input_schema()
    }

    fn output_schema(&self) -> Value {
        self.agent.output_schema()
    }

    async fn execute(&self, task_id: &str, input: Value, task_manager: &TaskManager) -> Result<TaskOutput> {
        let output = self.agent.call(input, task_manager.context_of(task_id)).await.map_err(Refused)?;
        Ok(TaskOutput { success: true, data: Some(output), error: None })
    }

    fn validate_input(&self, message: &Value) -> Result<()> {
        let schema = self.input.get_or_init(|| Schema::new(self.input_schema()));
        check(schema, message).with_context(|| format!("the input of `{}` is not right", self.agent.name()))
    }

    fn validate_output(&self, message: &Value) -> Result<()> {
        let schema = self.output.get_or_init(|| Schema::new(self.output_schema()));
        check(schema, message).with_context(|| format!("the output of `{}` is not right", self.agent.name()))
    }

    fn engine_options(&self) -> Options {
        self.agent.options().clone()
    }
}

fn check(schema: &Result<Schema, SchemaError>, message: &Value) -> Result<()> {
    Ok(schema.as_ref().map_err(Clone::clone)?.check(message)?)
}
