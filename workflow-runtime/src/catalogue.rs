//! All that a registry holds, as one JSON document.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::definition::Definition;
use crate::fingerprint::Fingerprint;
use crate::location::Location;
use crate::options::Options;
use crate::registered::{RegisteredAgent, RegisteredWorkflow};
use crate::registry::Registry;

/// The version of the document's form; it is raised when a reader of the old form could misread the new one.
pub const CATALOGUE_VERSION: u32 = 1;

/// All agents and workflows of a program, as plain data: for other programs, for people, and for comparing two builds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The version of this form.
    pub catalogue: u32,
    /// The agents, sorted by name.
    pub agents: Vec<AgentEntry>,
    /// The workflows, sorted by name.
    pub workflows: Vec<WorkflowEntry>,
}

/// An agent in a catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentEntry {
    /// Its name.
    pub name: String,
    /// What it does, in its author's words.
    pub description: String,
    /// Where it is declared.
    pub at: Location,
    /// What is set for it.
    pub options: Options,
    /// What it wants of the runtime.
    pub needs: Vec<String>,
    /// The JSON Schema of its input.
    pub input: Json,
    /// The JSON Schema of its output.
    pub output: Json,
}

/// A workflow in a catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowEntry {
    /// The workflow as it was declared.
    pub definition: Definition,
    /// The JSON Schema of its input.
    pub input: Json,
    /// The JSON Schema of its output.
    pub output: Json,
    /// What it means.
    pub fingerprint: Fingerprint,
    /// What each step means, in the order of the definition's nodes.
    pub step_fingerprints: Vec<Fingerprint>,
}

/// The JSON Schema of a [`Catalogue`], as published beside this crate.
pub const CATALOGUE_SCHEMA: &str = include_str!("../schema/catalogue.schema.json");

impl Registry {
    /// Everything in the registry, as one document that [`CATALOGUE_SCHEMA`] describes.
    pub fn catalogue(&self) -> Catalogue {
        Catalogue {
            catalogue: CATALOGUE_VERSION,
            agents: self.agents().iter().map(agent).collect(),
            workflows: self.workflows().iter().map(|registered| workflow(self, registered)).collect(),
        }
    }
}

fn agent(agent: &RegisteredAgent) -> AgentEntry {
    AgentEntry {
        name: agent.name().to_owned(),
        description: agent.description().to_owned(),
        at: agent.at().clone(),
        options: agent.options().clone(),
        needs: agent.needs().iter().map(ToString::to_string).collect(),
        input: agent.input_schema(),
        output: agent.output_schema(),
    }
}

fn workflow(registry: &Registry, workflow: &RegisteredWorkflow) -> WorkflowEntry {
    WorkflowEntry {
        definition: workflow.plan().definition().clone(),
        input: workflow.input_schema(),
        output: workflow.output_schema(),
        fingerprint: registry.fingerprint(workflow.plan()),
        step_fingerprints: registry.step_fingerprints(workflow.plan()).to_vec(),
    }
}
