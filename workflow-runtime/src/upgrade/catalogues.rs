//! What a program means otherwise than another, told from their catalogues.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde_json::Value as Json;

use crate::agent::SchemaSource;
use crate::catalogue::Catalogue;
use crate::check::Callees;
use crate::definition::Callee;
use crate::options::Options;
use crate::plan::Plan;
use crate::sketch::{Sketch, StepSketch};

/// What changed between two programs, and which jobs in flight that would park.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogueCheck {
    /// What changed, by the names of agents and workflows.
    pub changes: Vec<CatalogueChange>,
}

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogueChange {
    /// The agent or the workflow.
    pub name: String,
    /// The step, by its path; none if it is about the whole.
    pub step: Option<String>,
    /// What changed.
    pub change: String,
    /// Which jobs of that name a deploy would park; none, if it parks none.
    pub parks: Option<String>,
}

impl CatalogueCheck {
    /// Whether a deploy may park jobs.
    pub fn may_park(&self) -> bool {
        self.changes.iter().any(|change| change.parks.is_some())
    }
}

impl Catalogue {
    /// What changed since an older program, of which `old` is the catalogue, and which of its jobs a deploy of this one
    /// would park.
    pub fn check(&self, old: &Self) -> CatalogueCheck {
        let (new, old) = (sketches(self), sketches(old));
        let mut changes = Vec::new();
        for (name, old) in &old {
            match (old, new.get(name)) {
                (_, None) => {
                    changes.push(whole(name, "it is not in this program any more", Some("all jobs")))
                }
                (Some(old), Some(Some(new))) => Comparison { name, old, new }.into(&mut changes),
                _ => changes.push(whole(name, "it cannot be compared: its definition is not right", None)),
            }
        }
        let added = new.keys().filter(|name| !old.contains_key(*name));
        changes.extend(added.map(|name| whole(name, "it was added", None)));
        changes.sort_by(|one, other| one.name.cmp(&other.name));
        CatalogueCheck { changes }
    }
}

fn whole(name: &str, change: &str, parks: Option<&str>) -> CatalogueChange {
    let parks = parks.map(str::to_owned);
    CatalogueChange { name: name.to_owned(), step: None, change: change.to_owned(), parks }
}

/// Everything in a catalogue in few words; none where a definition is not right.
fn sketches(catalogue: &Catalogue) -> BTreeMap<String, Option<Sketch>> {
    let mut directory = Directory::default();
    for agent in &catalogue.agents {
        directory.add(&agent.name, &agent.options, &agent.input, &agent.output);
    }
    for workflow in &catalogue.workflows {
        let definition = &workflow.definition;
        directory.add(&definition.name, &definition.options, &workflow.input, &workflow.output);
    }
    let agents = catalogue.agents.iter();
    let agents = agents.map(|agent| (agent.name.clone(), Some(Sketch::of_agent(&agent.name, &directory))));
    let workflows = catalogue.workflows.iter().map(|workflow| {
        let plan = Plan::new(workflow.definition.clone(), &directory);
        let sketch = plan.ok().map(|plan| Sketch::of_plan(&plan, &directory));
        (workflow.definition.name.clone(), sketch)
    });
    agents.chain(workflows).collect()
}

/// What steps of a catalogue's workflows can call.
#[derive(Default)]
struct Directory(HashMap<String, (Options, SchemaSource, SchemaSource)>);

impl Directory {
    fn add(&mut self, name: &str, options: &Options, input: &Json, output: &Json) {
        let source = |schema: &Json| SchemaSource::Text(schema.to_string().into());
        self.0.insert(name.to_owned(), (options.clone(), source(input), source(output)));
    }
}

impl Callees for Directory {
    fn options(&self, callee: &Callee) -> Option<&Options> {
        self.0.get(&callee.name).map(|(options, ..)| options)
    }

    fn input(&self, callee: &Callee) -> Option<&SchemaSource> {
        self.0.get(&callee.name).map(|(_, input, _)| input)
    }

    fn output(&self, callee: &Callee) -> Option<&SchemaSource> {
        self.0.get(&callee.name).map(|(.., output)| output)
    }

    fn parameters(&self, _: &Callee) -> Vec<String> {
        Vec::new()
    }

    fn nearest(&self, _: &str) -> Option<String> {
        None
    }
}

/// An agent or a workflow, before and now.
struct Comparison<'a> {
    name: &'a str,
    old: &'a Sketch,
    new: &'a Sketch,
}

impl Comparison<'_> {
    fn into(self, changes: &mut Vec<CatalogueChange>) {
        let found = self.old.changes(self.new);
        if let Some(change) = &found.whole {
            changes.push(whole(self.name, change, Some("jobs that have begun")));
        } else if self.old.takes() != self.new.takes() {
            let parks = "jobs whose input does not satisfy it";
            changes.push(whole(self.name, "its input has another schema", Some(parks)));
        }
        let mut steps: Vec<CatalogueChange> = Vec::new();
        let begun = || Some("jobs in which it has begun".to_owned());
        for (step, change) in &found.steps {
            steps.push(self.step(step, change.clone(), begun()));
        }
        let added = self.new.steps.iter().filter(|step| found.added.contains(&step.path));
        for step in added {
            let within = step.within.as_ref();
            if within.is_some_and(|within| found.added.contains(within)) {
                continue;
            }
            steps.push(self.step(&step.path, "it was added".to_owned(), self.past(step)));
        }
        for step in self.new.steps.iter().filter(|step| !found.added.contains(&step.path)) {
            if found.steps.contains_key(&step.path) {
                continue;
            }
            if let Some(first) = self.comes_after_now(step) {
                let parks = Some(format!("jobs in which it has begun and `{first}` is not over"));
                steps.push(self.step(&step.path, format!("it comes after `{first}` now"), parks));
            }
        }
        steps.sort_by(|one, other| one.step.cmp(&other.step));
        changes.append(&mut steps);
    }

    fn step(&self, path: &str, change: String, parks: Option<String>) -> CatalogueChange {
        CatalogueChange { name: self.name.to_owned(), step: Some(path.to_owned()), change, parks }
    }

    fn was_there(&self, path: &str) -> Option<&StepSketch> {
        self.old.steps.iter().find(|step| step.path == path)
    }

    /// Which jobs are past an added step: those in which a step has begun that comes after it.
    fn past(&self, added: &StepSketch) -> Option<String> {
        let mut begun: Vec<String> = Vec::new();
        let mut at = Some(added);
        while let Some(step) = at {
            let waiting = self.new.steps.iter().filter(|other| other.waits.contains(&step.path));
            begun.extend(
                waiting
                    .filter(|other| self.was_there(&other.path).is_some())
                    .map(|other| format!("`{}`", other.path)),
            );
            at = step
                .within
                .as_ref()
                .and_then(|within| self.new.steps.iter().find(|step| step.path == *within));
        }
        let later = |step: &&StepSketch| step.phase > added.phase && self.was_there(&step.path).is_some();
        let is_past = self.new.steps.iter().find(later).map(|_| {
            let phase = self.new.phases.get(added.phase as usize).map_or("", String::as_str);
            format!("jobs that are past phase `{phase}`")
        });
        let has_begun =
            (!begun.is_empty()).then(|| format!("jobs in which {} has begun", begun.join(" or ")));
        match (has_begun, is_past) {
            (Some(begun), Some(past)) => Some(format!("{past}, and {begun}")),
            (one, other) => one.or(other),
        }
    }

    /// A step that was there, and that this one did not come after.
    fn comes_after_now<'a>(&'a self, step: &'a StepSketch) -> Option<&'a str> {
        let old = self.was_there(&step.path)?;
        let waits = step.waits.iter().find(|before| {
            !old.waits.contains(before)
                && self.was_there(before).is_some_and(|before| before.phase >= old.phase)
        });
        let by_phase = || {
            let earlier =
                self.new.steps.iter().filter(|other| other.phase < step.phase && other.within.is_none());
            let mut earlier = earlier
                .filter(|other| self.was_there(&other.path).is_some_and(|other| other.phase >= old.phase));
            earlier.next().map(|other| &other.path)
        };
        waits.or_else(by_phase).map(String::as_str)
    }
}

impl fmt::Display for CatalogueCheck {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            return out.write_str("nothing changed that means anything to jobs");
        }
        let parking = self.changes.iter().filter(|change| change.parks.is_some()).count();
        write!(out, "{} changes, of which {parking} may park jobs:", self.changes.len())?;
        let mut last = None;
        for CatalogueChange { name, step, change, parks } in &self.changes {
            if last.replace(name) != Some(name) {
                write!(out, "\n  `{name}`")?;
            }
            match step {
                Some(step) => write!(out, "\n    step `{step}`: {change}")?,
                None => write!(out, "\n    {change}")?,
            }
            match parks {
                Some(parks) => write!(out, "; parks {parks}")?,
                None => write!(out, "; parks none")?,
            }
        }
        Ok(())
    }
}
