//! From what was written to what it is about: names are found, values read, and all that is wrong is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use workflow_graph::nearest;

use super::configuration::Configuration;
use super::given::{Given, Item, Segment};
use super::key::{Key, Subject};
use super::mistake::{Mistake, Mistakes};
use super::names::{chosen, find, listed, taken, unknown};
use super::settings::{Set, Settings};
use super::target::Target;
use super::value::Value;
use crate::definition::{Node, NodeKind};
use crate::registry::Registry;

/// What a configuration says to a program whose code knows these queues besides those that its agents and workflows name.
pub(super) fn resolve(
    configuration: &Configuration,
    registry: &Registry,
    queues: &[Arc<str>],
) -> Result<Settings, Mistakes> {
    let (own, schedules) = (named(configuration, "queues"), named(configuration, "schedules"));
    let in_code = queues_of(registry).chain(queues.iter().map(|name| name.to_string())).collect();
    let mut resolver = Resolver {
        registry,
        known: Known { own, in_code, schedules },
        settings: Settings::default(),
        mistakes: configuration.mistakes.clone(),
    };
    for (layer, items) in configuration.layers.iter().enumerate() {
        items.iter().for_each(|item| resolver.take(item, layer));
    }
    resolver.mistakes.extend(resolver.settings.contradictions(registry));
    resolver.doubt_queues();
    Mistakes::check(resolver.mistakes)?;
    Ok(resolver.settings)
}

/// The names that are written out in tables of queues or of schedules.
fn named(configuration: &Configuration, table: &str) -> BTreeSet<String> {
    let written = configuration.layers.iter().flatten().filter_map(|item| match item.path.as_slice() {
        [first, name, ..] if first.text == table && !name.is_folded => Some(name.text.clone()),
        _ => None,
    });
    written.collect()
}

/// The queues that agents, steps and workflows name.
pub(super) fn queues_of(registry: &Registry) -> impl Iterator<Item = String> {
    let agents = registry.agents().iter().filter_map(|agent| agent.options().queue.clone());
    let definitions = registry.workflows().iter().map(|workflow| workflow.plan().definition());
    let workflows = definitions.flat_map(|definition| {
        let nodes = definition.nodes.iter().filter_map(|node| node.options.queue.clone());
        definition.options.queue.clone().into_iter().chain(nodes)
    });
    agents.chain(workflows).map(Into::into).chain(["default".to_owned()])
}

/// Names that are in no registry.
struct Known {
    own: BTreeSet<String>,
    in_code: BTreeSet<String>,
    schedules: BTreeSet<String>,
}

struct Resolver<'a> {
    registry: &'a Registry,
    known: Known,
    settings: Settings,
    mistakes: Vec<Mistake>,
}

impl Resolver<'_> {
    fn take(&mut self, item: &Item, layer: usize) {
        match self.understood(item) {
            Ok(Some((target, key, value))) => self.set(target, key, value, item, layer),
            Ok(None) => {}
            Err(mistake) => self.mistakes.push(mistake),
        }
    }

    fn set(&mut self, target: Target, key: &'static str, value: Value, item: &Item, layer: usize) {
        let of = self.settings.of.entry(target).or_default();
        if let Some(set) = of.get(key).filter(|set| set.layer == layer) {
            let problem = format!("{} sets this, too; leave one of them out", set.at);
            return self.mistakes.push(Mistake::new(&item.at, problem));
        }
        // `retention = "all"` and a table of it take one another's place.
        let is_other = |known: &str| {
            known
                .strip_prefix(key)
                .or_else(|| key.strip_prefix(known))
                .is_some_and(|rest| rest.starts_with('.'))
        };
        of.retain(|known, _| !is_other(known));
        of.insert(key, Set { value, at: item.at.clone(), layer });
    }

    fn understood(&self, item: &Item) -> Result<Option<(Target, &'static str, Value)>, Mistake> {
        let Some((table, rest)) = item.path.split_first() else { return Ok(None) };
        let found = Subject::TABLES.iter().find(|(name, _)| table.is(name));
        let Some((name, subject)) = found else {
            let tables = Subject::TABLES.iter().map(|(name, _)| *name);
            return Err(unknown(table, "there is no table", tables));
        };
        let (target, rest) = match (subject, rest) {
            (Subject::Runtime, rest) => (Target::Runtime, rest),
            (Subject::Retention, rest) => (Target::Retention, rest),
            (_, []) if item.value == Given::Table => return Ok(None),
            (_, []) => {
                let problem =
                    format!("`{name}` is a table of tables: write [{name}.NAME], and what is set below it");
                return Err(Mistake::new(&item.at, problem));
            }
            (subject, [of, rest @ ..]) => self.target(*subject, of, rest)?,
        };
        let Some(key) = find(target.subject(), rest, item)? else { return Ok(None) };
        if let Target::Step(workflow, node, _) = &target {
            let at = rest.last().map_or(&item.at, |segment| &segment.at);
            self.expect_settable(workflow, *node, key).map_err(|problem| Mistake::new(at, problem))?;
        }
        let wrong = |problem| Mistake::new(&item.at, format!("`{}`: {problem}", key.name));
        Ok(Some((target, key.name, Value::read(key.kind, &item.value).map_err(wrong)?)))
    }

    /// What a named table is about.
    fn target<'s>(
        &self,
        subject: Subject,
        name: &Segment,
        rest: &'s [Segment],
    ) -> Result<(Target, &'s [Segment]), Mistake> {
        let workflows = || self.registry.workflows().iter().map(|workflow| workflow.name());
        let agents = || self.registry.agents().iter().map(|agent| agent.name());
        match subject {
            Subject::Agent => {
                self.expect_not(name, workflows(), "workflow", agents())?;
                Ok((Target::Agent(chosen(name, "agent", agents())?), rest))
            }
            Subject::Workflow => {
                self.expect_not(name, agents(), "agent", workflows())?;
                let workflow = chosen(name, "workflow", workflows())?;
                match rest {
                    [steps, step, rest @ ..] if steps.is("steps") => Ok((self.step(workflow, step)?, rest)),
                    [steps] if steps.is("steps") => {
                        let problem = "`steps` is a table of tables: write [workflows.NAME.steps.STEP]";
                        Err(Mistake::new(&steps.at, problem))
                    }
                    _ => Ok((Target::Workflow(workflow), rest)),
                }
            }
            Subject::Schedule => Ok((Target::Schedule(taken(name, &self.known.schedules)), rest)),
            _ => {
                let known = self.known.own.union(&self.known.in_code).cloned().collect();
                Ok((Target::Queue(taken(name, &known)), rest))
            }
        }
    }

    /// What is set of an agent is not set of a workflow, or the other way round.
    fn expect_not<'n>(
        &self,
        name: &Segment,
        mut others: impl Iterator<Item = &'n str>,
        what: &str,
        mut own: impl Iterator<Item = &'n str>,
    ) -> Result<(), Mistake> {
        if own.any(|own| name.is(own)) {
            return Ok(());
        }
        let Some(other) = others.find(|other| name.is(other)) else { return Ok(()) };
        let article = if what == "agent" { "an" } else { "a" };
        let problem = format!("`{other}` is {article} {what}; set it under [{what}s.{other}]");
        Err(Mistake::new(&name.at, problem))
    }

    /// A step, by its path, or by its name if no other step has it.
    fn step(&self, workflow: Arc<str>, name: &Segment) -> Result<Target, Mistake> {
        let nodes = || {
            let workflow = self.registry.workflow(&workflow);
            workflow.into_iter().flat_map(|workflow| (0..).zip(&workflow.plan().definition().nodes))
        };
        let by = |of: fn(&Node) -> &str| -> Vec<(u32, &str)> {
            nodes().filter(|(_, node)| name.is(of(node))).map(|(id, node)| (id, node.path.as_str())).collect()
        };
        let mut found = by(|node| &node.path);
        if found.is_empty() {
            found = by(|node| &node.name);
        }
        match found.as_slice() {
            [(id, path)] => Ok(Target::Step(workflow, *id, Arc::from(*path))),
            [] => {
                let names = nodes().map(|(_, node)| node.path.as_str());
                Err(unknown(name, &format!("`{workflow}` has no step"), names))
            }
            several => {
                let paths: Vec<String> = several.iter().map(|(_, path)| format!("`{path}`")).collect();
                let problem =
                    format!("`{}` may be {}; write which, in quotes", name.text, paths.join(" or "));
                Err(Mistake::new(&name.at, problem))
            }
        }
    }

    /// What is set of a step can be set of what it is.
    fn expect_settable(&self, workflow: &str, id: u32, key: &Key) -> Result<(), String> {
        let Some(workflow) = self.registry.workflow(workflow) else { return Ok(()) };
        let node = workflow.plan().node(id);
        let (what, takes): (&str, &[&str]) = match &node.kind {
            NodeKind::Step(_) if key.name != "concurrency" => return Ok(()),
            NodeKind::Step(step) => {
                let callee = &step.callee.name;
                let table = if self.registry.agent(callee).is_some() { "agents" } else { "workflows" };
                return Err(format!(
                    "`{}` is a call, and how many run at once is set of what it calls, under [{table}.{callee}]",
                    node.path
                ));
            }
            NodeKind::For { .. } => ("a `for`", &["concurrency", "timeout"]),
            NodeKind::Repeat { .. } => ("a `repeat`", &["timeout"]),
            NodeKind::Signal { .. } => ("a wait for a signal", &["timeout"]),
            NodeKind::If { .. } => ("an `if`", &[]),
            NodeKind::Sleep { .. } => ("a `sleep`", &[]),
        };
        match takes {
            _ if takes.contains(&key.name) => Ok(()),
            [] => Err(format!("`{}` is {what}, of which nothing can be set", node.path)),
            _ => Err(format!("`{}` is {what}, of which {} can be set", node.path, listed(takes))),
        }
    }

    /// Limits of a queue that nothing names may be of one that jobs are handed in to, or of none.
    fn doubt_queues(&mut self) {
        let named = self.settings.all().filter_map(|(_, key, set)| match &set.value {
            Value::Text(name) if key == "queue" => Some(vec![name.to_string()]),
            Value::Names(names) => Some(names.iter().map(ToString::to_string).collect()),
            _ => None,
        });
        let named: BTreeSet<String> = named.flatten().chain(self.known.in_code.iter().cloned()).collect();
        let doubtful = self.settings.of.iter().filter_map(|(target, set)| match target {
            Target::Queue(name) if !named.contains(&**name) => Some((name, set.values().next()?)),
            _ => None,
        });
        let doubts: Vec<Mistake> = doubtful
            .map(|(name, set)| {
                let near = nearest(name, named.iter().map(String::as_str));
                let cure = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                let problem = format!("nothing in the program names the queue `{name}`{cure}");
                Mistake::new(&set.at, problem)
            })
            .collect();
        self.settings.doubts = doubts;
    }
}
