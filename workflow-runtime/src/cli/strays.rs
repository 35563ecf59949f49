//! Warnings of what is given and nobody takes: a name that was mistyped, mostly.

use std::io;

use serde_json::Value as Json;

use super::looks::Paint;
use super::output::plain;
use super::run::Told;
use super::stores::Stores;
use crate::act::Act;
use crate::definition::NodeKind;
use crate::registry::Registry;
use crate::state::TaskState;
use crate::stray::strays;
use crate::view::JobView;

/// Warns of the members of an input that what is named does not take.
pub(super) fn warn_of_input(
    registry: &Registry,
    name: &str,
    input: &Json,
    told: &mut Told<'_>,
) -> io::Result<()> {
    match registry.input_schema(name) {
        Some(schema) => warn(&Given { of: format!("the input of `{name}`"), schema, value: input }, told),
        None => Ok(()),
    }
}

/// Warns of what is given with something that is to be done, as far as it is known who takes it.
pub(super) fn warn_of_act(
    registry: &Registry,
    stores: &Stores,
    act: &Act,
    told: &mut Told<'_>,
) -> io::Result<()> {
    match given(registry, stores, act) {
        Some(given) => warn(&given, told),
        None => Ok(()),
    }
}

/// What is given to something.
struct Given<'a> {
    /// To what: the input of `pay`.
    of: String,
    schema: Json,
    value: &'a Json,
}

fn warn(given: &Given<'_>, told: &mut Told<'_>) -> io::Result<()> {
    for stray in strays(&given.schema, given.value) {
        let warning = told.looks.paint(Some(Paint::Going), "warning:");
        writeln!(told.to, "{warning} {}", plain(&stray.warning(&given.of)))?;
    }
    Ok(())
}

fn given<'a>(registry: &Registry, stores: &Stores, act: &'a Act) -> Option<Given<'a>> {
    let input = |name: &str, value: &'a Json| {
        let schema = registry.input_schema(name)?;
        Some(Given { of: format!("the input of `{name}`"), schema, value })
    };
    let store = || stores.look().ok();
    match act {
        Act::Submit { name, input: value, .. } => input(name, value),
        Act::Signal { job, event, value } => {
            let view = registry.bare_view(&*store()?, *job).ok()??;
            let schema = event_schema(registry, &view.head.name, event)?;
            Some(Given { of: format!("the value of `{event}`"), schema, value })
        }
        Act::Rerun { job, from, input: Some(value) } => {
            let view = registry.bare_view(&*store()?, *job).ok()??;
            input(&called(&view, from.as_deref())?, value)
        }
        Act::Retry { job, from_start, input: Some(value) } => {
            let view = registry.bare_view(&*store()?, *job).ok()??;
            let failed = view.steps.iter().find(|step| step.state == TaskState::Failed);
            let from = failed.filter(|_| !from_start).map(|step| &*step.path);
            input(&called(&view, from)?, value)
        }
        _ => None,
    }
}

/// What a step calls; what the job runs, if there is no step.
fn called(view: &JobView, step: Option<&str>) -> Option<String> {
    let Some(path) = step.filter(|path| !path.is_empty()) else { return Some(view.head.name.to_string()) };
    view.steps.iter().find(|step| &*step.path == path)?.calls.as_deref().map(str::to_owned)
}

fn event_schema(registry: &Registry, workflow: &str, wanted: &str) -> Option<Json> {
    let nodes = &registry.workflow(workflow)?.plan().definition().nodes;
    nodes.iter().find_map(|node| match &node.kind {
        NodeKind::Signal { event, schema, .. } if event == wanted => Some(schema.clone()),
        _ => None,
    })
}
