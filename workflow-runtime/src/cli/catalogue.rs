//! What is in the program: agents, workflows, pictures.

use std::io;

use serde_json::{Value as Json, json};

use super::arguments::Form;
use super::output::Output;
use super::refusal::{Exit, Refusal};
use crate::registered::{RegisteredAgent, RegisteredWorkflow};
use crate::registry::Registry;

pub(super) fn agents(registry: &Registry, output: &mut Output<'_>) -> Result<(), Refusal> {
    let agents = registry.catalogue().agents;
    output.show(&agents, |output| {
        let rows = registry.agents().iter().map(|agent| {
            [agent.name().to_owned(), parameters(&agent.input_schema()), first_line(agent.description())]
        });
        list(output, ["AGENT", "TAKES", "WHAT IT DOES"], rows, "there are no agents in this program")
    })
}

pub(super) fn workflows(registry: &Registry, output: &mut Output<'_>) -> Result<(), Refusal> {
    let workflows = registry.catalogue().workflows;
    output.show(&workflows, |output| {
        let rows = registry.workflows().iter().map(|workflow| {
            let takes = parameters(&workflow.input_schema());
            [workflow.name().to_owned(), takes, first_line(workflow.description())]
        });
        list(output, ["WORKFLOW", "TAKES", "WHAT IT DOES"], rows, "there are no workflows in this program")
    })
}

fn list(
    output: &mut Output<'_>,
    heads: [&str; 3],
    rows: impl Iterator<Item = [String; 3]>,
    none: &str,
) -> io::Result<()> {
    let rows: Vec<[String; 3]> = std::iter::once(heads.map(str::to_owned)).chain(rows).collect();
    if rows.len() == 1 { output.line(none) } else { output.table(&rows) }
}

/// The names of what is taken, those in parentheses that may be left out; of what has no names, its type.
fn parameters(schema: &Json) -> String {
    if schema["properties"].is_null() {
        return schema["type"].as_str().unwrap_or_default().to_owned();
    }
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let named = schema["properties"].as_object().into_iter().flat_map(|properties| properties.keys());
    let shown = named.map(|name| match required.contains(&name.as_str()) {
        true => name.clone(),
        false => format!("({name})"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

pub(super) fn show(registry: &Registry, name: &str, output: &mut Output<'_>) -> Result<(), Refusal> {
    let catalogue = registry.catalogue();
    if let Some(workflow) = registry.workflow(name) {
        let entry = catalogue.workflows.iter().find(|entry| entry.definition.name == name);
        return output.show(&entry, |output| show_workflow(workflow, output));
    }
    if let Some(agent) = registry.agent(name) {
        let entry = catalogue.agents.iter().find(|entry| entry.name == name);
        return output.show(&entry, |output| show_agent(agent, output));
    }
    Err(unknown(name, registry, true))
}

fn show_agent(agent: &RegisteredAgent, output: &mut Output<'_>) -> io::Result<()> {
    output.line(format!("agent {}, declared at {}", agent.name(), agent.at()))?;
    described(agent.description(), output)?;
    let options = serde_json::to_value(agent.options()).unwrap_or_default();
    for (option, value) in options.as_object().into_iter().flatten() {
        output.line(format!("{option}: {value}"))?;
    }
    schemas(&agent.input_schema(), &agent.output_schema(), output)
}

fn show_workflow(workflow: &RegisteredWorkflow, output: &mut Output<'_>) -> io::Result<()> {
    output.line(format!("workflow {}", workflow.name()))?;
    described(workflow.description(), output)?;
    output.line(workflow.plan().to_text(output.width()))?;
    output.line("")?;
    schemas(&workflow.input_schema(), &workflow.output_schema(), output)
}

fn described(description: &str, output: &mut Output<'_>) -> io::Result<()> {
    if description.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.line(description)?;
    output.line("")
}

fn schemas(input: &Json, gives: &Json, output: &mut Output<'_>) -> io::Result<()> {
    output.line(format!("input:\n{input:#}"))?;
    output.line(format!("output:\n{gives:#}"))
}

pub(super) fn graph(
    registry: &Registry,
    name: &str,
    form: &Form,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let workflow = registry.workflow(name).ok_or_else(|| unknown(name, registry, false))?;
    let plan = workflow.plan();
    let (kind, drawn) = match form {
        Form { mermaid: true, .. } => ("mermaid", plan.to_mermaid()),
        Form { dot: true, .. } => ("dot", plan.to_dot()),
        Form { .. } => ("svg", plan.to_svg()),
    };
    output.show(&json!({ "workflow": name, kind: drawn }), |output| output.raw(&drawn))
}

/// There is nothing of this name; names the nearest there is.
fn unknown(name: &str, registry: &Registry, agents: bool) -> Refusal {
    let workflows = registry.workflows().iter().map(RegisteredWorkflow::name);
    let agents = registry.agents().iter().map(RegisteredAgent::name).filter(|_| agents);
    let names: Vec<&str> = workflows.chain(agents).collect();
    let cure = match workflow_graph::nearest(name, names.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if names.is_empty() => {
            "the program has none; does anything name the crate that declares them?".to_owned()
        }
        None => "`workflows` and `agents` list what there is".to_owned(),
    };
    Refusal::new(Exit::Unknown, format!("there is no `{name}` in this program; {cure}"))
}
