//! What the code of a program says where a configuration says something else.

use std::num::NonZeroU32;

use serde_json::Value as Json;

use super::settings::{Setting, Settings};
use super::target::Target;
use super::value::Value;
use crate::engine::Queue;
use crate::location::Location;
use crate::options::Options;
use crate::registry::Registry;

/// Something that is set, and what it is set over.
#[derive(Debug)]
pub(crate) struct Overruled {
    pub(crate) setting: Setting,
    /// What the code says, and where, if it is in the code of an agent or a workflow.
    pub(crate) code: Option<(String, Option<Location>)>,
}

impl Settings {
    /// All that is set, with what the code says: of agents, workflows and steps, and of queues.
    pub(crate) fn overruled(&self, registry: &Registry, queues: &[Queue]) -> Vec<Overruled> {
        let code = |(target, key, _): (&Target, &str, _)| match target {
            Target::Queue(name) => {
                let queue = queues.iter().find(|queue| queue.name == *name)?;
                Some((of_queue(queue, key)?, None))
            }
            _ => {
                let (options, at) = in_code(target, registry)?;
                Some((of_options(options, key)?, Some(at)))
            }
        };
        let both = self.iter().zip(self.all());
        both.map(|(setting, set)| Overruled { setting, code: code(set) }).collect()
    }

    /// The steps that say something themselves of what is set of their agent, which therefore does not reach them: the
    /// setting, and the step.
    pub(crate) fn unheard(&self, registry: &Registry) -> Vec<(Setting, String)> {
        let mut unheard = Vec::new();
        for (setting, (target, key, _)) in self.iter().zip(self.all()) {
            let Target::Agent(name) = target else { continue };
            for definition in registry.workflows().iter().map(|workflow| workflow.plan().definition()) {
                for node in &definition.nodes {
                    let crate::definition::NodeKind::Step(step) = &node.kind else { continue };
                    let is_its = *step.callee.name == **name;
                    if is_its && is_of_steps(key) && of_options(&node.options, key).is_some() {
                        unheard.push((setting.clone(), format!("`{}` of `{}`", node.path, definition.name)));
                    }
                }
            }
        }
        unheard
    }
}

/// Whether what a step says counts for more than what its agent does.
fn is_of_steps(key: &str) -> bool {
    !matches!(key, "concurrency" | "rate") && !key.starts_with("breaker")
}

fn in_code<'a>(target: &Target, registry: &'a Registry) -> Option<(&'a Options, Location)> {
    match target {
        Target::Agent(name) => {
            let agent = registry.agent(name)?;
            Some((agent.options(), agent.at().clone()))
        }
        Target::Workflow(name) => {
            let definition = registry.workflow(name)?.plan().definition();
            Some((&definition.options, definition.at.clone()))
        }
        Target::Step(name, id, _) => {
            let definition = registry.workflow(name)?.plan().definition();
            let node = definition.nodes.get(*id as usize)?;
            Some((&node.options, Location { file: definition.at.file.clone(), line: node.line }))
        }
        _ => None,
    }
}

fn of_options(options: &Options, key: &str) -> Option<String> {
    if key == "rate" {
        return options.rate.map(|rate| Value::Rate(rate).to_string());
    }
    let json = serde_json::to_value(options).ok()?;
    let said = json.pointer(&format!("/{}", key.replace('.', "/")))?;
    Some(match said {
        Json::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    })
}

fn of_queue(queue: &Queue, key: &str) -> Option<String> {
    match key {
        "concurrency" => NonZeroU32::new(queue.concurrency).map(|count| count.to_string()),
        "per_key" => queue.per_key.map(|count| count.to_string()),
        "capacity" => queue.capacity.map(|jobs| jobs.to_string()),
        "rate" => queue.rate.map(|rate| Value::Rate(rate).to_string()),
        _ => None,
    }
}
