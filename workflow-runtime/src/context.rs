//! What an agent's function may ask for besides its input.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::error::AgentError;
use crate::pool::{Pool, Pooled};

/// The attempt that is running: who it is, and what the runtime was given.
///
/// An agent receives it by a parameter `ctx: &TaskContext`, in any position.
#[derive(Debug, Clone)]
pub struct TaskContext {
    job_id: Arc<str>,
    task_id: Arc<str>,
    attempt: u32,
    resources: Arc<Resources>,
    manager: TaskManager,
}

impl TaskContext {
    /// A context for an attempt; the first attempt is number 1.
    pub fn new(
        job_id: &str,
        task_id: &str,
        attempt: u32,
        resources: Arc<Resources>,
        manager: TaskManager,
    ) -> Self {
        Self { job_id: job_id.into(), task_id: task_id.into(), attempt, resources, manager }
    }

    /// The job's id.
    pub fn job_id(&self) -> &str {
        &self.job_id
    }

    /// The task's id, unique within its job: the step's path.
    pub fn task_id(&self) -> &str {
        &self.task_id
    }

    /// The number of this attempt; the first is 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// A key for calls to other systems: the same in every attempt of this task, and in no other task.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.job_id, self.task_id)
    }

    /// What the runtime was given of type `T`.
    ///
    /// # Errors
    /// When it was given none.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<T>, AgentError> {
        self.resources.state().ok_or_else(|| missing::<T>("State", "state"))
    }

    /// An instance of `T` from its pool, once one is free; it goes back when dropped.
    ///
    /// # Errors
    /// When the runtime was given no pool of `T`, or when a new instance could not be made.
    pub async fn pooled<T: Send + 'static>(&self) -> Result<Pooled<T>, AgentError> {
        let pool = self.resources.pool().ok_or_else(|| missing::<T>("Pooled", "pool"))?;
        pool.get().await
    }

    /// The task manager.
    pub fn task_manager(&self) -> &TaskManager {
        &self.manager
    }
}

fn missing<T>(wanted: &str, method: &str) -> AgentError {
    let name = type_name::<T>();
    AgentError::permanent(format!(
        "the agent wants `{wanted}<{name}>`, which the runtime was not given; add it with `.{method}(…)`"
    ))
}

/// What the runtime was given of type `T`, shared by all agents: a client, a configuration, a pool.
///
/// An agent receives it by a parameter `db: State<Db>`, in any position, and uses it as a `&Db`; or, as
/// `State(db): State<Db>`, takes the `Arc<Db>` out.
pub struct State<T: ?Sized>(pub Arc<T>);

impl<T> State<T> {
    /// Wraps a value, to call an agent's function by hand.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: ?Sized> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("State").field(&&*self.0).finish()
    }
}

/// What a runtime was given for its agents: one value, and one pool, of each type.
#[derive(Default, Clone)]
pub struct Resources {
    states: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    pools: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Resources {
    /// Nothing given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a value, for agents that want `State<T>`. A second one of the same type replaces the first.
    #[must_use]
    pub fn with_state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(TypeId::of::<T>(), Arc::new(value));
        self
    }

    /// Gives a pool, for agents that want `Pooled<T>`. A second one of the same type replaces the first.
    #[must_use]
    pub fn with_pool<T: Send + 'static>(mut self, pool: Pool<T>) -> Self {
        self.pools.insert(TypeId::of::<T>(), Arc::new(pool));
        self
    }

    fn state<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        let value = Arc::clone(self.states.get(&TypeId::of::<T>())?);
        value.downcast().ok().map(State)
    }

    fn pool<T: Send + 'static>(&self) -> Option<&Pool<T>> {
        self.pools.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// Whether a need is met.
    pub fn meet(&self, need: &Need) -> bool {
        match need.kind {
            NeedKind::State => self.states.contains_key(&(need.id)()),
            NeedKind::Pool => self.pools.contains_key(&(need.id)()),
        }
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Resources({} states, {} pools)", self.states.len(), self.pools.len())
    }
}

/// Something an agent's signature asks the runtime for.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    kind: NeedKind,
    id: fn() -> TypeId,
    name: fn() -> &'static str,
}

#[derive(Debug, Clone, Copy)]
enum NeedKind {
    State,
    Pool,
}

impl Need {
    /// A parameter `State<T>`.
    pub const fn state<T: Send + Sync + 'static>() -> Self {
        Self { kind: NeedKind::State, id: TypeId::of::<T>, name: type_name::<T> }
    }

    /// A parameter `Pooled<T>`.
    pub const fn pooled<T: Send + 'static>() -> Self {
        Self { kind: NeedKind::Pool, id: TypeId::of::<T>, name: type_name::<T> }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrapper = match self.kind {
            NeedKind::State => "State",
            NeedKind::Pool => "Pooled",
        };
        write!(out, "{wrapper}<{}>", (self.name)())
    }
}

/// What an agent of the classic form receives as `task_manager: &TaskManager`: the agents it may plan with.
#[derive(Debug, Clone, Default)]
pub struct TaskManager {
    agents: Arc<[AgentDescription]>,
}

impl TaskManager {
    /// A manager that knows these agents.
    pub fn new(agents: impl IntoIterator<Item = AgentDescription>) -> Self {
        Self { agents: agents.into_iter().collect() }
    }

    /// The agents there are, sorted by name.
    pub fn agents(&self) -> &[AgentDescription] {
        &self.agents
    }
}

/// An agent as another agent sees it: enough to choose it and to write its input.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AgentDescription {
    /// Its name.
    pub name: String,
    /// What it does, in its author's words.
    pub description: String,
    /// The JSON Schema of its input.
    pub input_schema: serde_json::Value,
    /// The JSON Schema of its output.
    pub output_schema: serde_json::Value,
}
