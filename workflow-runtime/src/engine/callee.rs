//! What a task calls, on what terms, and with what input.

use std::num::NonZeroU32;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::core::{AgentRun, Engine};
use super::gate::{Ask, GateKey};
use super::job::{Job, JobWork, Live};
use super::queue::Waiting;
use crate::callee_kind::CalleeKind;
use crate::data::Erased;
use crate::failure::{Failure, FailureKind};
use crate::machine::{Machine, Shape};
use crate::options::Options;
use crate::program::{Call, Place};
use crate::record::{Input, Part, Spawn, TaskId};
use crate::timestamp::Timestamp;
use crate::value::Value;

/// What a task calls, and on what terms.
pub(super) struct Callee<'a> {
    pub(super) agent: u32,
    pub(super) options: Terms<'a>,
    /// The queue; none for the default one, whose counter all cores write often enough.
    pub(super) queue: Option<Arc<Waiting>>,
}

/// The options of a task: those that somebody wrote, or several of such put together.
pub(super) enum Terms<'a> {
    Written(&'a Options),
    Joined(Box<Options>),
}

impl Deref for Terms<'_> {
    type Target = Options;

    fn deref(&self) -> &Options {
        match self {
            Self::Written(options) => options,
            Self::Joined(options) => options,
        }
    }
}

impl Callee<'_> {
    pub(super) fn queue<'a>(&'a self, engine: &'a Engine) -> &'a Arc<Waiting> {
        self.queue.as_ref().unwrap_or_else(|| engine.default_queue())
    }
}

impl Engine {
    /// What a job runs, ready to run.
    pub(crate) fn shape(&self, job: &Job) -> Result<Shape, Failure> {
        match &job.work {
            JobWork::Call(Place::Workflow(workflow), input) => {
                let program = self.program(*workflow);
                let input = input.typed(program.code.input.codec);
                let input = input.map_err(|error| Failure::new(FailureKind::BadInput, error.to_string()))?;
                Ok(Shape::Workflow(Arc::clone(program), input))
            }
            JobWork::Call(place @ Place::Agent(_), input) => {
                let spawn = Spawn::of_job(self.target_of(*place), input.clone(), job.options());
                Ok(Shape::Single(Arc::new(spawn)))
            }
            JobWork::Tasks(tasks) => Ok(Shape::Tasks(Arc::clone(tasks))),
        }
    }

    /// What a task of a workflow calls.
    fn call_of(&self, job: &Job, machine: &Machine, task: TaskId) -> Option<&Call> {
        match job.work {
            JobWork::Call(Place::Workflow(workflow), _) => machine.call_in(self.program(workflow), task),
            _ => None,
        }
    }

    pub(super) fn place_of(&self, job: &Job, machine: &Machine, task: TaskId) -> Option<Place> {
        if let Some(call) = self.call_of(job, machine, task) {
            return Some(call.place);
        }
        if let (JobWork::Call(place @ Place::Agent(_), _), 0) = (&job.work, task) {
            return Some(*place);
        }
        let callee = &machine.spawn(task)?.callee;
        Place::find(&self.registry, &callee.name, callee.kind)
    }

    pub(super) fn agent_of(&self, job: &Job, machine: &Machine, task: TaskId) -> Option<u32> {
        match self.place_of(job, machine, task)? {
            Place::Agent(agent) => Some(agent),
            Place::Workflow(_) => None,
        }
    }

    /// The options of a task.
    pub(super) fn options_for(&self, job: &Job, machine: &Machine, task: TaskId) -> Option<Terms<'_>> {
        self.place_and_options(job, machine, task).map(|(_, options)| options)
    }

    fn place_and_options(&self, job: &Job, machine: &Machine, task: TaskId) -> Option<(Place, Terms<'_>)> {
        if let Some(call) = self.call_of(job, machine, task) {
            return Some((call.place, Terms::Written(&call.options)));
        }
        let place = self.place_of(job, machine, task)?;
        let own = machine.spawn(task)?.options.as_deref();
        let options = match (place, own) {
            (Place::Agent(agent), None) => Terms::Written(self.agent(agent).options()),
            (Place::Agent(agent), Some(own)) => {
                Terms::Joined(Box::new(own.over(self.agent(agent).options())))
            }
            (Place::Workflow(_), own) => Terms::Joined(Box::new(own.cloned().unwrap_or_default())),
        };
        Some((place, options))
    }

    pub(super) fn callee(&self, job: &Job, machine: &Machine, task: TaskId) -> Result<Callee<'_>, Failure> {
        let Some((Place::Agent(agent), options)) = self.place_and_options(job, machine, task) else {
            let name = machine.spawn(task).map_or("what it calls", |spawn| &spawn.callee.name);
            let message = format!("there is no agent `{name}` in this program");
            return Err(Failure::new(FailureKind::Unrunnable, message));
        };
        let queue = self.queue_for(job, &options);
        Ok(Callee { agent, options, queue })
    }

    /// The queue of a task with these options; none for the default one.
    fn queue_for(&self, job: &Job, options: &Options) -> Option<Arc<Waiting>> {
        let own = options.queue.as_deref().or(job.options().queue.as_deref());
        let outer = || match &job.work {
            JobWork::Call(Place::Workflow(_), _) => self.options_of(job)?.queue.as_deref(),
            _ => None,
        };
        own.or_else(outer).map(|name| self.queue(name)).filter(|queue| queue.place != 0)
    }

    pub(super) fn asks(&self, job: &Job, callee: &Callee<'_>) -> Vec<Ask> {
        let queue = callee.queue(self);
        let limits = &self.agents[callee.agent as usize].limits;
        let limit = limits.concurrency.or(callee.options.concurrency).map(NonZeroU32::get);
        let rate = limits.rate.or(callee.options.rate);
        let mut asks = Vec::new();
        let AgentRun { counted, shut, .. } = self.agents[callee.agent as usize];
        if counted || shut || limit.is_some() || rate.is_some() || limits.breaker.is_some() {
            let key = GateKey::Agent(callee.agent);
            asks.push(Ask { limit, rate, breaker: limits.breaker, shut, ..Ask::of(key) });
        }
        if queue.is_gated() {
            if let (Some(per_key), Some(key)) = (queue.settings.per_key, &job.options().key) {
                let key = GateKey::Key(queue.place, Arc::clone(key));
                asks.push(Ask { limit: Some(per_key), ..Ask::of(key) });
            }
            if queue.settings.rate.is_some() {
                let key = GateKey::Queue(queue.place);
                asks.push(Ask { rate: queue.settings.rate, ..Ask::of(key) });
            }
        }
        asks
    }

    /// What a job asks of gates before it begins: its workflow's limits. A workflow that calls itself does not wait for
    /// itself.
    pub(super) fn asks_of_job(&self, job: &Job) -> Vec<Ask> {
        let JobWork::Call(Place::Workflow(workflow), _) = job.work else { return Vec::new() };
        let Some(options) = self.options_of(job) else { return Vec::new() };
        let shut = self.config.off.has(&self.names.1[workflow as usize]);
        let is_bounded = options.concurrency.is_some() || options.rate.is_some();
        if !shut && (!is_bounded || self.is_within(job, workflow)) {
            return Vec::new();
        }
        let limit = options.concurrency.map(NonZeroU32::get);
        vec![Ask { limit, rate: options.rate, shut, ..Ask::of(GateKey::Workflow(workflow)) }]
    }

    /// Whether a job was called, by whatever way, by a job of this workflow.
    fn is_within(&self, job: &Job, workflow: u32) -> bool {
        let mut parent = job.options().parent;
        while let Some(outer) = parent.and_then(|parent| self.index.get(parent.job)) {
            if matches!(outer.work, JobWork::Call(Place::Workflow(known), _) if known == workflow) {
                return true;
            }
            parent = outer.options().parent;
        }
        false
    }

    /// How long the job's workflow lets it take.
    pub(super) fn timeout_of_job(&self, job: &Job) -> Option<Duration> {
        let JobWork::Call(Place::Workflow(_), _) = job.work else { return None };
        self.options_of(job)?.timeout
    }

    /// The moment at which an attempt is given up for another's sake: its task's, its job's.
    pub(super) fn deadline_of(
        &self,
        job: &Job,
        machine: &Machine,
        task: TaskId,
        limit: Option<Duration>,
    ) -> Option<Timestamp> {
        let all_in_all = limit.zip(machine.since(task)).map(|(limit, since)| since + limit);
        let workflow = self.timeout_of_job(job).zip(machine.begun()).map(|(timeout, begun)| begun + timeout);
        [job.options().deadline, all_in_all, workflow].into_iter().flatten().min()
    }

    pub(super) fn check_result(&self, job: &Job, output: &Value) -> Result<(), Failure> {
        let (JobWork::Call(Place::Workflow(workflow), _), Value::Typed(output, _)) = (&job.work, output)
        else {
            return Ok(());
        };
        let checked = self.registry.workflows()[*workflow as usize].check_output(output);
        checked.map_err(|error| Failure::new(FailureKind::BadOutput, error.to_string()))
    }

    pub(super) fn input_of(
        &self,
        job: &Job,
        machine: &Machine,
        task: TaskId,
        agent: u32,
    ) -> Result<Erased, Failure> {
        let bad = |error: &dyn std::fmt::Display| {
            let name = self.agent(agent).name();
            Failure::new(FailureKind::BadInput, format!("the input of `{name}` is not right: {error}"))
        };
        match machine.given(task) {
            Some(Value::Typed(input, _)) => return Ok(input.clone()),
            Some(Value::Json(json)) => {
                let given = self.agent(agent).admit_json(json).map_err(|error| bad(&error));
                return given.map_err(|failure| failure.at(job.id, &machine.path(task), 0));
            }
            None => {}
        }
        if let Some(spawn) = machine.spawn(task) {
            return match &spawn.input {
                Input::Whole(Value::Typed(input, _)) => Ok(input.clone()),
                Input::Whole(Value::Json(json)) => {
                    self.agent(agent).admit_json(json).map_err(|error| bad(&error))
                }
                Input::Parts(parts) => self.assemble(machine, parts, agent),
            };
        }
        match machine.input_of(task) {
            Ok(Some(input)) => Ok(input),
            Ok(None) => Err(Failure::new(FailureKind::Unrunnable, "its workflow has no code for it")),
            Err(panic) => Err(Failure::new(FailureKind::Panic, format!("an argument {panic}"))),
        }
        .map_err(|failure| failure.at(job.id, &machine.path(task), 0))
    }

    fn assemble(&self, machine: &Machine, parts: &[Part], agent: u32) -> Result<Erased, Failure> {
        let agent = self.agent(agent);
        let wrong = || {
            let message = format!("the parameters of `{}` are not what it was given", agent.name());
            Failure::new(FailureKind::BadInput, message)
        };
        let how = agent.spec.input.parts.ok_or_else(wrong)?;
        let mut codecs = None;
        let mut next = 0;
        let mut value = || {
            let part = parts.get(next)?;
            next += 1;
            let value = match part {
                Part::Given(value) => value,
                Part::OutputOf(task) => machine.output_of(*task)?,
            };
            match value {
                Value::Typed(value, _) => Some(value.clone()),
                Value::Json(_) => {
                    let codecs = codecs.get_or_insert_with(how.codecs);
                    value.typed(*codecs.get(next - 1)?).ok()
                }
            }
        };
        (how.assemble)(&mut value).ok_or_else(wrong)
    }

    pub(super) fn child_of(
        &self,
        job: &Job,
        machine: &Machine,
        task: TaskId,
    ) -> Result<(Place, Value), Failure> {
        let missing = || Failure::new(FailureKind::Unrunnable, "there is no such workflow in this program");
        let place = self.place_of(job, machine, task).ok_or_else(missing)?;
        let Place::Workflow(workflow) = place else { return Err(missing()) };
        if let Some(spawn) = machine.spawn(task) {
            return match &spawn.input {
                Input::Whole(value) => Ok((place, value.clone())),
                Input::Parts(_) => {
                    let message = "a workflow takes its input as a whole, not in parts";
                    Err(Failure::new(FailureKind::BadInput, message))
                }
            };
        }
        if let Some(given) = machine.given(task) {
            return Ok((place, given.clone()));
        }
        let codec = self.registry.workflows()[workflow as usize].code().input.codec;
        match machine.input_of(task) {
            Ok(Some(input)) => Ok((place, Value::Typed(input, codec))),
            Ok(None) => Err(missing()),
            Err(panic) => Err(Failure::new(FailureKind::Panic, format!("an argument {panic}"))),
        }
    }

    pub(super) fn count_retry(&self, live: &Live, task: TaskId) {
        let machine = live.machine.as_ref();
        if let Some(call) = machine.and_then(|machine| machine.call(task))
            && let Place::Agent(agent) = call.place
        {
            self.agents[agent as usize].counters.retry();
        } else if let Some(spawn) = machine.and_then(|machine| machine.spawn(task))
            && spawn.callee.kind == CalleeKind::Agent
            && let Some(agent) = self.registry.agent_place(&spawn.callee.name)
        {
            self.agents[agent as usize].counters.retry();
        }
    }
}
