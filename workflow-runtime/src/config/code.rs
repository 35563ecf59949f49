//! What the code of a program says, and what a configuration makes of it: for people who look whether that is so.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value as Json;

use super::origin::Origin;
use super::settings::Settings;
use super::target::Target;
use super::value::Value;
use crate::definition::NodeKind;
use crate::engine::{AgentLimits, Config, Queue};
use crate::location::Location;
use crate::options::{Options, Retry};
use crate::registry::Registry;

/// What the code of a program says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) queues: &'a [Queue],
    pub(crate) limits: &'a HashMap<String, AgentLimits>,
    pub(crate) config: &'a Config,
}

/// Who has set something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// The code of an agent, a step or a workflow.
    Declared(Location),
    /// The code that sets the runtime up.
    SetUp,
    /// An operator.
    Operator(Origin),
}

/// Something that is not as it is by default.
#[derive(Debug)]
pub(crate) struct Effective {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) by: By,
    /// What it would be without the configuration.
    pub(crate) over: Option<(String, By)>,
}

type Said = BTreeMap<(Target, &'static str), (String, By)>;

impl Code<'_> {
    /// All that is not as it is by default, by name.
    pub(crate) fn effective(&self, settings: &Settings) -> Vec<Effective> {
        let mut said = self.said();
        let mut all: Vec<Effective> = settings
            .all()
            .map(|(target, key, set)| Effective {
                name: format!("{target}.{key}"),
                value: set.value.to_string(),
                by: By::Operator(set.at.clone()),
                over: said.remove(&(target.clone(), key)),
            })
            .collect();
        let left = said.into_iter().map(|((target, key), (value, by))| {
            let name = format!("{target}.{key}");
            Effective { name, value, by, over: None }
        });
        all.extend(left);
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Where a step says itself what is set of its agent, which therefore does not reach it: what is set, where, and the
    /// step.
    pub(crate) fn unheard(&self, settings: &Settings) -> Vec<(String, Origin, String)> {
        let mut unheard = Vec::new();
        for (target, key, set) in settings.all() {
            let Target::Agent(name) = target else { continue };
            for definition in self.registry.workflows().iter().map(|workflow| workflow.plan().definition()) {
                for (id, node) in (0..).zip(&definition.nodes) {
                    let NodeKind::Step(step) = &node.kind else { continue };
                    let own = Target::Step(definition.name.as_str().into(), id, node.path.as_str().into());
                    let is_its = *step.callee.name == **name && is_of_steps(key);
                    let is_set = settings.get(&own, key).is_some();
                    if is_its && !is_set && of_options(&node.options, key).is_some() {
                        unheard.push((format!("{target}.{key}"), set.at.clone(), own.to_string()));
                    }
                }
            }
        }
        unheard
    }

    fn said(&self) -> Said {
        let mut said = Said::new();
        for agent in self.registry.agents() {
            let by = By::Declared(agent.at().clone());
            add(&mut said, &Target::Agent(Arc::from(agent.name())), agent.options(), &by);
        }
        for definition in self.registry.workflows().iter().map(|workflow| workflow.plan().definition()) {
            let name: Arc<str> = Arc::from(definition.name.as_str());
            let by = By::Declared(definition.at.clone());
            add(&mut said, &Target::Workflow(Arc::clone(&name)), &definition.options, &by);
            for (id, node) in (0..).zip(&definition.nodes) {
                let at = Location { file: definition.at.file.clone(), line: node.line };
                let target = Target::Step(Arc::clone(&name), id, node.path.as_str().into());
                add(&mut said, &target, &node.options, &By::Declared(at));
            }
        }
        self.set_up(&mut said);
        said
    }

    /// What is said where the runtime is set up.
    fn set_up(&self, said: &mut Said) {
        let mut tell = |target: &Target, key, value: Option<Value>| {
            if let Some(value) = value {
                said.insert((target.clone(), key), (value.to_string(), By::SetUp));
            }
        };
        for queue in self.queues {
            let (target, usual) = (Target::Queue(Arc::clone(&queue.name)), Queue::new(""));
            let concurrency = (queue.concurrency != usual.concurrency).then_some(queue.concurrency);
            tell(&target, "concurrency", concurrency.map(Value::Count));
            tell(&target, "per_key", queue.per_key.map(Value::Count));
            tell(&target, "rate", queue.rate.map(Value::Rate));
            let capacity = queue.capacity.and_then(|jobs| u32::try_from(jobs).ok());
            tell(&target, "capacity", capacity.map(Value::Count));
        }
        for (name, limits) in self.limits {
            let target = Target::Agent(Arc::from(name.as_str()));
            tell(&target, "concurrency", limits.concurrency.map(|count| Value::Count(count.get())));
            tell(&target, "rate", limits.rate.map(Value::Rate));
            tell(&target, "adaptive.factor", limits.adaptive.map(|adaptive| Value::Number(adaptive.factor)));
            tell(&target, "adaptive.least", limits.adaptive.map(|adaptive| Value::Time(adaptive.least)));
            tell(&target, "adaptive.most", limits.adaptive.map(|adaptive| Value::Time(adaptive.most)));
            let percentile = limits.adaptive.map(|adaptive| Value::Number(adaptive.percentile));
            tell(&target, "adaptive.percentile", percentile);
            tell(&target, "breaker.failures", limits.breaker.map(|breaker| Value::Count(breaker.failures)));
            tell(&target, "breaker.cooldown", limits.breaker.map(|breaker| Value::Time(breaker.cooldown)));
        }
        let (own, usual) = (self.config, Config::default());
        let count = |own: usize, usual: usize| {
            (own != usual).then(|| u32::try_from(own).unwrap_or(u32::MAX)).map(Value::Count)
        };
        tell(&Target::Runtime, "backlog", count(own.share.backlog, usual.share.backlog));
        tell(&Target::Runtime, "keep", count(own.keep, usual.keep));
        tell(&Target::Runtime, "deaths", (own.deaths != usual.deaths).then_some(Value::Count(own.deaths)));
        tell(&Target::Runtime, "grace", (own.grace != usual.grace).then_some(Value::Time(own.grace)));
        let is_usual = (own.jitter - usual.jitter).abs() < f64::EPSILON;
        tell(&Target::Runtime, "jitter", (!is_usual).then_some(Value::Number(own.jitter)));
        tell(&Target::Runtime, "serves", own.share.queues.clone().map(Value::Names));
    }
}

fn add(said: &mut Said, target: &Target, options: &Options, by: &By) {
    if *options == Options::default() {
        return;
    }
    for key in target.subject().keys() {
        if let Some(value) = of_options(options, key.name) {
            said.insert((target.clone(), key.name), (value, by.clone()));
        }
    }
}

/// Whether what a step says counts for more than what its agent does.
fn is_of_steps(key: &str) -> bool {
    !matches!(key, "concurrency" | "rate") && !key.starts_with("breaker") && !key.starts_with("adaptive")
}

/// What options say of a setting, as TOML.
fn of_options(options: &Options, key: &str) -> Option<String> {
    if key == "rate" {
        return options.rate.map(|rate| Value::Rate(rate).to_string());
    }
    let json = serde_json::to_value(options).ok()?;
    let usual = serde_json::to_value(Options::new().retry(Retry::new(0))).ok()?;
    let place = format!("/{}", key.replace('.', "/"));
    // Delays that nobody has set are those of every retry.
    if key != "retry.max" && json.pointer(&place) == usual.pointer(&place) {
        return None;
    }
    match json.pointer(&place)? {
        Json::Object(_) | Json::Null => None,
        said => Some(said.to_string()),
    }
}
