//! The agents of a manager.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex};

use anyhow::{Result, bail};

use super::agent::TaskAgent;
use crate::context::AgentDescription;
use crate::engine::lock;

/// An agent, as a registry keeps it.
pub(super) type Kept = Arc<Box<dyn TaskAgent>>;

/// The agents that a manager may call, by name. Clones share them.
///
/// A job can call those that are there when it starts.
#[derive(Clone, Default)]
pub struct TaskAgentRegistry {
    agents: Arc<Mutex<BTreeMap<String, Kept>>>,
}

impl std::fmt::Debug for TaskAgentRegistry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_set().entries(lock(&self.agents).keys()).finish()
    }
}

impl TaskAgentRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an agent.
    ///
    /// # Errors
    /// When there is one of this name.
    pub fn register(&self, name: &str, agent: Box<dyn TaskAgent>) -> Result<()> {
        match lock(&self.agents).entry(name.to_owned()) {
            Entry::Occupied(_) => bail!("there is an agent `{name}` already"),
            Entry::Vacant(place) => {
                place.insert(Arc::new(agent));
                Ok(())
            }
        }
    }

    /// The agent of this name.
    pub fn get_agent(&self, name: &str) -> Option<Arc<Box<dyn TaskAgent>>> {
        lock(&self.agents).get(name).cloned()
    }

    /// All agents, sorted by name, as others may choose among them.
    pub fn get_agent_descriptions(&self) -> Vec<AgentDescription> {
        self.all().iter().map(|(name, agent)| describe(name, agent)).collect()
    }

    /// All agents, sorted by name.
    pub(super) fn all(&self) -> Vec<(String, Kept)> {
        lock(&self.agents).iter().map(|(name, agent)| (name.clone(), Arc::clone(agent))).collect()
    }

    /// Whether it is the same registry, not one that holds the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.agents, &other.agents)
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.agents).len()
    }
}

fn describe(name: &str, agent: &Kept) -> AgentDescription {
    AgentDescription {
        name: name.to_owned(),
        description: agent.description(),
        input_schema: agent.input_schema(),
        output_schema: agent.output_schema(),
    }
}
