//! What is offered to those who call tools.

use std::collections::BTreeMap;
use std::sync::Arc;

use rmcp::model::Tool;
use serde_json::Value as Json;

use super::tools::{NoTool, Tools};
use super::wrap::Wrap;
use crate::options::Options;
use crate::registry::Registry;

/// What members are called in which a value stands that is no object.
const INPUT: &str = "input";
const RESULT: &str = "result";

/// An agent or a workflow as a tool.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) tool: Tool,
    pub(super) takes: Wrap,
    pub(super) gives: Wrap,
    /// How many steps it has.
    pub(super) steps: usize,
}

/// All that is offered, by their names.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Offers(Arc<BTreeMap<String, Offer>>);

impl Offers {
    /// What is to be a tool.
    pub(in crate::http) fn of(registry: &Registry, tools: &Tools) -> Result<Self, NoTool> {
        let all: Vec<Callee<'_>> = callees(registry).collect();
        let mut wanted: Vec<&Callee<'_>> = Vec::new();
        if tools.are_all {
            wanted.extend(&all);
        }
        for tag in &tools.tags {
            let before = wanted.len();
            wanted.extend(all.iter().filter(|one| one.options.tags.iter().any(|own| own == tag)));
            if wanted.len() == before {
                return Err(NoTool::NoneTagged { tag: tag.clone() });
            }
        }
        for name in &tools.names {
            let found = all.iter().find(|one| one.name == name);
            wanted.push(found.ok_or_else(|| {
                let nearest = workflow_graph::nearest(name, all.iter().map(|one| one.name));
                NoTool::Unknown { name: name.clone(), nearest: nearest.map(str::to_owned) }
            })?);
        }
        Ok(Self(Arc::new(wanted.into_iter().map(|one| (one.name.to_owned(), one.offer())).collect())))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Offer> {
        self.0.get(name)
    }

    pub(super) fn tools(&self) -> Vec<Tool> {
        self.0.values().map(|offer| offer.tool.clone()).collect()
    }

    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        workflow_graph::nearest(name, self.0.keys().map(String::as_str))
    }
}

/// An agent or a workflow.
struct Callee<'a> {
    name: &'a str,
    description: &'a str,
    options: &'a Options,
    input: Json,
    output: Json,
    steps: usize,
}

fn callees(registry: &Registry) -> impl Iterator<Item = Callee<'_>> {
    let agents = registry.agents().iter().map(|agent| Callee {
        name: agent.name(),
        description: agent.description(),
        options: agent.options(),
        input: agent.input_schema(),
        output: agent.output_schema(),
        steps: 1,
    });
    let workflows = registry.workflows().iter().map(|workflow| Callee {
        name: workflow.name(),
        description: workflow.description(),
        options: &workflow.plan().definition().options,
        input: workflow.input_schema(),
        output: workflow.output_schema(),
        steps: workflow.plan().graph().node_count(),
    });
    agents.chain(workflows)
}

impl Callee<'_> {
    fn offer(&self) -> Offer {
        let (takes, input) = Wrap::of(self.input.clone(), INPUT);
        let (gives, output) = Wrap::of(self.output.clone(), RESULT);
        let tool = Tool::new(self.name.to_owned(), self.description.to_owned(), input)
            .with_raw_output_schema(Arc::new(output));
        Offer { tool, takes, gives, steps: self.steps }
    }
}
