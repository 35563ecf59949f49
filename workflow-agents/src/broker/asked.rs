//! What is to be run when NATS asks for it.

use std::collections::HashMap;

use serde_json::Value as Json;
use workflow_runtime::{Options, RegisteredAgent, RegisteredWorkflow, Registry};

use super::error::NatsError;

/// What is to be run when NATS asks for it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) version: String,
    pub(super) kind: &'static str,
    input: Json,
    output: Json,
}

impl Asked {
    fn agent(agent: &RegisteredAgent) -> Self {
        Self {
            name: agent.name().to_owned(),
            description: agent.description().to_owned(),
            version: version(agent.options()),
            kind: "agent",
            input: agent.input_schema(),
            output: agent.output_schema(),
        }
    }

    fn workflow(workflow: &RegisteredWorkflow) -> Self {
        Self {
            name: workflow.name().to_owned(),
            description: workflow.description().to_owned(),
            version: version(options(workflow)),
            kind: "workflow",
            input: workflow.input_schema(),
            output: workflow.output_schema(),
        }
    }

    /// What others are told of it: what it takes and gives.
    pub(super) fn metadata(&self) -> HashMap<String, String> {
        let told = [
            ("kind", self.kind.to_owned()),
            ("input_schema", self.input.to_string()),
            ("output_schema", self.output.to_string()),
        ];
        told.map(|(key, value)| (key.to_owned(), value)).into()
    }
}

/// A version, as services have them.
fn version(options: &Options) -> String {
    format!("{}.0.0", options.version.unwrap_or(1))
}

fn options(workflow: &RegisteredWorkflow) -> &Options {
    &workflow.plan().definition().options
}

/// What has a name.
pub(super) fn named(registry: &Registry, name: &str) -> Result<Asked, NatsError> {
    let workflow = registry.workflow(name).map(Asked::workflow);
    workflow.or_else(|| registry.agent(name).map(Asked::agent)).ok_or_else(|| {
        let workflows = registry.workflows().iter().map(RegisteredWorkflow::name);
        let names = registry.agents().iter().map(RegisteredAgent::name).chain(workflows);
        let nearest = workflow_graph::nearest(name, names).map(str::to_owned);
        NatsError::Unknown { name: name.to_owned(), nearest }
    })
}

/// What has a tag, of which there must be something.
pub(super) fn tagged(registry: &Registry, tag: &str) -> Result<Vec<Asked>, NatsError> {
    let has = |options: &Options| options.tags.iter().any(|own| own == tag);
    let agents = registry.agents().iter().filter(|agent| has(agent.options())).map(Asked::agent);
    let workflows = registry.workflows().iter().filter(|workflow| has(options(workflow)));
    let tagged: Vec<Asked> = agents.chain(workflows.map(Asked::workflow)).collect();
    if tagged.is_empty() { Err(NatsError::NoneTagged { tag: tag.to_owned() }) } else { Ok(tagged) }
}
