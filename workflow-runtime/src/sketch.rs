//! What a workflow or an agent means, in so few words that it can be kept beside the jobs that were begun under it; and
//! what a later one means otherwise.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::callee_kind::CalleeKind;
use crate::check::Callees;
use crate::definition::{Callee, Definition, Expression, Node, NodeId, NodeKind, Step};
use crate::fingerprint::{Fingerprint, Hasher};
use crate::meaning::meaning_of;
use crate::plan::Plan;
use crate::schema::canonical;

/// The topic of the notes that hold sketches; their names are the fingerprints.
pub(crate) const TOPIC: &str = "plan";

/// The version of a sketch's form; it is raised when a reader of the old form could misread the new one.
const SKETCH_VERSION: u32 = 1;

/// A workflow or an agent in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sketch {
    sketch: u32,
    pub(crate) name: String,
    pub(crate) kind: CalleeKind,
    /// What it means; the name that it is kept by.
    pub(crate) means: Fingerprint,
    is: Facets,
    /// The phases' names, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) phases: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) steps: Vec<StepSketch>,
}

/// A step in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepSketch {
    pub(crate) path: String,
    means: Fingerprint,
    /// Which phase it belongs to.
    pub(crate) phase: u32,
    /// The form around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) within: Option<String>,
    /// The steps of its block that must end before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) waits: Vec<String>,
    is: Facets,
}

/// What something is, one thing after the other, by name: for telling what has changed.
type Facets = BTreeMap<String, String>;

/// What another program means otherwise, as far as a job can have come to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// What has changed of the workflow or agent itself.
    pub(crate) whole: Option<String>,
    /// What has changed of steps, those that are gone included; by path.
    pub(crate) steps: HashMap<String, String>,
    /// What has changed for events, by name.
    pub(crate) events: HashMap<String, String>,
    /// Steps that were not there before.
    pub(crate) added: HashSet<String>,
}

impl Sketch {
    /// A workflow in few words.
    pub(crate) fn of_plan(plan: &Plan, callees: &dyn Callees) -> Self {
        let definition = plan.definition();
        let own = Callee { name: definition.name.clone(), path: String::new(), kind: CalleeKind::Workflow };
        let mut known = HashMap::new();
        let prints = plan.step_fingerprints(callees);
        let steps = (0..).zip(&definition.nodes).zip(prints).map(|((id, node), means)| {
            let waits = plan.graph().predecessors(id).iter().map(|id| path(definition, *id)).collect();
            StepSketch {
                path: node.path.clone(),
                means: *means,
                phase: node.phase,
                within: node.parent.map(|place| path(definition, place.node)),
                waits,
                is: facets(definition, node, &mut |callee| {
                    known.entry(callee.name.clone()).or_insert_with(|| of_callee(callee, callees)).clone()
                }),
            }
        });
        let steps = steps.collect();
        Self {
            sketch: SKETCH_VERSION,
            name: definition.name.clone(),
            kind: CalleeKind::Workflow,
            means: plan.fingerprint(callees),
            is: of_callee(&own, callees),
            phases: definition.phases.clone(),
            steps,
        }
    }

    /// An agent in few words.
    pub(crate) fn of_agent(name: &str, callees: &dyn Callees) -> Self {
        let callee = Callee { name: name.to_owned(), path: String::new(), kind: CalleeKind::Agent };
        Self {
            sketch: SKETCH_VERSION,
            name: name.to_owned(),
            kind: CalleeKind::Agent,
            means: meaning_of(&callee, callees),
            is: of_callee(&callee, callees),
            phases: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Reads one that was kept.
    ///
    /// # Errors
    /// When it is none, or one of a newer version.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let sketch: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match sketch.sketch {
            version if version > SKETCH_VERSION => {
                Err(format!("it is of version {version}, and this program knows {SKETCH_VERSION}"))
            }
            _ => Ok(sketch),
        }
    }

    /// The schema of its input, as a number.
    pub(crate) fn takes(&self) -> Option<&str> {
        self.is.get("takes").map(String::as_str)
    }

    /// What a later one means otherwise.
    pub(crate) fn changes(&self, later: &Self) -> Changes {
        let now: HashMap<&str, &StepSketch> =
            later.steps.iter().map(|step| (step.path.as_str(), step)).collect();
        let mut changes = Changes { whole: self.whole(later), ..Changes::default() };
        for step in &self.steps {
            let change = match now.get(step.path.as_str()) {
                Some(now) if now.means == step.means => continue,
                Some(now) => change(&step.is, &now.is),
                None => "it is not in this program any more".to_owned(),
            };
            if let Some(event) = step.is.get("event") {
                let change = format!("step `{}` awaited it: {change}", step.path);
                changes.events.entry(event.clone()).or_insert(change);
            }
            changes.steps.insert(step.path.clone(), change);
        }
        let before: HashSet<&str> = self.steps.iter().map(|step| step.path.as_str()).collect();
        let added = later.steps.iter().filter(|step| !before.contains(step.path.as_str()));
        changes.added = added.map(|step| step.path.clone()).collect();
        changes
    }

    /// Of a workflow only its version counts: whether its input is right, the input itself tells.
    fn whole(&self, later: &Self) -> Option<String> {
        match self.kind {
            CalleeKind::Agent if self.means == later.means => None,
            CalleeKind::Workflow if self.is.get("version") == later.is.get("version") => None,
            _ => Some(change(&self.is, &later.is)),
        }
    }
}

fn path(definition: &Definition, node: NodeId) -> String {
    definition.nodes[node as usize].path.clone()
}

/// What an agent or a workflow is to those that call it.
fn of_callee(callee: &Callee, callees: &dyn Callees) -> Facets {
    let schema = |source: Option<&crate::agent::SchemaSource>| {
        source.map(|source| hash(&canonical(&source.json()))).unwrap_or_default()
    };
    let mut is = Facets::new();
    is.insert("calls".to_owned(), callee.name.clone());
    let version = callees.options(callee).and_then(|options| options.version.as_ref());
    is.extend(version.map(|version| ("version".to_owned(), version.to_string())));
    is.insert("takes".to_owned(), schema(callees.input(callee)));
    is.insert("gives".to_owned(), schema(callees.output(callee)));
    is
}

fn hash(text: &str) -> String {
    Hasher::new().add(text).finish().to_string()
}

fn facets(definition: &Definition, node: &Node, callee: &mut dyn FnMut(&Callee) -> Facets) -> Facets {
    let mut is = Facets::new();
    let mut say = |label: &str, text: String| drop(is.insert(label.to_owned(), text));
    match &node.kind {
        NodeKind::Step(step) => {
            say("is", "a step".to_owned());
            of_step(step, callee(&step.callee), &mut say);
            if let Some(version) = node.options.version {
                say("version", version.to_string());
            }
        }
        NodeKind::If { condition } => {
            say("is", "an `if`".to_owned());
            say("condition", condition.text.clone());
        }
        NodeKind::For { items, last, .. } => {
            say("is", "a `for`".to_owned());
            say("collection", items.text.clone());
            say("last step", definition.slots[*last as usize].name.clone());
        }
        NodeKind::Repeat { first, condition, max, last, .. } => {
            say("is", "a `repeat`".to_owned());
            say("first value", first.text.clone());
            say("condition", condition.text.clone());
            say("bound", max.to_string());
            say("last step", definition.slots[*last as usize].name.clone());
        }
        NodeKind::Sleep { time } => {
            say("is", "a timer".to_owned());
            say("time", time.text.clone());
        }
        NodeKind::Signal { event, schema } => {
            say("is", "an event".to_owned());
            say("event", event.clone());
            say("schema", hash(&canonical(schema)));
        }
    }
    if node.optional {
        say("job", "goes on without it".to_owned());
    }
    if !node.after.is_empty() {
        say("`after`", node.after.join(", "));
    }
    is
}

fn of_step(step: &Step, callee: Facets, say: &mut dyn FnMut(&str, String)) {
    callee.into_iter().for_each(|(label, text)| say(&label, text));
    say("with", texts(&step.arguments));
    if !step.or.is_empty() {
        say("`or`", step.or.iter().map(|callee| callee.name.as_str()).collect::<Vec<_>>().join(", "));
    }
    if let Some(undo) = &step.undo {
        say("`undo`", format!("{}({})", undo.callee.name, texts(&undo.arguments)));
    }
}

fn texts(expressions: &[Expression]) -> String {
    expressions.iter().map(|expression| expression.text.as_str()).collect::<Vec<_>>().join(", ")
}

/// The first difference, told so that it can follow what it is about and a colon.
fn change(old: &Facets, new: &Facets) -> String {
    const FIRST: [&str; 6] = ["is", "calls", "version", "takes", "gives", "with"];
    let others = old.keys().chain(new.keys()).map(String::as_str).filter(|label| !FIRST.contains(label));
    let changed = FIRST.into_iter().chain(others).find(|label| old.get(*label) != new.get(*label));
    let Some(label) = changed else {
        return "what it reads, or what stands around it, is not what it was".to_owned();
    };
    let callee = new.get("calls").map_or("it", String::as_str);
    match (label, old.get(label), new.get(label)) {
        ("is", Some(old), Some(new)) => format!("it is {new} where it was {old}"),
        ("calls", Some(old), Some(new)) => format!("it calls `{new}` where it called `{old}`"),
        ("version", Some(old), Some(new)) => format!("`{callee}` is of version {new} where it was of {old}"),
        ("version", None, Some(new)) => format!("`{callee}` is of version {new} where it had none"),
        ("version", Some(old), None) => format!("`{callee}` has no version where it was of {old}"),
        ("takes", ..) => format!("what `{callee}` takes has another schema"),
        ("gives", ..) => format!("what `{callee}` gives has another schema"),
        ("schema", ..) => "its value has another schema".to_owned(),
        ("with", Some(old), Some(new)) => format!("it is called with `{new}` where it was with `{old}`"),
        ("job", None, _) => "the job goes on without it where it did not".to_owned(),
        ("job", _, None) => "the job does not go on without it where it did".to_owned(),
        (label, Some(old), Some(new)) => format!("its {label} is `{new}` where it was `{old}`"),
        (label, Some(old), None) => format!("it has no {label} where it had `{old}`"),
        (label, _, new) => {
            format!("it has the {label} `{}` where it had none", new.map_or("", String::as_str))
        }
    }
}
