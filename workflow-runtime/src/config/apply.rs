//! How a configuration comes into a runtime, before that is made.

use std::collections::HashMap;
use std::num::NonZeroU32;
#[cfg(feature = "archive")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::configuration::Configuration;
use super::mistake::Mistakes;
use super::resolve::resolve;
use super::settings::{Set, Settings};
use super::target::Target;
use super::value::Value;
use crate::adaptive::Adaptive;
use crate::engine::{AgentLimits, Breaker, Config, Queue, StallAction};
use crate::registry::Registry;
use crate::retention::{Keep, Retention};
use crate::schedule::Rule;

/// What a program has set, to be set otherwise.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    pub(crate) queues: &'a mut Vec<Queue>,
    pub(crate) limits: &'a mut HashMap<String, AgentLimits>,
    pub(crate) config: &'a mut Config,
    pub(crate) node: &'a mut Option<String>,
}

impl Configuration {
    /// What it says to a program, which has these queues.
    ///
    /// # Errors
    /// When something of it is not right: all of it at once.
    pub(crate) fn check_with(&self, registry: &Registry, queues: &[Queue]) -> Result<Settings, Mistakes> {
        let names: Vec<Arc<str>> = queues.iter().map(|queue| Arc::clone(&queue.name)).collect();
        resolve(self, registry, &names)
    }
}

impl Settings {
    /// The agents and workflows with their options as they are set, if something is set of these.
    pub(crate) fn registry(&self, registry: &Registry) -> Option<Registry> {
        let is_about =
            |target: &Target| matches!(target, Target::Agent(_) | Target::Workflow(_) | Target::Step(..));
        self.of.keys().any(is_about).then(|| {
            registry.with_options(
                |agent| self.of_agent(registry.agent(agent)?),
                |name| {
                    let workflow = registry.workflow(name);
                    let own = workflow.and_then(|workflow| self.of_workflow(workflow));
                    (own, self.of_nodes(name, registry))
                },
            )
        })
    }

    /// Sets what is set.
    pub(crate) fn apply(&self, setup: &mut Setup<'_>) {
        for (target, key, set) in self.all() {
            let Set { value, at, .. } = set;
            match target {
                Target::Runtime => setup.set(key, value),
                Target::Retention => set_retention(setup.retention(), key, value),
                Target::Queue(name) => set_queue(setup.queue(name), key, value),
                Target::Agent(name) => setup.limit(name, key, value),
                Target::Schedule(name) => setup.schedule(name, key, value),
                Target::Workflow(_) | Target::Step(..) => {}
            }
            let (Target::Agent(name) | Target::Workflow(name)) = target else { continue };
            match (key, value) {
                ("enabled", Value::Flag(false)) => setup.config.off.add(name, at.to_string()),
                ("retention" | "retention.age" | "retention.last", value) => {
                    let keep = setup.retention().of.entry(Arc::clone(name)).or_default();
                    set_keep(keep, key.rsplit('.').next().unwrap_or_default(), value);
                }
                _ => {}
            }
        }
        self.set_breakers(setup);
        self.set_adaptive(setup);
    }

    fn set_adaptive(&self, setup: &mut Setup<'_>) {
        for target in self.of.keys() {
            let Target::Agent(name) = target else { continue };
            let bounds = (self.get(target, "adaptive.least"), self.get(target, "adaptive.most"));
            let (Some(Value::Time(least)), Some(Value::Time(most))) = bounds else { continue };
            let mut adaptive = Adaptive::within(*least, *most);
            if let Some(Value::Number(times)) = self.get(target, "adaptive.factor") {
                adaptive = adaptive.factor(*times);
            }
            if let Some(Value::Number(percent)) = self.get(target, "adaptive.percentile") {
                adaptive = adaptive.percentile(*percent);
            }
            setup.limits.entry(name.to_string()).or_default().adaptive = Some(adaptive);
        }
    }

    fn set_breakers(&self, setup: &mut Setup<'_>) {
        for target in self.of.keys() {
            let Target::Agent(name) = target else { continue };
            let (failures, cooldown) =
                (self.get(target, "breaker.failures"), self.get(target, "breaker.cooldown"));
            if let (Some(Value::Count(failures)), Some(Value::Time(cooldown))) = (failures, cooldown) {
                let breaker = Breaker { failures: *failures, cooldown: *cooldown };
                setup.limits.entry(name.to_string()).or_default().breaker = Some(breaker);
            }
        }
    }
}

impl Setup<'_> {
    fn set(&mut self, key: &str, value: &Value) {
        let config = &mut *self.config;
        match (key, value) {
            ("backlog", Value::Count(jobs)) => config.share.backlog = *jobs as usize,
            ("deaths", Value::Count(times)) => config.deaths = *times,
            ("grace", Value::Time(time)) => config.grace = *time,
            ("jitter", Value::Number(share)) => config.jitter = *share,
            ("keep", Value::Count(jobs)) => config.keep = *jobs as usize,
            ("node", Value::Text(name)) => *self.node = Some(name.to_string()),
            ("on_stall", Value::Text(action)) => {
                config.on_stall =
                    if **action == *"retry" { StallAction::Retry } else { StallAction::CancelJob };
            }
            ("serves", Value::Names(queues)) => config.share.queues = Some(queues.clone()),
            _ => {}
        }
    }

    fn queue(&mut self, name: &Arc<str>) -> &mut Queue {
        let place = self.queues.iter().position(|queue| queue.name == *name).unwrap_or_else(|| {
            self.queues.push(Queue::new(Arc::clone(name)));
            self.queues.len() - 1
        });
        &mut self.queues[place]
    }

    fn retention(&mut self) -> &mut Retention {
        self.config.retention.get_or_insert_with(|| Retention::new(Keep::all()))
    }

    fn limit(&mut self, agent: &str, key: &str, value: &Value) {
        match (key, value) {
            ("concurrency", Value::Count(count)) => {
                self.limits.entry(agent.to_owned()).or_default().concurrency = NonZeroU32::new(*count);
            }
            ("rate", Value::Rate(rate)) => {
                self.limits.entry(agent.to_owned()).or_default().rate = Some(*rate);
            }
            _ => {}
        }
    }

    fn schedule(&mut self, name: &Arc<str>, key: &str, value: &Value) {
        let setting = self.config.schedules.entry(Arc::clone(name)).or_default();
        match (key, value) {
            ("enabled", Value::Flag(flag)) => setting.enabled = Some(*flag),
            ("rule", Value::Rule(rule, _)) => setting.rule = Some(Rule::clone(rule)),
            ("zone", Value::Text(zone)) => setting.zone = Some(zone.to_string()),
            _ => {}
        }
    }
}

fn set_queue(queue: &mut Queue, key: &str, value: &Value) {
    match (key, value) {
        ("capacity", Value::Count(jobs)) => queue.capacity = Some(*jobs as usize),
        ("concurrency", Value::Count(count)) => queue.concurrency = *count,
        ("paused", Value::Flag(flag)) => queue.paused = *flag,
        ("per_key", Value::Count(count)) => queue.per_key = Some(*count),
        ("rate", Value::Rate(rate)) => queue.rate = Some(*rate),
        _ => {}
    }
}

fn set_retention(retention: &mut Retention, key: &str, value: &Value) {
    match (key, value) {
        ("every", Value::Time(time)) => retention.every = (*time).max(Duration::from_millis(10)),
        #[cfg(feature = "archive")]
        ("archive", Value::Text(folder)) => retention.archive = Some(PathBuf::from(&**folder)),
        ("letters.age", value) => set_keep(&mut retention.letters, "age", value),
        ("letters.last", value) => set_keep(&mut retention.letters, "last", value),
        (key, value) => set_keep(&mut retention.all, key, value),
    }
}

fn set_keep(keep: &mut Keep, key: &str, value: &Value) {
    match (key, value) {
        ("age", Value::Time(time)) => keep.time = Some(*time),
        ("last", Value::Count(jobs)) => keep.jobs = Some(*jobs as usize),
        // The word `all`.
        ("retention", _) => *keep = Keep::all(),
        _ => {}
    }
}
