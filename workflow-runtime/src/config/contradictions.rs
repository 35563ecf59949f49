//! What of a configuration contradicts itself, or the code.

use std::sync::Arc;

use super::mistake::Mistake;
use super::settings::Settings;
use super::target::Target;
use super::value::Value;
use crate::definition::NodeKind;
use crate::options::Options;
use crate::registry::Registry;
use crate::schedule::Rule;

impl Settings {
    /// All of it. What the code says alone was checked with the code.
    pub(super) fn contradictions(&self, registry: &Registry) -> Vec<Mistake> {
        let mut found: Vec<Mistake> = Vec::new();
        for target in self.of.keys() {
            found.extend(self.incomplete(target, registry));
            if let Some(options) = self.options(target, registry) {
                let contradictions = options.contradictions().into_iter();
                found.extend(contradictions.map(|problem| self.told(target, &problem, problem.clone())));
            }
        }
        // A step takes over what its agent says, and may have said something before that goes with it no more.
        for workflow in registry.workflows() {
            let definition = workflow.plan().definition();
            let set = self.of_nodes(&definition.name, registry);
            for (id, node) in (0..).zip(&definition.nodes) {
                let NodeKind::Step(step) = &node.kind else { continue };
                let target = Target::Agent(Arc::from(step.callee.name.as_str()));
                let Some(agent) = registry.agent(&step.callee.name) else { continue };
                let own = set.iter().find(|(of, _)| *of == id).map(|(_, options)| options);
                let step_target =
                    || Target::Step(definition.name.as_str().into(), id, node.path.as_str().into());
                let outer = self.of_agent(agent);
                if own.is_none() && outer.is_none() {
                    continue;
                }
                let target = if own.is_some() { step_target() } else { target };
                let outer = outer.as_ref().unwrap_or(agent.options());
                if !outer.contradictions().is_empty() {
                    continue;
                }
                for problem in own.unwrap_or(&node.options).over(outer).contradictions() {
                    let told = format!("`{}` of `{}`: {problem}", node.path, definition.name);
                    found.push(self.told(&target, &problem, told));
                }
            }
        }
        found
    }

    fn options(&self, target: &Target, registry: &Registry) -> Option<Options> {
        match target {
            Target::Agent(name) => self.of_agent(registry.agent(name)?),
            Target::Workflow(name) => self.of_workflow(registry.workflow(name)?),
            // Steps are looked at with their agents.
            _ => None,
        }
    }

    /// What means nothing without something else.
    fn incomplete(&self, target: &Target, registry: &Registry) -> Vec<Mistake> {
        let mut found = Vec::new();
        let has = |key| self.get(target, key).is_some();
        if has("breaker.cooldown") != has("breaker.failures") {
            let problem = "a breaker needs both `failures` and `cooldown`";
            found.push(self.told(target, "breaker.cooldown breaker.failures", problem.to_owned()));
        }
        let adapts = ["adaptive.factor", "adaptive.least", "adaptive.most", "adaptive.percentile"];
        if adapts.into_iter().any(has) && !(has("adaptive.least") && has("adaptive.most")) {
            let problem = "an adaptive timeout needs both `least` and `most`, within which it is to be";
            found.push(self.told(target, &adapts.join(" "), problem.to_owned()));
        }
        if let (Some(Value::Time(least)), Some(Value::Time(most))) =
            (self.get(target, "adaptive.least"), self.get(target, "adaptive.most"))
            && least > most
        {
            let problem = "the least of an adaptive timeout is more than its most; exchange them";
            found.push(self.told(target, "adaptive.least adaptive.most", problem.to_owned()));
        }
        if has("archive") && !cfg!(feature = "archive") {
            let problem = "this program is built without the feature `archive` of workflow-runtime";
            found.push(self.told(target, "archive", problem.to_owned()));
        }
        if has("zone") && matches!(self.get(target, "rule"), Some(Value::Rule(Rule::Every(_), _))) {
            found.push(self.told(
                target,
                "zone",
                "an interval is the same in all time zones; leave `zone` out".to_owned(),
            ));
        }
        let retry = match target {
            Target::Step(workflow, node, _) => {
                let nodes = self.of_nodes(workflow, registry);
                nodes.into_iter().find(|(of, _)| of == node).and_then(|(_, options)| options.retry)
            }
            _ => self.options(target, registry).and_then(|options| options.retry),
        };
        let delays = ["retry.first", "retry.factor", "retry.cap"].into_iter().find(|key| has(key));
        if let Some(delay) = delays.filter(|_| !has("retry.max") && retry.is_none_or(|retry| retry.max == 0))
        {
            let problem = "nothing says how often it is tried again: set `retry.max`, too";
            found.push(self.told(target, delay, problem.to_owned()));
        }
        found
    }

    /// A mistake, at the place of a setting that is about it.
    fn told(&self, target: &Target, about: &str, problem: String) -> Mistake {
        let set = self.of.get(target);
        let is_about = |key: &str| key.split('.').any(|word| about.contains(word));
        let place =
            set.and_then(|set| set.iter().find(|(key, _)| is_about(key)).or_else(|| set.iter().next()));
        match place {
            Some((_, set)) => Mistake::new(&set.at, problem),
            None => Mistake::new(&super::origin::Origin::whole("the configuration"), problem),
        }
    }
}
