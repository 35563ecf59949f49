//! Subtasks: tasks that a running agent makes.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::agent::{Call, Callable};
use crate::callee_kind::CalleeKind;
use crate::context::{Host, TaskContext};
use crate::dag::TaskRef;
use crate::data::{DataError, Erased};
use crate::error::AgentError;
use crate::options::Options;
use crate::record::{After, Input, Spawn, Target};
use crate::runnable::read_typed;
use crate::value::Value;

impl TaskContext {
    /// Makes a subtask: a call of an agent, or of a workflow, which runs as a child job.
    ///
    /// ```
    /// # use workflow_runtime::prelude::*;
    /// # #[task_agent] async fn fetch(url: String) -> String { url }
    /// #[task_agent]
    /// async fn gather(urls: Vec<String>, ctx: &TaskContext) -> Result<Vec<String>, AgentError> {
    ///     let mut subtasks = Vec::new();
    ///     for url in urls {
    ///         subtasks.push(ctx.spawn(fetch::with(url)).await?);
    ///     }
    ///     let mut pages = Vec::new();
    ///     for subtask in subtasks {
    ///         pages.push(subtask.join().await?);
    ///     }
    ///     Ok(pages)
    /// }
    /// ```
    ///
    /// A subtask has a key: a later attempt of this task that makes a subtask of the same key finds the one that is
    /// there. Without a [`key`](Spawning::key), it is the number of the subtask in this attempt.
    ///
    /// A task is over when its subtasks are. It fails if one of them fails for good that nobody has
    /// [joined](Subtask::join).
    pub fn spawn<A: Callable>(&self, call: Call<A>) -> Spawning<A::Output>
    where
        A::Output: Clone,
    {
        let input = Input::Whole(Value::Typed(Erased::new(call.0), A::input().codec));
        self.spawning(Target { name: A::NAME.into(), kind: A::KIND }, input, read_typed::<A>)
    }

    /// Makes a subtask that calls an agent by its name, with JSON: for agents that are chosen while the program runs.
    pub fn spawn_json(&self, agent: impl Into<String>, input: Json) -> Spawning<Json> {
        let target = Target { name: agent.into().into(), kind: CalleeKind::Agent };
        self.spawning(target, Input::Whole(Value::from(input)), Value::json)
    }

    fn spawning<T>(&self, callee: Target, input: Input, read: Read<T>) -> Spawning<T> {
        let spawn = Spawn { key: None, callee, input, after: Vec::new(), options: None, optional: false };
        Spawning { host: Arc::clone(self.host()), spawn, of_job: false, read }
    }
}

type Read<T> = fn(&Value) -> Result<T, DataError>;

/// A subtask that is about to be made: `.await` makes it.
#[must_use = "a subtask is made when this is awaited"]
pub struct Spawning<T> {
    host: Arc<dyn Host>,
    spawn: Spawn,
    of_job: bool,
    read: Read<T>,
}

impl<T> Spawning<T> {
    /// Sets the key by which a later attempt finds the subtask again.
    pub fn key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.spawn.key = Some(key.into());
        self
    }

    /// Makes it run after another; if that does not succeed, it is skipped.
    pub fn after<U>(mut self, other: TaskRef<U>) -> Self {
        self.spawn.after.push(After { task: other.id(), soft: false });
        self
    }

    /// Makes it run after another, whether that succeeds or not.
    pub fn after_any<U>(mut self, other: TaskRef<U>) -> Self {
        self.spawn.after.push(After { task: other.id(), soft: true });
        self
    }

    /// Sets its options, over those of its agent.
    pub fn options(mut self, options: Options) -> Self {
        self.spawn.options = Some(Box::new(options));
        self
    }

    /// Lets its parent succeed though it fails.
    pub fn optional(mut self) -> Self {
        self.spawn.optional = true;
        self
    }

    /// Makes it a task of the job, not of this task: for jobs put together in code, whose tasks add others.
    pub fn of_job(mut self) -> Self {
        self.of_job = true;
        self
    }
}

impl<T: 'static> IntoFuture for Spawning<T> {
    type Output = Result<Subtask<T>, AgentError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { host, mut spawn, of_job, read } = self;
        Box::pin(async move {
            if spawn.key.is_none() && !of_job {
                spawn.key = Some(format!("{}-{}", spawn.callee.name, host.next_spawn() + 1).into());
            }
            let id = host.spawn(spawn, of_job).await?;
            Ok(Subtask { task: TaskRef::new(id), host, read })
        })
    }
}

/// A subtask.
pub struct Subtask<T> {
    task: TaskRef<T>,
    host: Arc<dyn Host>,
    read: Read<T>,
}

impl<T: 'static> Subtask<T> {
    /// The subtask, as others can be made to run after it.
    pub fn task(&self) -> TaskRef<T> {
        self.task
    }

    /// Waits until it is over. Meanwhile the waiting task holds no place in its queue.
    ///
    /// # Errors
    /// When it failed for good, was skipped or cancelled.
    pub async fn join(self) -> Result<T, AgentError> {
        let value = self.host.join(self.task.id()).await.map_err(AgentError::permanent)?;
        (self.read)(&value).map_err(AgentError::permanent)
    }
}
