//! What is set of agents, workflows and steps, as the options that they run under.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::settings::Settings;
use super::target::Target;
use super::value::Value;
use crate::definition::{NodeId, NodeKind};
use crate::options::{Options, Retry};
use crate::registered::{RegisteredAgent, RegisteredWorkflow};
use crate::registry::Registry;

/// How often what no code lets be tried again is tried again.
const ONCE: Retry = Retry::new(0);

impl Settings {
    /// The options of an agent, if something is set of them. Its limits are not among them.
    pub(super) fn of_agent(&self, agent: &RegisteredAgent) -> Option<Options> {
        let target = Target::Agent(Arc::from(agent.name()));
        self.of
            .contains_key(&target)
            .then(|| self.over(&target, agent.options().clone(), agent.options().retry))
    }

    /// The options of a workflow's jobs, if something is set of them.
    pub(super) fn of_workflow(&self, workflow: &RegisteredWorkflow) -> Option<Options> {
        let target = Target::Workflow(Arc::from(workflow.name()));
        let own = || workflow.plan().definition().options.clone();
        self.of.contains_key(&target).then(|| self.over(&target, own(), None))
    }

    /// The options of those of a workflow's nodes of which something is set.
    pub(super) fn of_nodes(&self, name: &str, registry: &Registry) -> Vec<(NodeId, Options)> {
        let Some(workflow) = registry.workflow(name) else { return Vec::new() };
        let definition = workflow.plan().definition();
        let of = |target: &Target| match target {
            Target::Step(of, node, _) if **of == *name => Some(*node),
            _ => None,
        };
        let set = self.of.keys().filter_map(|target| Some((of(target)?, target)));
        set.map(|(id, target)| {
            let node = &definition.nodes[id as usize];
            let inherited = node.options.retry.or_else(|| self.retry_of_callee(&node.kind, registry));
            (id, self.over(target, node.options.clone(), inherited))
        })
        .collect()
    }

    /// How what a step calls is tried again, as it is set by now.
    fn retry_of_callee(&self, kind: &NodeKind, registry: &Registry) -> Option<Retry> {
        let NodeKind::Step(step) = kind else { return None };
        let agent = registry.agent(&step.callee.name)?;
        self.of_agent(agent).map_or(agent.options().retry, |options| options.retry)
    }

    fn over(&self, target: &Target, mut options: Options, inherited: Option<Retry>) -> Options {
        let Some(set) = self.of.get(target) else { return options };
        for (key, set) in set {
            match (*key, &set.value) {
                ("timeout", Value::Time(time)) => options.timeout = Some(*time),
                ("deadline", Value::Time(time)) => options.deadline = Some(*time),
                ("heartbeat", Value::Time(time)) => options.heartbeat = Some(*time),
                ("queue", Value::Text(name)) => options.queue = Some(name.to_string().into()),
                ("priority", Value::Priority(priority)) => options.priority = Some(*priority),
                // Those of an agent are limits of all its attempts, and are set as such.
                ("concurrency", Value::Count(count)) if !matches!(target, Target::Agent(_)) => {
                    options.concurrency = NonZeroU32::new(*count);
                }
                ("rate", Value::Rate(rate)) if !matches!(target, Target::Agent(_)) => {
                    options.rate = Some(*rate);
                }
                _ => {}
            }
        }
        options.retry = self.retry(target, inherited).or(options.retry);
        options
    }

    /// How attempts are made again, if something of it is set: the rest is as it was.
    fn retry(&self, target: &Target, inherited: Option<Retry>) -> Option<Retry> {
        let part = |name| self.get(target, name);
        let time = |name| match part(name) {
            Some(Value::Time(time)) => Some(*time),
            _ => None,
        };
        let (max, factor) = (part("retry.max"), part("retry.factor"));
        let (first, cap) = (time("retry.first"), time("retry.cap"));
        let is_set = max.is_some() || factor.is_some() || first.is_some() || cap.is_some();
        let mut retry = is_set.then(|| inherited.unwrap_or(ONCE))?;
        if let Some(Value::Count(max)) = max {
            retry.max = *max;
        }
        if let Some(Value::Number(factor)) = factor {
            retry.factor = *factor;
        }
        if let Some(first) = first {
            retry = retry.first(first);
        }
        if let Some(cap) = cap {
            retry.cap = cap;
        }
        Some(retry)
    }
}
