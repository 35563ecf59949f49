//! Workflows made ready to run: what the machine and the engine look up again and again, worked out once.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;
use workflow_graph::EdgeKind;

use crate::callee_kind::CalleeKind;
use crate::code::Code;
use crate::definition::{Arm, Block, Callee, NodeId, NodeKind, Place as Within};
use crate::error::AgentError;
use crate::fingerprint::Fingerprint;
use crate::options::{Options, Priority, Retry};
use crate::plan::Plan;
use crate::registered::RegisteredWorkflow;
use crate::registry::Registry;
use crate::sketch::Sketch;

/// An agent or a workflow, by its place in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Agent(u32),
    Workflow(u32),
}

impl Place {
    pub(crate) fn find(registry: &Registry, name: &str, kind: CalleeKind) -> Option<Self> {
        let place = match kind {
            CalleeKind::Agent => Self::Agent(registry.agent_place(name)?),
            CalleeKind::Workflow => Self::Workflow(registry.workflow_place(name)?),
        };
        Some(place)
    }

    /// What it means to those that call it, and to jobs that run it.
    pub(crate) fn means(self, registry: &Registry) -> Fingerprint {
        match self {
            Self::Agent(agent) => registry.agents()[agent as usize].means(registry),
            Self::Workflow(workflow) => registry.fingerprint(registry.workflows()[workflow as usize].plan()),
        }
    }

    /// The same in few words, to be kept.
    pub(crate) fn sketch(self, registry: &Registry) -> Sketch {
        match self {
            Self::Agent(agent) => Sketch::of_agent(registry.agents()[agent as usize].name(), registry),
            Self::Workflow(workflow) => {
                Sketch::of_plan(registry.workflows()[workflow as usize].plan(), registry)
            }
        }
    }

    /// Whether it takes this input.
    ///
    /// # Errors
    /// When it does not: why.
    pub(crate) fn admit(self, registry: &Registry, input: Json) -> Result<(), AgentError> {
        match self {
            Self::Agent(agent) => registry.agents()[agent as usize].admit_json(&input).map(drop),
            Self::Workflow(workflow) => registry.workflows()[workflow as usize].admit_json(input).map(drop),
        }
    }
}

/// A workflow, ready to run. It lies apart from the counter of those who hold it.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Program {
    pub(crate) plan: Arc<Plan>,
    pub(crate) code: Code,
    pub(crate) nodes: Vec<Ready>,
    /// The nodes of each phase.
    pub(crate) phases: Vec<Vec<NodeId>>,
    /// The nodes of each form's blocks.
    inside: Vec<[Vec<NodeId>; 3]>,
}

/// A node, ready to run.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Its place in its block.
    pub(crate) local: u32,
    /// How many nodes of its block must end before it starts.
    pub(crate) waits_for: u32,
    /// Which of the code's derived slots are made when it has ended.
    pub(crate) derived: Range<usize>,
    pub(crate) optional: bool,
    /// How many of a `for`'s elements may be at work at once.
    pub(crate) width: usize,
    /// What a step calls: first what it names, then what its `or` names.
    pub(crate) calls: Vec<Call>,
    pub(crate) undo: Option<Call>,
    /// How urgent it is: as urgent as the most urgent that waits for it.
    pub(crate) urgency: Priority,
}

/// What a step calls, and how.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) place: Place,
    pub(crate) options: Arc<Options>,
}

/// How often an undo is tried again unless its agent says.
const UNDO_RETRY: Retry = Retry::new(3);

impl Program {
    pub(crate) fn new(workflow: &RegisteredWorkflow, registry: &Registry) -> Self {
        let plan = Arc::clone(workflow.plan());
        let mut code = workflow.code().clone();
        // So that what a node makes is one range; each slot is made of what its own node made, in order.
        code.derived.sort_by_key(|derived| derived.node);
        let definition = plan.definition();
        let count = u32::try_from(definition.nodes.len()).unwrap_or(u32::MAX);
        let mut nodes: Vec<Ready> = (0..count).map(|node| ready(&plan, &code, registry, node)).collect();
        inherit_urgency(&plan, &mut nodes);
        let phases = (0..u32::try_from(definition.phases.len()).unwrap_or(u32::MAX))
            .map(|phase| plan.block(Block::Phase(phase)).to_vec())
            .collect();
        for block in definition.nodes.iter().map(crate::definition::Node::block) {
            for (local, node) in (0..).zip(plan.block(block)) {
                nodes[*node as usize].local = local;
            }
        }
        let inside = (0..count).map(|node| {
            [Arm::Then, Arm::Else, Arm::Body]
                .map(|arm| plan.block(Block::Inside(Within { node, arm })).to_vec())
        });
        let inside = inside.collect();
        Self { plan, code, nodes, phases, inside }
    }

    /// The nodes of a block.
    pub(crate) fn block(&self, block: Block) -> &[NodeId] {
        match block {
            Block::Phase(phase) => &self.phases[phase as usize],
            Block::Inside(Within { node, arm }) => &self.inside[node as usize][arm as usize],
        }
    }

    pub(crate) fn node(&self, node: NodeId) -> &Ready {
        &self.nodes[node as usize]
    }

    /// The schema and type of the event of this name, if the workflow waits for it.
    pub(crate) fn event(&self, name: &str) -> Option<&crate::definition::Node> {
        self.plan
            .definition()
            .nodes
            .iter()
            .find(|node| matches!(&node.kind, NodeKind::Signal { event, .. } if event == name))
    }

    /// The events that the workflow waits for.
    pub(crate) fn events(&self) -> impl Iterator<Item = &str> {
        self.plan.definition().nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Signal { event, .. } => Some(event.as_str()),
            _ => None,
        })
    }
}

fn ready(plan: &Plan, code: &Code, registry: &Registry, id: NodeId) -> Ready {
    let node = plan.node(id);
    let call = |callee: &Callee, over: &Options| {
        let place = Place::find(registry, &callee.name, callee.kind)?;
        let options = match place {
            Place::Agent(agent) => over.over(registry.agents()[agent as usize].options()),
            // A workflow's options are its jobs'.
            Place::Workflow(_) => over.clone(),
        };
        Some(Call { place, options: Arc::new(options) })
    };
    let (calls, undo) = match &node.kind {
        NodeKind::Step(step) => {
            let callees = std::iter::once(&step.callee).chain(&step.or);
            let undo = step.undo.as_ref().and_then(|undo| call(&undo.callee, &Options::new()));
            (callees.filter_map(|callee| call(callee, &node.options)).collect(), undo)
        }
        _ => (Vec::new(), None),
    };
    let undo = undo.map(|mut undo| {
        Arc::make_mut(&mut undo.options).retry.get_or_insert(UNDO_RETRY);
        undo
    });
    let first = code.derived.partition_point(|derived| derived.node < id);
    let end = code.derived.partition_point(|derived| derived.node <= id);
    Ready {
        local: 0,
        waits_for: u32::try_from(plan.graph().predecessors(id).len()).unwrap_or(u32::MAX),
        derived: first..end,
        optional: node.optional,
        width: node.options.concurrency.map_or(usize::MAX, |bound| bound.get() as usize),
        urgency: calls.first().and_then(|call: &Call| call.options.priority).unwrap_or_default(),
        calls,
        undo,
    }
}

fn inherit_urgency(plan: &Plan, nodes: &mut [Ready]) {
    for node in plan.levels().order().iter().rev() {
        let waiting = plan.graph().outgoing(*node).filter(|(_, kind)| *kind == EdgeKind::Hard);
        let most = waiting.map(|(other, _)| nodes[other as usize].urgency).max();
        let own = &mut nodes[*node as usize].urgency;
        *own = (*own).max(most.unwrap_or(*own));
    }
}
