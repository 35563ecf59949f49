//! A task's way through queue and gates into an attempt, and what follows when that ends.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::alarm::Alarm;
use super::attempt::{Held, Start, Terms};
use super::callee::Callee;
use super::drive::{HookCall, Turn};
use super::event::{Done, Event, Placed};
use super::gate::Ask;
use super::job::Live;
use super::queue::Entry;
use crate::error::Advice;
use crate::failure::{Failure, FailureKind};
use crate::hook::Hooks;
use crate::job_id::JobId;
use crate::machine::{Command, Kind, Machine};
use crate::options::Priority;
use crate::record::{Fact, TaskId};
use crate::state::{JobState, TaskState};
use crate::timestamp::Timestamp;
use crate::value::Value;

impl Turn<'_> {
    /// A task is ready: it takes a place in its queue, or waits for one.
    pub(super) fn run(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let state = machine.task(task).map(|task| task.state);
        if !matches!(state, Some(TaskState::Queued | TaskState::Retrying)) {
            return;
        }
        let callee = match self.engine.callee(self.job, machine, task) {
            Ok(callee) => callee,
            Err(failure) => return self.fail_task(live, task, failure),
        };
        if callee.options.deadline.is_some() {
            self.limit_task(live, task, callee.options.deadline);
        }
        let queue = callee.queue(self.engine);
        if !self.engine.serves(&queue.settings.name) {
            return self.call_elsewhere(live, task, &callee);
        }
        if self.place.take_if(|place| place.place == queue.place).is_some() {
            let waited = self.waited.take();
            return self.start(live, task, callee, waited, false);
        }
        if queue.try_take() {
            return self.start(live, task, callee, None, false);
        }
        let Some(machine) = live.machine.as_ref() else { return };
        let entry = self.entry(machine, task, &callee, None, false);
        self.effects.granted.extend(queue.wait(entry));
    }

    fn entry(
        &self,
        machine: &Machine,
        task: TaskId,
        callee: &Callee<'_>,
        waited: Option<(Timestamp, Timestamp)>,
        returning: bool,
    ) -> Entry {
        let inherited = match (machine.program(), machine.task(task)) {
            (Some(program), Some(task)) if task.kind == Kind::Step => Some(program.node(task.source).urgency),
            _ => None,
        };
        let inherited = inherited.filter(|urgency| *urgency != Priority::default());
        let own = inherited.or(callee.options.priority).or(self.job.options().priority);
        let priority = own.or_else(|| self.engine.options_of(self.job)?.priority).unwrap_or_default();
        let (deadline, since) = waited.unwrap_or_else(|| (self.engine.urgency(self.job, priority), self.now));
        let queue = callee.queue(self.engine).place;
        Entry { deadline, since, job: Arc::clone(self.job), task, queue, returning }
    }

    /// A task has got a place.
    pub(super) fn placed(&mut self, live: &mut Live, placed: Placed) {
        let Some(machine) = live.machine.as_ref() else { return };
        let task = placed.task;
        let state = machine.task(task).map(|task| task.state);
        let is_ready = matches!(state, Some(TaskState::Queued | TaskState::Retrying));
        let is_paused = machine.state() == JobState::Paused;
        match self.engine.callee(self.job, machine, task) {
            Ok(callee) if is_ready && !is_paused => {
                let waited = Some((placed.deadline, placed.since));
                self.start(live, task, callee, waited, placed.returning);
            }
            _ => {
                if is_ready {
                    live.held.push(Command::Run(task));
                }
                self.effects.unwanted.push(placed);
            }
        }
    }

    /// A task that has a place passes the gates and starts; or waits at one, without its place.
    fn start(
        &mut self,
        live: &mut Live,
        task: TaskId,
        callee: Callee<'_>,
        waited: Option<(Timestamp, Timestamp)>,
        returning: bool,
    ) {
        let engine = self.engine;
        let mut asks = engine.asks(self.job, &callee);
        if !asks.is_empty() {
            let Some(machine) = live.machine.as_ref() else { return };
            let entry = self.entry(machine, task, &callee, waited, returning);
            if !self.pass(&mut asks, entry) {
                return self.effects.granted.extend(callee.queue(engine).release());
            }
        }
        let Some(machine) = live.machine.as_ref() else { return };
        let number = machine.task(task).map_or(1, |task| task.attempt + 1);
        if !self.note(live, Fact::Started { task, attempt: number }) {
            self.effects.granted.extend(callee.queue(engine).release());
            self.effects.returning.extend(engine.leave_gates(&asks, None));
            return;
        }
        let queue = callee.queue(engine);
        queue.meter.start(waited.map(|(_, since)| self.now.since(since)));
        if callee.queue.is_some() || !asks.is_empty() {
            live.places.insert(task, Held { queue: Arc::clone(queue), asks, lent: 0 });
        }
        let Some(machine) = live.machine.as_ref() else { return };
        let input = engine.input_of(self.job, machine, task, callee.agent).map_err(Box::new);
        let deadline = engine.deadline_of(self.job, machine, task, callee.options.deadline);
        let (agent, limits) = (callee.agent, engine.limits_of(&callee));
        let trace = self.seed(live, task, number, agent, &queue.settings.name);
        live.starts.push_back(Start { terms: Terms { task, number, agent, limits, deadline }, input, trace });
    }

    /// Passes gates, or waits at one.
    pub(super) fn pass(&mut self, asks: &mut [Ask], entry: Entry) -> bool {
        let passage = self.engine.gates.pass(asks, self.now, entry);
        for (key, at) in passage.again {
            self.engine.timers.set(at, Alarm::Gate(key));
        }
        if passage.asks {
            self.engine.ask_at_gates();
        }
        self.effects.returning.extend(passage.next);
        passage.passed
    }

    /// A place in the default queue is free: the job's next task takes it over, if nobody waits for one.
    fn free_default(&mut self) {
        let queue = self.engine.default_queue();
        if self.place.is_none() && queue.waiting() == 0 && !queue.is_paused() {
            self.place = Some(Cow::Borrowed(queue));
        } else {
            self.effects.granted.extend(queue.release());
        }
    }

    /// Gives back what an attempt held.
    fn leave(&mut self, live: &mut Live, task: TaskId, success: Option<bool>) {
        let held = if live.places.is_empty() { None } else { live.places.remove(&task) };
        match held {
            None => {
                self.engine.default_queue().meter.end();
                self.free_default();
            }
            Some(held) if held.lent > 0 => held.queue.meter.end(),
            Some(held) => {
                held.queue.meter.end();
                self.effects.granted.extend(held.queue.release());
                if !held.asks.is_empty() {
                    let next = self.engine.leave_gates(&held.asks, success);
                    self.effects.returning.extend(next);
                }
            }
        }
    }

    pub(super) fn ended(&mut self, live: &mut Live, task: TaskId, attempt: u32, done: Done) {
        if !live.attempts.is_empty() {
            live.attempts.remove(&task);
        }
        if !live.progress.is_empty() {
            live.progress.remove(&task);
        }
        let stopped = matches!(&done, Err(failed) if failed.0.is_cancelled());
        let unseen = matches!(&done, Err(failed) if failed.0.kind == FailureKind::BadInput);
        self.leave(live, task, (!stopped && !unseen).then_some(done.is_ok()));
        let Some(machine) = live.machine.as_ref() else { return };
        let current = machine
            .task(task)
            .is_some_and(|known| known.state == TaskState::Running && known.attempt == attempt);
        if !current {
            return;
        }
        let overlooked = done.is_ok() && machine.open(task) == 0 && machine.overlooked(task).is_some();
        if overlooked {
            let failure = self.oversight(live, task);
            return self.attempt_failed(live, task, failure, Advice::Permanent);
        }
        if stopped && self.engine.stopping.load(Ordering::SeqCst) && !machine.is_stopping(task) {
            // Not the job is over, the process is: who opens its store goes on with it.
            self.note(live, Fact::Lost { task, killed: false });
            return;
        }
        match done {
            Ok(output) => {
                self.hook(live, task, attempt, |hooks| hooks.on_success, || Ok(output.clone()));
                let has_open = live.machine.as_ref().is_some_and(|machine| machine.open(task) > 0);
                let fact = if has_open {
                    Fact::Returned { task, output: Some(output), failure: None }
                } else {
                    Fact::Succeeded { task, output }
                };
                if let Some(unwritable) = self.note_value(live, fact) {
                    self.attempt_failed(live, task, unwritable, Advice::Permanent);
                }
            }
            Err(failed) => self.attempt_failed(live, task, failed.0, failed.1),
        }
    }

    /// An attempt failed: another, another callee, or the end of the task.
    pub(super) fn attempt_failed(&mut self, live: &mut Live, task: TaskId, failure: Failure, advice: Advice) {
        let Some(machine) = live.machine.as_ref() else { return };
        let Some(known) = machine.task(task) else { return };
        let (attempt, tries) = (known.attempt, known.attempt - known.before);
        let is_undo = known.kind == Kind::Undo;
        let options = self.engine.options_for(self.job, machine, task);
        let failure = failure.at(self.job.id, &machine.path(task), attempt);
        let going = is_undo || !machine.is_stopping(task);
        let can_retry = going
            && advice != Advice::Permanent
            && !matches!(
                failure.kind,
                FailureKind::BadInput
                    | FailureKind::Unrunnable
                    | FailureKind::Expired
                    | FailureKind::Cancelled
            );
        let retry = options.as_ref().and_then(|options| options.retry);
        if let Some(retry) = retry.filter(|retry| can_retry && tries <= retry.max) {
            let mut delay =
                retry.delay(tries).mul_f64(1.0 - self.engine.config.jitter * self.engine.random());
            if let Advice::RetryAfter(after) = advice {
                delay = after;
            }
            self.hook(live, task, attempt, |hooks| hooks.on_retry, || Err(failure.clone()));
            self.engine.count_retry(live, task);
            let fact = Fact::Retrying { task, due: self.now + delay, failure: Arc::new(failure) };
            self.note(live, fact);
            return;
        }
        let falls = going
            && !failure.is_cancelled()
            && failure.kind != FailureKind::Expired
            && machine.can_fall(task);
        if falls {
            self.note(live, Fact::Fell { task, failure: Arc::new(failure) });
            return;
        }
        self.hook(live, task, attempt, |hooks| hooks.on_failure, || Err(failure.clone()));
        let has_open = live.machine.as_ref().is_some_and(|machine| machine.open(task) > 0);
        let failure = Arc::new(failure);
        let fact = if has_open {
            Fact::Returned { task, output: None, failure: Some(failure) }
        } else {
            Fact::Failed { task, failure }
        };
        self.note(live, fact);
    }

    pub(super) fn fail_task(&mut self, live: &mut Live, task: TaskId, failure: Failure) {
        let Some(machine) = live.machine.as_ref() else { return };
        let attempt = machine.task(task).map_or(0, |task| task.attempt);
        let failure = Arc::new(failure.at(self.job.id, &machine.path(task), attempt));
        self.note(live, Fact::Failed { task, failure });
    }

    fn hook(
        &mut self,
        live: &Live,
        task: TaskId,
        attempt: u32,
        which: fn(&Hooks) -> Option<crate::hook::Hook>,
        result: impl Fn() -> Result<Value, Failure>,
    ) {
        if !self.engine.has_hooks {
            return;
        }
        let Some(machine) = live.machine.as_ref() else { return };
        let Some(agent) = self.engine.agent_of(self.job, machine, task) else { return };
        // Where it ran as a job of its own, that has called the agent's.
        let is_own = machine.child(task).is_none();
        let own = which(self.engine.agent(agent).hooks()).filter(|_| is_own);
        for hook in own.into_iter().chain(machine.hooks(task).and_then(|hooks| which(&hooks))) {
            let step = machine.path(task);
            self.effects.hooks.push(HookCall { hook, agent, step, attempt, result: result() });
        }
    }

    pub(super) fn child_ended(
        &mut self,
        live: &mut Live,
        task: TaskId,
        child: JobId,
        done: Result<Value, Arc<Failure>>,
    ) {
        let Some(machine) = live.machine.as_ref() else { return };
        let Some(task) = machine.waits_for_child(task, child) else { return };
        if machine.task(task).is_none_or(|task| task.state != TaskState::Running) {
            return;
        }
        match done {
            Ok(output) => {
                let attempt = machine.task(task).map_or(0, |task| task.attempt);
                self.hook(live, task, attempt, |hooks| hooks.on_success, || Ok(output.clone()));
                self.note(live, Fact::Succeeded { task, output });
            }
            Err(failure) => {
                let mut failure = (*failure).clone();
                // What an agent did elsewhere was tried again there.
                let is_agent = self.engine.agent_of(self.job, machine, task).is_some();
                let mut advice = if is_agent { Advice::Permanent } else { Advice::Retry };
                if !machine.is_stopping(task) {
                    // The child was stopped by itself: for this job that is a failure like any other.
                    match failure.kind {
                        FailureKind::Expired => failure.kind = FailureKind::TimedOut,
                        FailureKind::Cancelled => {
                            failure.kind = FailureKind::Error;
                            advice = Advice::Permanent;
                        }
                        _ => {}
                    }
                }
                self.attempt_failed(live, task, failure, advice);
            }
        }
    }

    pub(super) fn due(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let Some((known_state, kind)) = machine.task(task).map(|known| (known.state, known.kind)) else {
            return;
        };
        live.wakes.remove(&task);
        let Some(machine) = live.machine.as_ref() else { return };
        match (known_state, kind) {
            (TaskState::Retrying, _) => {
                let command = machine.start_of(task);
                self.perform(live, command);
            }
            (TaskState::Waiting, Kind::Sleep) => {
                self.note(live, Fact::Succeeded { task, output: Value::of(()) });
            }
            _ => {}
        }
    }

    pub(super) fn task_expired(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let Some(known) = machine.task(task).filter(|task| !task.state.is_over()) else { return };
        let message = match known.kind {
            Kind::Signal => "the event did not come in time",
            Kind::Form | Kind::Sleep => "it took longer than its timeout",
            _ => "it took longer than its deadline, all in all",
        };
        let (kind, is_running) = match known.kind {
            Kind::Signal | Kind::Form | Kind::Sleep => (FailureKind::TimedOut, false),
            _ => (FailureKind::Expired, known.state == TaskState::Running),
        };
        if let Some(attempt) = live.attempts.get(&task) {
            return self.effects.stops.push((Arc::clone(attempt), kind, message.to_owned()));
        }
        if let Some(child) = machine.child(task).filter(|_| is_running) {
            return self.effects.posts.push((child, Event::Cancel(message.to_owned(), None)));
        }
        if !is_running {
            self.fail_task(live, task, Failure::new(kind, message));
        }
    }
}
