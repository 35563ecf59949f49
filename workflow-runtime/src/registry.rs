//! All agents and workflows of a program: collected at link time or by hand, checked as a whole.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::agent::{Agent, AgentSpec, SchemaSource};
use crate::check::Callees;
use crate::context::{Resources, TaskManager};
#[cfg(feature = "config")]
use crate::definition::NodeId;
use crate::definition::{Callee, Definition};
use crate::entry::{Declared, Entry, linked};
use crate::fingerprint::Fingerprint;
use crate::location::Location;
use crate::marked::Marked;
use crate::options::Options;
use crate::plan::Plan;
use crate::problem::{Problem, Problems};
use crate::registered::{RegisteredAgent, RegisteredWorkflow};
use crate::schema::Schema;
use crate::wire::{Workflow, WorkflowSpec};

/// All agents and workflows of a program, each found by its one name.
#[derive(Debug)]
pub struct Registry {
    agents: Agents,
    workflows: Vec<RegisteredWorkflow>,
    marked: OnceLock<Marked>,
}

impl Registry {
    /// Whether something of the values of jobs is secret.
    #[cfg(feature = "acting")]
    pub(crate) fn has_secrets(&self) -> bool {
        !self.marked().is_empty()
    }

    /// Where schemas mark something as secret.
    pub(crate) fn marked(&self) -> &Marked {
        self.marked.get_or_init(|| {
            let agents = self.agents().iter();
            let agents =
                agents.map(|agent| (agent.name().to_owned(), [agent.input_schema(), agent.output_schema()]));
            let workflows = self.workflows().iter();
            let workflows = workflows.map(|workflow| {
                (workflow.name().to_owned(), [workflow.input_schema(), workflow.output_schema()])
            });
            Marked::of(agents.chain(workflows))
        })
    }

    /// What the linker collected: every `#[task_agent]` and `workflow!` of every crate that the program names.
    ///
    /// A crate that nothing names is not linked. Name it, if only by `use the_crate as _;`.
    ///
    /// # Errors
    /// Reports all problems at once, each with file and line.
    pub fn collect() -> Result<Self, Problems> {
        let mut builder = Self::builder();
        // Names are small and specifications are large: what is sorted now need not be moved later.
        let mut entries: Vec<&Entry> = linked().collect();
        entries.sort_unstable_by_key(|entry| entry.name);
        entries.into_iter().for_each(|entry| builder.entry(entry));
        builder.build()
    }

    /// An empty registry, to be filled by hand: for tests, and for agents that are known only when the program runs.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// The same agents and workflows, with other options: of an agent, of a workflow, of the nodes of a workflow.
    #[cfg(feature = "config")]
    pub(crate) fn with_options(
        &self,
        mut of_agent: impl FnMut(&str) -> Option<Options>,
        mut of_workflow: impl FnMut(&str) -> (Option<Options>, Vec<(NodeId, Options)>),
    ) -> Self {
        let agents = self.agents.sorted.iter().map(|agent| agent.with_options(of_agent(agent.name())));
        let workflows = self.workflows.iter().map(|workflow| {
            let (own, nodes) = of_workflow(workflow.name());
            workflow.with_options(own, nodes)
        });
        Self {
            agents: Agents { sorted: agents.collect() },
            workflows: workflows.collect(),
            marked: OnceLock::new(),
        }
    }

    /// The agents, sorted by name.
    pub fn agents(&self) -> &[RegisteredAgent] {
        &self.agents.sorted
    }

    /// The workflows, sorted by name.
    pub fn workflows(&self) -> &[RegisteredWorkflow] {
        &self.workflows
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<&RegisteredAgent> {
        self.agents.get(name)
    }

    pub(crate) fn agent_place(&self, name: &str) -> Option<u32> {
        u32::try_from(self.agents.place(name)?).ok()
    }

    pub(crate) fn workflow_place(&self, name: &str) -> Option<u32> {
        let place = self.workflows.binary_search_by(|workflow| workflow.name().cmp(name)).ok()?;
        u32::try_from(place).ok()
    }

    /// The workflow of this name.
    pub fn workflow(&self, name: &str) -> Option<&RegisteredWorkflow> {
        self.workflows.get(self.workflow_place(name)? as usize)
    }

    /// The JSON Schema of what the workflow or the agent of this name takes.
    #[cfg(feature = "acting")]
    pub(crate) fn input_schema(&self, name: &str) -> Option<serde_json::Value> {
        match self.workflow(name) {
            Some(workflow) => Some(workflow.input_schema()),
            None => Some(self.agent(name)?.input_schema()),
        }
    }

    /// Checks a definition that came from somewhere else than this program's `workflow!`s: from code, or from another
    /// program's catalogue.
    ///
    /// # Errors
    /// Reports all problems at once.
    pub fn plan(&self, definition: Definition) -> Result<Plan, Problems> {
        Plan::new(definition, self).map_err(Problems::new)
    }

    /// What a plan means, as a number that is the same on every machine and changes when the meaning does.
    pub fn fingerprint(&self, plan: &Plan) -> Fingerprint {
        plan.fingerprint(self)
    }

    /// What each node of a plan means, in the order of its definition.
    pub fn step_fingerprints<'a>(&self, plan: &'a Plan) -> &'a [Fingerprint] {
        plan.step_fingerprints(self)
    }

    /// What the agents want of the runtime and `resources` does not have.
    ///
    /// # Errors
    /// Reports all of it at once.
    pub fn check_resources(&self, resources: &Resources) -> Result<(), Problems> {
        let missing = self.agents().iter().flat_map(|agent| {
            agent.needs().iter().filter(|need| !resources.meet(need)).map(|need| Problem::MissingResource {
                agent: agent.name().to_owned(),
                need: need.to_string(),
                at: agent.at().clone(),
            })
        });
        Problems::check(missing.collect())
    }

    /// A task manager that knows these agents.
    pub fn task_manager(&self) -> TaskManager {
        TaskManager::of(self.agents().iter().map(RegisteredAgent::describe))
    }
}

/// How many agents and workflows the linker collected, without a look at them.
pub fn registered() -> usize {
    linked().count()
}

/// What a step can call, as far as a plan must know it.
impl Callees for Registry {
    fn options(&self, callee: &Callee) -> Option<&Options> {
        match self.agent(&callee.name) {
            Some(agent) => Some(agent.options()),
            None => self.workflow(&callee.name).map(|workflow| &workflow.plan().definition().options),
        }
    }

    fn input(&self, callee: &Callee) -> Option<&SchemaSource> {
        match self.workflow(&callee.name) {
            Some(workflow) => Some(&workflow.code().input.schema),
            None => self.agents.input(callee),
        }
    }

    fn output(&self, callee: &Callee) -> Option<&SchemaSource> {
        match self.workflow(&callee.name) {
            Some(workflow) => Some(&workflow.code().result.schema),
            None => self.agents.output(callee),
        }
    }

    fn parameters(&self, callee: &Callee) -> Vec<String> {
        self.agents.parameters(callee)
    }

    fn nearest(&self, name: &str) -> Option<String> {
        self.agents.nearest(name)
    }
}

/// The agents, by name.
#[derive(Debug, Default)]
struct Agents {
    sorted: Vec<RegisteredAgent>,
}

impl Agents {
    fn get(&self, name: &str) -> Option<&RegisteredAgent> {
        self.sorted.get(self.place(name)?)
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.sorted.binary_search_by(|agent| agent.name().cmp(name)).ok()
    }

    fn input(&self, callee: &Callee) -> Option<&SchemaSource> {
        self.get(&callee.name).map(|agent| &agent.spec.input.schema)
    }

    fn output(&self, callee: &Callee) -> Option<&SchemaSource> {
        self.get(&callee.name).map(|agent| &agent.spec.output.schema)
    }

    fn parameters(&self, callee: &Callee) -> Vec<String> {
        let names =
            self.get(&callee.name).map(|agent| agent.spec.parameters.iter().map(|name| (*name).to_owned()));
        names.into_iter().flatten().collect()
    }

    fn nearest(&self, name: &str) -> Option<String> {
        workflow_graph::nearest(name, self.sorted.iter().map(RegisteredAgent::name)).map(str::to_owned)
    }
}

/// Collects agents and workflows by hand.
#[derive(Debug, Default)]
pub struct RegistryBuilder {
    agents: Vec<AgentSpec>,
    workflows: Vec<WorkflowSpec>,
}

impl RegistryBuilder {
    /// Adds an agent, by its function's name: `.agent::<select_model>()`.
    #[must_use]
    pub fn agent<A: Agent>(self) -> Self {
        self.agent_spec(A::spec())
    }

    /// Adds an agent that was made in code.
    #[must_use]
    pub fn agent_spec(mut self, agent: AgentSpec) -> Self {
        self.agents.push(agent);
        self
    }

    /// Adds a workflow.
    #[must_use]
    pub fn workflow<W: Workflow>(self) -> Self {
        self.workflow_spec(W::spec())
    }

    /// Adds a workflow by its specification.
    #[must_use]
    pub fn workflow_spec(mut self, workflow: WorkflowSpec) -> Self {
        self.workflows.push(workflow);
        self
    }

    fn entry(&mut self, entry: &Entry) {
        match entry.declared {
            Declared::Agent(spec) => self.agents.push(spec()),
            Declared::Workflow(spec) => self.workflows.push(spec()),
        }
    }

    /// Checks all of it as a whole.
    ///
    /// # Errors
    /// Reports all problems at once, each with file and line.
    pub fn build(self) -> Result<Registry, Problems> {
        let Self { mut agents, mut workflows } = self;
        // Link order is no order: what comes first is what comes first in the source.
        agents.sort_by(|one, other| (&one.name, &one.at).cmp(&(&other.name, &other.at)));
        let of = |spec: &WorkflowSpec| (spec.definition.name.clone(), spec.definition.at.clone());
        workflows.sort_by_cached_key(of);
        let mut problems = duplicates(&agents, &workflows);
        agents.iter().for_each(|agent| check_agent(agent, &mut problems));

        let agents = Agents { sorted: agents.into_iter().map(RegisteredAgent::new).collect() };
        let mut planned = Vec::with_capacity(workflows.len());
        let directory = Directory::new(&agents, &workflows);
        let plans: Vec<_> =
            workflows.iter().map(|spec| Plan::new(spec.definition.clone(), &directory)).collect();
        for (spec, plan) in workflows.into_iter().zip(plans) {
            match plan {
                Ok(plan) => planned.push(RegisteredWorkflow::new(plan, spec.code)),
                Err(found) => problems.extend(found),
            }
        }
        Problems::check(problems)?;
        Ok(Registry { agents, workflows: planned, marked: OnceLock::new() })
    }
}

/// Both lists are sorted by name and place, so what has one name stands side by side.
fn duplicates(agents: &[AgentSpec], workflows: &[WorkflowSpec]) -> Vec<Problem> {
    let problem = |name: &str, one: &Location, other: &Location| Problem::DuplicateName {
        name: name.to_owned(),
        first: one.min(other).clone(),
        second: one.max(other).clone(),
    };
    let same_agents = agents.windows(2).filter(|pair| pair[0].name == pair[1].name);
    let mut problems: Vec<Problem> =
        same_agents.map(|pair| problem(&pair[0].name, &pair[0].at, &pair[1].at)).collect();
    let definitions: Vec<&Definition> = workflows.iter().map(|workflow| &workflow.definition).collect();
    let same_workflows = definitions.windows(2).filter(|pair| pair[0].name == pair[1].name);
    problems.extend(same_workflows.map(|pair| problem(&pair[0].name, &pair[0].at, &pair[1].at)));
    for definition in definitions {
        if let Ok(place) = agents.binary_search_by(|agent| (*agent.name).cmp(&definition.name)) {
            problems.push(problem(&definition.name, &agents[place].at, &definition.at));
        }
    }
    problems
}

/// The schemas of types are right by construction, and the macro has checked literals; what is left is what came as
/// text.
fn check_agent(agent: &AgentSpec, problems: &mut Vec<Problem>) {
    for (end, schema) in [("input", &agent.input.schema), ("output", &agent.output.schema)] {
        if let SchemaSource::Text(text) = schema
            && let Err(error) = Schema::parse(text)
        {
            problems.push(Problem::BadSchema {
                agent: agent.name.to_string(),
                end,
                at: agent.at.clone(),
                error,
            });
        }
    }
    problems.extend(agent.options.contradictions().into_iter().map(|contradiction| Problem::BadOptions {
        of: format!("`{}`", agent.name),
        at: agent.at.clone(),
        contradiction,
    }));
}

/// What plans must know of each other and of the agents, before there is a registry.
struct Directory<'a> {
    agents: &'a Agents,
    workflows: HashMap<&'a str, &'a WorkflowSpec>,
}

impl<'a> Directory<'a> {
    fn new(agents: &'a Agents, workflows: &'a [WorkflowSpec]) -> Self {
        Self {
            agents,
            workflows: workflows.iter().map(|spec| (spec.definition.name.as_str(), spec)).collect(),
        }
    }
}

impl Callees for Directory<'_> {
    fn options(&self, callee: &Callee) -> Option<&Options> {
        match self.agents.get(&callee.name) {
            Some(agent) => Some(&agent.spec.options),
            None => self.workflows.get(callee.name.as_str()).map(|workflow| &workflow.definition.options),
        }
    }

    fn input(&self, callee: &Callee) -> Option<&SchemaSource> {
        self.agents.input(callee)
    }

    fn output(&self, callee: &Callee) -> Option<&SchemaSource> {
        self.agents.output(callee)
    }

    fn parameters(&self, callee: &Callee) -> Vec<String> {
        self.agents.parameters(callee)
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let workflows = workflow_graph::nearest(name, self.workflows.keys().copied()).map(str::to_owned);
        self.agents.nearest(name).or(workflows)
    }
}
