//! A straight interpreter of plans, one node after the other.
//!
//! It is the reference for what a workflow means. It knows no time, no retries and no parallelism: it tells what
//! must come out, not how to get there.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value as Json;
use workflow_runtime::{
    AgentError, Arm, Block, Erased, NodeCode, NodeId, NodeKind, Place, Registry, Resources, Scope, Slot,
    Source, Step, TaskContext,
};

/// Runs workflows of a registry.
pub struct Walker<'a> {
    registry: &'a Registry,
    resources: Arc<Resources>,
    signals: HashMap<String, Erased>,
}

type Walk<'a, T> = Pin<Box<dyn Future<Output = Result<T, AgentError>> + 'a>>;

impl<'a> Walker<'a> {
    /// A walker over these workflows.
    pub fn new(registry: &'a Registry) -> Self {
        Self { registry, resources: Arc::default(), signals: HashMap::new() }
    }

    /// Gives the agents what they want.
    #[must_use]
    pub fn resources(mut self, resources: Resources) -> Self {
        self.resources = Arc::new(resources);
        self
    }

    /// An event that has arrived.
    #[must_use]
    pub fn signal<T: Send + Sync + 'static>(mut self, event: &str, value: T) -> Self {
        self.signals.insert(event.to_owned(), Erased::new(value));
        self
    }

    /// Runs a workflow from JSON to JSON.
    ///
    /// # Errors
    /// When a step fails for good; what was done before has been taken back then.
    pub async fn run(&self, workflow: &str, input: Json) -> Result<Json, AgentError> {
        let workflow = self.registry.workflow(workflow).ok_or("no such workflow")?;
        let input = workflow.read_input(input)?;
        let output = self.job(workflow.name(), &input).await?;
        workflow.write_output(&output)
    }

    fn job<'b>(&'b self, name: &'b str, input: &'b Erased) -> Walk<'b, Erased> {
        Box::pin(async move {
            let workflow = self.registry.workflow(name).ok_or("no such workflow")?;
            let (definition, code) = (workflow.plan().definition(), workflow.code());
            let mut job = Job { walker: self, name, undo: Vec::new() };
            let mut values = vec![None; definition.slots.len()];
            let inputs = (0..).zip(&definition.slots).filter(|(_, slot)| slot.source == Source::Input);
            for ((slot, _), value) in inputs.zip((code.split)(input)) {
                let slot: usize = slot;
                values[slot] = Some(value);
            }
            for phase in 0..u32::try_from(definition.phases.len()).unwrap_or(u32::MAX) {
                if let Err(error) = job
                    .block(Block::Phase(phase), &mut Frame { first: 0, values: &mut values, outer: None })
                    .await
                {
                    job.take_back().await?;
                    return Err(error);
                }
            }
            Ok((code.output)(&Scope::new(&values)))
        })
    }
}

struct Job<'a> {
    walker: &'a Walker<'a>,
    name: &'a str,
    undo: Vec<(String, Erased)>,
}

/// The values of one instance of a block, inside those around it.
struct Frame<'a> {
    first: Slot,
    values: &'a mut Vec<Option<Erased>>,
    outer: Option<&'a Scope<'a>>,
}

impl Frame<'_> {
    fn scope(&self) -> Scope<'_> {
        match self.outer {
            Some(outer) => Scope::within(outer, self.first, self.values),
            None => Scope::new(self.values),
        }
    }

    fn set(&mut self, slot: Slot, value: Option<Erased>) {
        let place = (slot - self.first) as usize;
        self.values[place] = value;
    }
}

impl<'a> Job<'a> {
    fn block<'b>(&'b mut self, block: Block, frame: &'b mut Frame<'_>) -> Walk<'b, ()> {
        Box::pin(async move {
            let workflow = self.walker.registry.workflow(self.name).ok_or("no such workflow")?;
            let plan = Arc::clone(workflow.plan());
            let mut nodes = plan.block(block).to_vec();
            nodes.sort_by_key(|node| (plan.levels().of(*node), *node));
            for node in nodes {
                let result = self.node(node, frame).await;
                match result {
                    Ok(value) => frame.set(plan.node(node).slot, Some(value)),
                    Err(_) if plan.node(node).optional => {}
                    Err(error) => return Err(error),
                }
                for derived in workflow.code().derived.iter().filter(|derived| derived.node == node) {
                    let value = (derived.make)(&frame.scope());
                    frame.set(derived.slot, value);
                }
            }
            Ok(())
        })
    }

    async fn node(&mut self, id: NodeId, frame: &mut Frame<'_>) -> Result<Erased, AgentError> {
        let workflow = self.walker.registry.workflow(self.name).ok_or("no such workflow")?;
        let plan = Arc::clone(workflow.plan());
        let node = plan.node(id);
        match (&node.kind, &workflow.code().nodes[id as usize]) {
            (NodeKind::Step(step), NodeCode::Step { input, undo, .. }) => {
                let value = self.step(step, input(&frame.scope()), &node.path).await?;
                if let (Some(make), Some(undo)) = (undo, &step.undo) {
                    frame.set(node.slot, Some(value.clone()));
                    self.undo.push((undo.callee.name.clone(), make(&frame.scope())));
                }
                Ok(value)
            }
            (NodeKind::If { .. }, NodeCode::If(test)) => {
                let arm = if test(&frame.scope()) { Arm::Then } else { Arm::Else };
                self.block(Block::Inside(Place { node: id, arm }), frame).await?;
                Ok(Erased::new(()))
            }
            (NodeKind::For { item, last, .. }, NodeCode::For { items, gather }) => {
                let slots = plan.frame(id);
                let mut results = Vec::new();
                for element in items(&frame.scope()) {
                    let outer = frame.scope();
                    let mut values = vec![None; slots.len()];
                    let mut inner = Frame { first: slots.start, values: &mut values, outer: Some(&outer) };
                    inner.set(*item, Some(element));
                    self.block(Block::Inside(Place { node: id, arm: Arm::Body }), &mut inner).await?;
                    results.extend(inner.scope().find(*last).cloned());
                }
                gather(results).ok_or_else(|| "a result is of another type".into())
            }
            (NodeKind::Repeat { max, carried, last, .. }, NodeCode::Repeat { first, test }) => {
                let slots = plan.frame(id);
                let mut value = first(&frame.scope());
                for _ in 0..*max {
                    let outer = frame.scope();
                    let mut values = vec![None; slots.len()];
                    let mut inner = Frame { first: slots.start, values: &mut values, outer: Some(&outer) };
                    inner.set(*carried, Some(value.clone()));
                    if !test(&inner.scope()) {
                        break;
                    }
                    self.block(Block::Inside(Place { node: id, arm: Arm::Body }), &mut inner).await?;
                    value = inner.scope().find(*last).cloned().ok_or("the round gave nothing")?;
                }
                Ok(value)
            }
            (NodeKind::Sleep { .. }, NodeCode::Sleep(time)) => {
                let _ = time(&frame.scope());
                Ok(Erased::new(()))
            }
            (NodeKind::Signal { event, .. }, NodeCode::Signal) => self
                .walker
                .signals
                .get(event)
                .cloned()
                .ok_or_else(|| format!("`{event}` never arrives").into()),
            _ => Err("the definition and its code do not match".into()),
        }
    }

    async fn step(&self, step: &Step, input: Erased, path: &str) -> Result<Erased, AgentError> {
        let mut result = self.call(&step.callee.name, &input, path).await;
        for callee in &step.or {
            if result.is_err() {
                result = self.call(&callee.name, &input, path).await;
            }
        }
        result
    }

    async fn call(&self, name: &str, input: &Erased, path: &str) -> Result<Erased, AgentError> {
        match self.walker.registry.agent(name) {
            Some(agent) => {
                let manager = self.walker.registry.task_manager();
                let context =
                    TaskContext::new(self.name, path, 1, Arc::clone(&self.walker.resources), manager);
                agent.start(input.clone(), context).await
            }
            None => self.walker.job(name, input).await,
        }
    }

    async fn take_back(&mut self) -> Result<(), AgentError> {
        while let Some((name, input)) = self.undo.pop() {
            self.call(&name, &input, "undo").await?;
        }
        Ok(())
    }
}
