//! Jobs put together in code: tasks, and what runs after what.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::agent::{Call, Callable};
use crate::callee_kind::CalleeKind;
use crate::data::{Data, DataError, Erased};
use crate::options::Options;
use crate::record::{After, Input, Part, Spawn, Target, TaskId, Tasks};
use crate::runnable::{Requested, Runnable};
use crate::value::Value;

/// A job put together in code: for work whose shape is known only when the program runs.
///
/// ```standalone_crate
/// use workflow_runtime::prelude::*;
/// use workflow_runtime::{Dag, Registry};
///
/// #[task_agent]
/// async fn count(text: String) -> u64 {
///     text.len() as u64
/// }
///
/// #[task_agent]
/// async fn add(a: u64, b: u64) -> u64 {
///     a + b
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut dag = Dag::new("count two");
/// let one = dag.task::<count>("four".to_owned());
/// let two = dag.task::<count>("thirteen".to_owned());
/// let sum = dag.task::<add>((one, two));
///
/// let runtime = Runtime::in_memory().await?;
/// assert_eq!(runtime.run(dag.giving(sum)).await?, 12);
/// # Ok(())
/// # }
/// ```
///
/// A task runs after those whose outputs it takes; [`after`](Self::after) adds others. Nothing can wait for what comes
/// later, so there are no cycles.
#[derive(Debug)]
#[must_use = "a Dag does nothing until it is run"]
pub struct Dag<T = ()> {
    tasks: Tasks,
    gives: PhantomData<fn() -> T>,
}

/// A task of a [`Dag`], or a subtask: what it will give is a `T`.
pub struct TaskRef<T> {
    pub(crate) id: TaskId,
    pub(crate) gives: PhantomData<fn() -> T>,
}

impl<T> TaskRef<T> {
    pub(crate) fn new(id: TaskId) -> Self {
        Self { id, gives: PhantomData }
    }

    /// The task's number in its job.
    pub fn id(&self) -> TaskId {
        self.id
    }
}

impl<T> Clone for TaskRef<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for TaskRef<T> {}

impl<T> fmt::Debug for TaskRef<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TaskRef({})", self.id)
    }
}

/// What can stand for a parameter of type `T`: a value, or the output of another task.
pub trait Argument<T> {
    /// It, as a record holds it.
    #[doc(hidden)]
    fn part(self) -> Part;
}

impl<T: Data> Argument<T> for T {
    fn part(self) -> Part {
        Part::Given(Value::of(self))
    }
}

impl<T> Argument<T> for TaskRef<T> {
    fn part(self) -> Part {
        Part::OutputOf(self.id)
    }
}

/// What can stand for the parameters of a task: one argument, or a tuple of as many as there are parameters.
pub trait Arguments<P> {
    /// They, as a record holds them.
    #[doc(hidden)]
    fn parts(self) -> Box<[Part]>;
}

impl<T, A: Argument<T>> Arguments<(T,)> for A {
    fn parts(self) -> Box<[Part]> {
        Box::new([self.part()])
    }
}

impl Arguments<()> for () {
    fn parts(self) -> Box<[Part]> {
        Box::new([])
    }
}

macro_rules! arguments {
    ($($type:ident $argument:ident $index:tt),+) => {
        impl<$($type, $argument: Argument<$type>),+> Arguments<($($type,)+)> for ($($argument,)+) {
            fn parts(self) -> Box<[Part]> {
                Box::new([$(self.$index.part()),+])
            }
        }
    };
}

arguments!(A Aa 0, B Bb 1);
arguments!(A Aa 0, B Bb 1, C Cc 2);
arguments!(A Aa 0, B Bb 1, C Cc 2, D Dd 3);
arguments!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4);
arguments!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4, F Ff 5);
arguments!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4, F Ff 5, G Gg 6);
arguments!(A Aa 0, B Bb 1, C Cc 2, D Dd 3, E Ee 4, F Ff 5, G Gg 6, H Hh 7);

impl Dag {
    /// An empty job of this name.
    pub fn new(name: impl Into<String>) -> Self {
        let tasks = Tasks { name: name.into(), tasks: Vec::new(), result: None, keep_going: false };
        Self { tasks, gives: PhantomData }
    }

    /// Makes room for so many tasks more.
    pub fn reserve(&mut self, tasks: usize) {
        self.tasks.tasks.reserve(tasks);
    }

    /// Adds a task that calls an agent; an argument is a value, or the output of a task.
    pub fn task<A: Callable>(&mut self, arguments: impl Arguments<A::Input>) -> TaskRef<A::Output> {
        let input = Input::Parts(arguments.parts());
        self.add(Target { name: A::NAME.into(), kind: A::KIND }, input)
    }

    /// Adds a task from a call that is ready: of an agent, or of a workflow, which runs as a child job.
    pub fn call<A: Callable>(&mut self, call: Call<A>) -> TaskRef<A::Output> {
        let input = Input::Whole(Value::Typed(Erased::new(call.0), A::input().codec));
        self.add(Target { name: A::NAME.into(), kind: A::KIND }, input)
    }

    /// Adds a task that calls an agent by its name, with JSON.
    pub fn json(&mut self, agent: impl Into<String>, input: serde_json::Value) -> TaskRef<serde_json::Value> {
        let target = Target { name: agent.into().into(), kind: CalleeKind::Agent };
        self.add(target, Input::Whole(Value::from(input)))
    }

    fn add<T>(&mut self, callee: Target, input: Input) -> TaskRef<T> {
        let id = TaskId::try_from(self.tasks.tasks.len()).unwrap_or(TaskId::MAX);
        let spawn = Spawn { key: None, callee, input, after: Vec::new(), options: None, optional: false };
        self.tasks.tasks.push(spawn);
        TaskRef::new(id)
    }

    fn spawn<T>(&mut self, task: TaskRef<T>) -> Option<&mut Spawn> {
        self.tasks.tasks.get_mut(task.id as usize)
    }

    /// Names a task.
    pub fn name<T>(&mut self, task: TaskRef<T>, name: impl Into<Arc<str>>) {
        if let Some(spawn) = self.spawn(task) {
            spawn.key = Some(name.into());
        }
    }

    /// Makes a task run after an earlier one, of which it takes nothing. If that does not succeed, it is skipped.
    pub fn after<T, U>(&mut self, task: TaskRef<T>, earlier: TaskRef<U>) {
        self.tie(task, earlier, false);
    }

    /// Makes a task run after an earlier one, whether that succeeds or not.
    pub fn after_any<T, U>(&mut self, task: TaskRef<T>, earlier: TaskRef<U>) {
        self.tie(task, earlier, true);
    }

    fn tie<T, U>(&mut self, task: TaskRef<T>, earlier: TaskRef<U>, soft: bool) {
        if let Some(spawn) = self.spawn(task) {
            spawn.after.push(After { task: earlier.id, soft });
        }
    }

    /// Sets a task's options, over those of its agent.
    pub fn options<T>(&mut self, task: TaskRef<T>, options: Options) {
        if let Some(spawn) = self.spawn(task) {
            spawn.options = Some(Box::new(options));
        }
    }

    /// Lets the job go on when a task fails for good; what takes its output, or runs [`after`](Self::after) it, is
    /// skipped.
    pub fn optional<T>(&mut self, task: TaskRef<T>) {
        if let Some(spawn) = self.spawn(task) {
            spawn.optional = true;
        }
    }

    /// Lets the others go on when a task fails for good; the job fails in the end.
    pub fn keep_going(&mut self) {
        self.tasks.keep_going = true;
    }

    /// The job, whose result is what this task gives.
    pub fn giving<T>(mut self, task: TaskRef<T>) -> Dag<T> {
        self.tasks.result = Some(task.id);
        Dag { tasks: self.tasks, gives: PhantomData }
    }
}

/// What is wrong with tasks that were put together in code: names that are taken, tasks of another `Dag`.
pub(crate) fn check(tasks: &Tasks) -> Result<(), String> {
    let mut names = std::collections::HashSet::new();
    let foreign = |id: TaskId, what: &str| {
        format!("{what} is task {id}, which does not come before it; is it a task of another `Dag`?")
    };
    for (id, spawn) in (0..).zip(&tasks.tasks) {
        if let Some(key) = &spawn.key
            && !names.insert(key)
        {
            return Err(format!("two tasks are named `{key}`; give one of them another name"));
        }
        let what = || format!("what task {id}, which calls `{}`, waits for", spawn.callee.name);
        if let Some((wrong, _)) = spawn.reads().find(|(other, _)| *other >= id) {
            return Err(foreign(wrong, &what()));
        }
    }
    match tasks.result {
        Some(id) if id as usize >= tasks.tasks.len() => Err(foreign(id, "what the job gives")),
        _ => Ok(()),
    }
}

impl<T: Data> Runnable for Dag<T> {
    type Output = T;

    fn into_work(self) -> Requested {
        Requested::Tasks(Arc::new(self.tasks))
    }

    fn read(value: &Value) -> Result<T, DataError> {
        if let Value::Typed(value, _) = value
            && let Some(value) = value.get::<T>()
        {
            return Ok(value.clone());
        }
        let codec = crate::data::Codec::of::<T>();
        codec.decode(value.json()?)?.take::<T>().ok_or_else(|| DataError::other_type(codec.type_name()))
    }
}
