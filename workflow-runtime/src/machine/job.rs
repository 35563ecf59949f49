//! The machine, and what others may ask of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::command::Command;
use super::illegal::Illegal;
use super::state::{BlockRun, FormRun, Frame, Kind, Made, NONE, Returned, Task, Waits};
use crate::data::Erased;
use crate::definition::Slot;
use crate::failure::Failure;
use crate::program::{Call, Program};
use crate::record::{JobOptions, Spawn, TaskId, Tasks};
use crate::scope::Scope;
use crate::small_map::SmallMap;
use crate::state::{JobState, TaskState};
use crate::timestamp::Timestamp;
use crate::value::Value;

/// What a job runs, ready to run.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// A workflow, with the values of its input.
    Workflow(Arc<Program>, Erased),
    /// Tasks that were put together in code.
    Tasks(Arc<Tasks>),
    /// One task.
    Single(Arc<Spawn>),
}

/// The program, by way of a counter of the job's own: were it the program's, every core would wait for every other's to
/// change it.
pub(super) type ProgramRef = Arc<Arc<Program>>;

/// A job.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) program: Option<ProgramRef>,
    pub(super) tasks_given: Option<Arc<Tasks>>,
    pub(super) state: JobState,
    /// What it was before it was paused.
    pub(super) paused: Option<JobState>,
    pub(super) phase: u32,
    pub(super) tasks: Vec<Task>,
    pub(super) blocks: Vec<BlockRun>,
    pub(super) frames: Vec<Frame>,
    pub(super) forms: Vec<FormRun>,
    pub(super) made: Vec<Made>,
    /// The tasks that were made by code, beyond those the job began with.
    pub(super) spawned: Vec<Arc<Spawn>>,
    pub(super) waits: Vec<Waits>,
    /// How many of the job's own tasks, made by code, are not over.
    pub(super) left: u32,
    /// Steps that were done and can be taken back, in the order in which they were done.
    pub(super) undo: Vec<TaskId>,
    /// Why the job will not succeed.
    pub(super) failure: Option<Arc<Failure>>,
    /// What could not be taken back.
    pub(super) not_undone: Vec<Arc<Failure>>,
    /// What few jobs need.
    pub(super) rare: Option<Box<Rare>>,
    pub(super) saved: SmallMap<TaskId, Value>,
    pub(super) returned: SmallMap<TaskId, Returned>,
    /// When a retry is due or a timer rings; of what has a limit of time, since when it counts.
    pub(super) due: SmallMap<TaskId, Timestamp>,
    pub(super) since: SmallMap<TaskId, Timestamp>,
    /// When the record came to be that is folded just now.
    pub(super) now: Timestamp,
    /// When the job began.
    pub(super) begun: Option<Timestamp>,
    /// Tasks that failed though the others go on.
    pub(super) failures: Vec<Arc<Failure>>,
    pub(super) children: SmallMap<TaskId, crate::job_id::JobId>,
    pub(super) output: Option<Value>,
    pub(super) commands: VecDeque<Command>,
    /// Tasks made by code that are over and whose followers do not know it yet.
    pub(super) over: Vec<TaskId>,
    /// Tasks made by code that are over, for whoever joins them.
    pub(super) news: Vec<TaskId>,
}

/// What few jobs need.
#[derive(Debug, Default)]
pub(super) struct Rare {
    pub(super) keys: HashMap<(TaskId, Arc<str>), TaskId>,
    /// Events that arrived before they were awaited, and tasks that await them.
    /// Tasks that failed and that nobody has asked for yet, by the task that made them.
    pub(super) unnoticed: HashMap<TaskId, Vec<TaskId>>,
    pub(super) arrived: HashMap<Arc<str>, VecDeque<Value>>,
    /// Inputs that somebody has put in the place of those that the workflow says.
    pub(super) given: HashMap<TaskId, Value>,
    pub(super) awaiting: HashMap<Arc<str>, VecDeque<TaskId>>,
}

impl Machine {
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(Box::default)
    }

    pub(crate) fn new(shape: Shape, options: &JobOptions) -> Self {
        let state = if options.not_before.is_some() { JobState::Scheduled } else { JobState::Pending };
        let mut machine = Self {
            program: None,
            tasks_given: None,
            state,
            paused: None,
            phase: 0,
            tasks: Vec::new(),
            blocks: Vec::new(),
            frames: Vec::new(),
            forms: Vec::new(),
            made: Vec::new(),
            spawned: Vec::new(),
            waits: Vec::new(),
            left: 0,
            undo: Vec::new(),
            failure: None,
            not_undone: Vec::new(),
            rare: None,
            saved: SmallMap::default(),
            returned: SmallMap::default(),
            due: SmallMap::default(),
            since: SmallMap::default(),
            now: Timestamp::EPOCH,
            begun: None,
            failures: Vec::new(),
            children: SmallMap::default(),
            output: None,
            commands: VecDeque::new(),
            over: Vec::new(),
            news: Vec::new(),
        };
        match shape {
            Shape::Workflow(program, input) => machine.lay_out(program, &input),
            Shape::Tasks(tasks) => machine.tasks_given = Some(tasks),
            Shape::Single(spawn) => machine.spawned.push(spawn),
        }
        machine
    }

    fn lay_out(&mut self, program: Arc<Program>, input: &Erased) {
        let definition = program.plan.definition();
        let mut values = vec![None; definition.slots.len()];
        let inputs = definition.slots.iter().enumerate();
        let inputs = inputs.filter(|(_, slot)| slot.source == crate::definition::Source::Input);
        for ((slot, _), value) in inputs.zip((program.code.split)(input)) {
            values[slot] = Some(value);
        }
        self.frames.push(Frame { first: 0, outer: NONE, values, kept: true });
        self.program = Some(Arc::new(program));
    }

    /// The job is over: what is left is what others may look at. The values are in the journal, where they stay.
    pub(crate) fn settle(&mut self) {
        self.frames = Vec::new();
        self.forms = Vec::new();
        self.waits = Vec::new();
        self.commands = VecDeque::new();
    }

    /// What is to be done next.
    pub(crate) fn command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    pub(crate) fn state(&self) -> JobState {
        self.state
    }

    pub(crate) fn failure(&self) -> Option<&Arc<Failure>> {
        self.failure.as_ref()
    }

    /// What could not be taken back.
    pub(crate) fn not_undone(&self) -> &[Arc<Failure>] {
        &self.not_undone
    }

    /// What the job gave.
    pub(crate) fn output(&self) -> Option<&Value> {
        self.output.as_ref()
    }

    pub(crate) fn program(&self) -> Option<&Arc<Program>> {
        self.program.as_deref()
    }

    pub(crate) fn phase(&self) -> u32 {
        self.phase
    }

    pub(crate) fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    pub(crate) fn task(&self, task: TaskId) -> Option<&Task> {
        self.tasks.get(task as usize)
    }

    pub(crate) fn saved(&self, task: TaskId) -> Option<&Value> {
        self.saved.get(&task)
    }

    /// The input that somebody has put in the place of a task's own.
    pub(crate) fn given(&self, task: TaskId) -> Option<&Value> {
        self.rare.as_ref()?.given.get(&task)
    }

    pub(crate) fn child(&self, task: TaskId) -> Option<crate::job_id::JobId> {
        self.children.get(&task).copied()
    }

    /// The task that waits for a child job: the one of this number, unless tasks were numbered otherwise when the child
    /// was made.
    pub(crate) fn waits_for_child(&self, task: TaskId, child: crate::job_id::JobId) -> Option<TaskId> {
        if self.child(task) == Some(child) {
            return Some(task);
        }
        self.children.keys().copied().find(|other| self.child(*other) == Some(child))
    }

    /// A subtask that failed, was not optional, and that nobody has asked for.
    pub(crate) fn overlooked(&self, task: TaskId) -> Option<TaskId> {
        self.rare.as_ref()?.unnoticed.get(&task)?.first().copied()
    }

    /// When the job began.
    pub(crate) fn begun(&self) -> Option<Timestamp> {
        self.begun
    }

    /// Since when a task that has a limit of time counts it.
    pub(crate) fn since(&self, task: TaskId) -> Option<Timestamp> {
        self.since.get(&task).copied()
    }

    /// The tasks that one made and that are not over.
    pub(crate) fn open(&self, task: TaskId) -> u32 {
        match self.task(task) {
            Some(task) if matches!(task.kind, Kind::Form) => 0,
            Some(task) => task.open,
            None => 0,
        }
    }

    /// The task that made this one, if code has.
    pub(crate) fn maker(&self, task: TaskId) -> Option<TaskId> {
        let made = self.task(task).filter(|task| task.kind == Kind::Made)?;
        (made.place != NONE).then_some(made.place)
    }

    /// The task of this key that another made.
    pub(crate) fn made_by(&self, parent: Option<TaskId>, key: &str) -> Option<TaskId> {
        self.rare.as_ref()?.keys.get(&(parent.unwrap_or(NONE), Arc::from(key))).copied()
    }

    /// Notes that somebody learns the outcome of a task, so that its parent need not.
    pub(crate) fn join(&mut self, task: TaskId) {
        if let Some(known) = self.tasks.get_mut(task as usize) {
            known.joined = true;
            let maker = known.place;
            if let Some(unnoticed) = self.rare.as_mut().and_then(|rare| rare.unnoticed.get_mut(&maker)) {
                unnoticed.retain(|failed| *failed != task);
            }
        }
    }

    /// The tasks made by code that ended since this was last asked.
    pub(crate) fn news(&mut self) -> Vec<TaskId> {
        std::mem::take(&mut self.news)
    }

    /// What a task that was made by code gave.
    pub(crate) fn output_of(&self, task: TaskId) -> Option<&Value> {
        let task = self.task(task).filter(|task| task.kind == Kind::Made)?;
        self.made.get(task.source as usize)?.output.as_ref()
    }

    /// The code that made a task.
    pub(crate) fn spawn(&self, task: TaskId) -> Option<&Spawn> {
        let task = self.task(task).filter(|task| task.kind == Kind::Made)?;
        let given = self.tasks_given.as_ref().map_or(&[][..], |given| &given.tasks);
        let place = task.source as usize;
        given.get(place).or_else(|| self.spawned.get(place - given.len()).map(|spawn| &**spawn))
    }

    /// What a task of a workflow calls.
    pub(crate) fn call(&self, task: TaskId) -> Option<&Call> {
        self.call_in(self.program()?, task)
    }

    /// The same, of a program that is the machine's own.
    pub(crate) fn call_in<'a>(&self, program: &'a Program, task: TaskId) -> Option<&'a Call> {
        let task = self.task(task)?;
        match task.kind {
            Kind::Step => program.node(task.source).calls.get(task.choice as usize),
            Kind::Undo => program.node(self.task(task.source)?.source).undo.as_ref(),
            _ => None,
        }
    }

    /// What sees the outcomes of a step, besides what its agent has.
    pub(crate) fn hooks(&self, task: TaskId) -> Option<crate::hook::Hooks> {
        let task = self.task(task).filter(|task| task.kind == Kind::Step)?;
        match &self.program.as_ref()?.code.nodes[task.source as usize] {
            crate::code::NodeCode::Step { hooks, .. } => Some(*hooks),
            _ => None,
        }
    }

    /// Of a job whose tasks go on when one fails: the first that did.
    pub(crate) fn first_failure(&self) -> Option<Arc<Failure>> {
        self.failures.first().cloned()
    }

    /// Whether there is a callee left for when all attempts of this one have failed.
    pub(crate) fn can_fall(&self, task: TaskId) -> bool {
        let (Some(task), Some(program)) = (self.task(task), self.program.as_ref()) else { return false };
        task.kind == Kind::Step && program.node(task.source).calls.len() > task.choice as usize + 1
    }

    /// Lets `read` see the values around a task.
    pub(crate) fn look<R>(&self, task: TaskId, read: impl FnOnce(&Scope<'_>) -> R) -> Option<R> {
        let task = self.task(task)?;
        let task = if task.kind == Kind::Undo { self.task(task.source)? } else { task };
        let frame = self.blocks.get(task.place as usize)?.frame;
        self.look_from(frame, read)
    }

    pub(super) fn look_from<R>(&self, frame: u32, read: impl FnOnce(&Scope<'_>) -> R) -> Option<R> {
        let mut read = Some(read);
        let mut given = None;
        self.within(frame, &mut |scope| given = read.take().map(|read| read(scope)));
        given
    }

    fn within(&self, frame: u32, read: &mut dyn FnMut(&Scope<'_>)) {
        let Some(Frame { first, outer, values, .. }) = self.frames.get(frame as usize) else { return };
        match *outer {
            NONE => read(&Scope::new(values)),
            outer => self.within(outer, &mut |outer| read(&Scope::within(outer, *first, values))),
        }
    }

    pub(super) fn set(&mut self, mut frame: u32, slot: Slot, value: Option<Erased>) {
        while let Some(Frame { first, outer, values, .. }) = self.frames.get_mut(frame as usize) {
            match slot.checked_sub(*first).and_then(|place| values.get_mut(place as usize)) {
                Some(place) => return *place = value,
                None => frame = *outer,
            }
        }
    }

    /// Moves a task to another state, if the table lets it.
    pub(super) fn go(&mut self, id: TaskId, to: TaskState) -> Result<&mut Task, Illegal> {
        let task = self.tasks.get_mut(id as usize).ok_or(Illegal::NoTask(id))?;
        let from = task.state;
        if !from.may_become(to) {
            return Err(Illegal::Task { task: id, from, to, why: "" });
        }
        task.state = to;
        Ok(task)
    }

    pub(super) fn job_goes(&mut self, to: JobState) -> Result<(), Illegal> {
        if !self.state.may_become(to) {
            return Err(Illegal::Job { from: self.state, to, why: "" });
        }
        self.state = to;
        Ok(())
    }
}
