//! What a job's driver does: with events, with the machine's commands, and with what follows when the lock is free.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::alarm::Alarm;
use super::attempt::{Attempt, Held, Runner, Start};
use super::core::Engine;
use super::drive::{Effects, HookCall, Turn, is_quick};
use super::event::{Done, Event};
use super::gate::{Ask, GateKey};
use super::job::{Inner, Job, JobWork, Live};
use super::queue::{Entry, Waiting};
use crate::callee_kind::CalleeKind;
use crate::data::Erased;
use crate::definition::NodeKind;
use crate::error::Advice;
use crate::failure::{Failure, FailureKind};
use crate::hook::{Hooks, Outcome};
use crate::machine::{Command, Kind, Machine, Shape};
use crate::options::{Options, Priority};
use crate::panics::caught;
use crate::program::Place;
use crate::record::{Fact, Input, JobOptions, Parent, Part, Spawn, TaskId};
use crate::state::{JobState, TaskState};
use crate::timestamp::Timestamp;
use crate::value::Value;

/// How many jobs may stand above a child job.
pub(crate) const DEPTH: u32 = 10_000;

impl Inner {
    /// What a job that is over needs no more.
    pub(super) fn let_go(&mut self) -> Option<Box<Live>> {
        let live = self.live.as_mut()?;
        let mut gone = Box::<Live>::default();
        gone.starts = std::mem::take(&mut live.starts);
        gone.inbox = std::mem::take(&mut live.inbox);
        gone.attempts = std::mem::take(&mut live.attempts);
        gone.joins = std::mem::take(&mut live.joins);
        gone.cache = std::mem::take(&mut live.cache);
        if live.journal.len() > 1000 && !live.kept {
            self.state = live.machine.as_ref().map_or(self.state, Machine::state);
            gone.machine = live.machine.take();
            gone.journal = std::mem::take(&mut live.journal);
        }
        Some(gone)
    }
}

impl Turn<'_> {
    /// Takes an event in, and does what follows.
    pub(super) fn take(&mut self, inner: &mut Inner, event: Event) {
        if inner.live().result.is_some() {
            // The job is over; whoever waits for an answer sees that there is none.
            if let Event::Begin = event {
                self.place = Some(self.engine.queue_of_job(self.job));
            }
            return;
        }
        if inner.live().machine.is_none() && !self.build(inner) {
            return;
        }
        let (roomed, state) = (&mut inner.roomed, inner.state);
        let live = inner.live.get_or_insert_with(Box::default);
        match event {
            Event::Begin => {
                if std::mem::take(roomed) {
                    let queue = self.engine.queue_of_job(self.job);
                    if let Some(room) = &queue.room {
                        room.add_permits(1);
                    }
                }
                let _ = state;
                self.begin(live);
            }
            Event::Admitted { task, returning } => self.admitted(live, task, returning),
            Event::Ended { task, attempt, done, took } => self.ended(live, task, attempt, done, took),
            Event::Child { task, done } => self.child_ended(live, task, done),
            Event::Due(task) => self.due(live, task),
            Event::TaskExpired(task) => self.task_expired(live, task),
            Event::Expired => self.stop(live, Failure::new(FailureKind::Expired, "its deadline passed")),
            Event::Cancel(why) => self.stop(live, Failure::new(FailureKind::Cancelled, why)),
            Event::Pause => {
                self.note(live, Fact::Paused);
            }
            Event::Resume => {
                if self.note(live, Fact::Resumed) {
                    for command in std::mem::take(&mut live.held) {
                        self.perform(live, command);
                    }
                    let begun =
                        live.machine.as_ref().is_some_and(|machine| machine.state() == JobState::Pending);
                    if begun && std::mem::take(&mut live.held_begin) {
                        self.begin(live);
                    }
                }
            }
            Event::Signal { event, value, told } => {
                let answer = match self.check_signal(live, &event, &value) {
                    Ok(()) => self.try_note(live, Fact::Signalled { event, value }),
                    Err(failure) => Err(failure),
                };
                let _ = told.send(answer);
            }
            Event::Spawn { parent, spawn, told } => {
                let made = self.spawned(live, parent, spawn);
                let _ = told.send(made);
            }
            Event::Join { task, told } => self.join(live, task, told),
            Event::Save { task, value, told } => {
                let is_running = live.machine.as_ref().and_then(|machine| machine.task(task));
                if is_running.is_some_and(|task| task.state == TaskState::Running)
                    && self.note(live, Fact::Saved { task, value })
                {
                    let _ = told.send(());
                }
            }
            #[cfg(feature = "classic")]
            Event::Outside(wish) => self.outside(live, wish),
            Event::Recovered => self.recovered(live),
        }
        self.follow(live);
    }

    /// The machine of a job that nothing has happened to yet.
    fn build(&mut self, inner: &mut Inner) -> bool {
        match self.engine.shape(self.job) {
            Ok(shape) => {
                inner.live().machine = Some(Machine::new(shape, self.job.options()));
                true
            }
            Err(failure) => {
                inner.live().fail(failure.at(self.job.id, "", 0));
                inner.state = JobState::Failed;
                self.conclude_job(inner.live());
                false
            }
        }
    }

    fn begin(&mut self, live: &mut Live) {
        self.place = Some(self.engine.queue_of_job(self.job));
        let paused = live.machine.as_ref().is_some_and(|machine| machine.state() == JobState::Paused);
        if paused {
            live.held_begin = true;
            return;
        }
        if let Some(timeout) = self.engine.options_of(self.job).and_then(|options| options.timeout)
            && matches!(self.job.work, JobWork::Call(Place::Workflow(_), _))
        {
            let alarm = Alarm::JobDeadline(Arc::downgrade(self.job));
            live.deadlines.push(self.engine.timers.set(self.now + timeout, alarm));
        }
        self.note(live, Fact::Begun);
    }

    /// Folds a fact; says whether the machine took it.
    pub(super) fn note(&mut self, live: &mut Live, fact: Fact) -> bool {
        self.try_note(live, fact).is_ok()
    }

    fn try_note(&mut self, live: &mut Live, fact: Fact) -> Result<(), Failure> {
        let task = fact.task();
        if self.engine.is_crashed() {
            return Err(Failure::new(FailureKind::Unrunnable, "the runtime has crashed, as a test wants it"));
        }
        match live.note(self.now, fact) {
            Ok(()) => {
                self.tell(live, task);
                Ok(())
            }
            Err(illegal) => {
                tracing::debug!(job = %self.job.id, "refused: {illegal}");
                Err(Failure::new(FailureKind::Unrunnable, illegal.to_string()))
            }
        }
    }

    /// Does what the machine commands, until it commands nothing more.
    fn follow(&mut self, live: &mut Live) {
        while let Some(command) = live.machine.as_mut().and_then(Machine::command) {
            self.perform(live, command);
        }
        let news = live.machine.as_mut().map(Machine::news).unwrap_or_default();
        for task in news {
            for told in live.joins.remove(&task).unwrap_or_default() {
                let _ = told.send(self.outcome_of(live, task));
            }
        }
        if !live.watchers.is_empty() {
            self.effects.wakers.append(&mut live.watchers);
        }
    }

    pub(super) fn perform(&mut self, live: &mut Live, command: Command) {
        let Some(machine) = live.machine.as_ref() else { return };
        let starts = matches!(command, Command::Evaluate(_) | Command::Run(_) | Command::Call(_));
        if starts && machine.state() == JobState::Paused {
            return live.held.push(command);
        }
        match command {
            Command::Evaluate(task) => self.evaluate(live, task),
            Command::Run(task) => self.run(live, task),
            Command::Call(task) => self.call(live, task),
            Command::Wake(task, due) => {
                self.engine.timers.set(due, Alarm::Wake(Arc::downgrade(self.job), task));
            }
            Command::Await(task) => self.limit_wait(live, task),
            Command::Stop(task) => self.stop_task(live, task),
            Command::Settle(task) => {
                let fact = match machine.settled(task) {
                    Some(Ok(output)) => Fact::Succeeded { task, output },
                    Some(Err(failure)) => Fact::Failed { task, failure },
                    None => return,
                };
                self.note(live, fact);
            }
            Command::Conclude => self.conclude(live),
        }
    }

    fn evaluate(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let fact = match machine.evaluate(task, self.now) {
            Ok(Some(fact)) => fact,
            Ok(None) => return,
            Err(panic) => {
                let failure = Failure::new(FailureKind::Panic, panic);
                let failure = Arc::new(failure.at(self.job.id, &machine.path(task), 0));
                Fact::Failed { task, failure }
            }
        };
        self.note(live, fact);
    }

    fn limit_wait(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let (Some(program), Some(waiting)) = (machine.program(), machine.task(task)) else { return };
        if let Some(timeout) = program.plan.node(waiting.source).options.timeout {
            let alarm = Alarm::TaskDeadline(Arc::downgrade(self.job), task);
            self.engine.timers.set(self.now + timeout, alarm);
        }
    }

    /// A task is ready: it takes a place in its queue, or waits for one.
    fn run(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let state = machine.task(task).map(|task| task.state);
        if !matches!(state, Some(TaskState::Queued | TaskState::Retrying)) {
            return;
        }
        let callee = match self.engine.callee(self.job, machine, task) {
            Ok(callee) => callee,
            Err(failure) => return self.fail_task(live, task, failure),
        };
        if let Some(time) = callee.options.deadline
            && machine.task(task).is_some_and(|task| task.attempt == 0)
        {
            let alarm = Alarm::TaskDeadline(Arc::downgrade(self.job), task);
            self.engine.timers.set(self.now + time, alarm);
        }
        let queue = self.engine.queue_for(self.job, &callee.options);
        let has_place = self.place.take_if(|place| place.place == queue.place).is_some() || queue.try_take();
        if has_place {
            return self.start(live, task, callee, queue, false);
        }
        let entry = self.entry(machine, task, &callee, false);
        self.effects.granted.extend(queue.wait(entry));
    }

    fn entry(&self, machine: &Machine, task: TaskId, callee: &Callee, returning: bool) -> Entry {
        let inherited = match (machine.program(), machine.task(task)) {
            (Some(program), Some(task)) if task.kind == Kind::Step => Some(program.node(task.source).urgency),
            _ => None,
        };
        let inherited = inherited.filter(|urgency| *urgency != Priority::default());
        let own = inherited.or(callee.options.priority).or(self.job.options().priority);
        let priority = own.or_else(|| self.engine.options_of(self.job)?.priority).unwrap_or_default();
        let deadline = self.engine.urgency(self.job, priority);
        Entry { deadline, job: Arc::clone(self.job), task, returning }
    }

    /// A task has got a place.
    fn admitted(&mut self, live: &mut Live, task: TaskId, returning: bool) {
        let Some(machine) = live.machine.as_ref() else { return };
        let ready = machine
            .task(task)
            .is_some_and(|task| matches!(task.state, TaskState::Queued | TaskState::Retrying));
        let callee = self.engine.callee(self.job, machine, task);
        let queue = match &callee {
            Ok(callee) => self.engine.queue_for(self.job, &callee.options),
            Err(_) => Arc::clone(self.engine.default_queue()),
        };
        match callee {
            Ok(callee) if ready => {
                if machine.state() == JobState::Paused {
                    self.effects.granted.extend(queue.release());
                    return live.held.push(Command::Run(task));
                }
                self.start(live, task, callee, queue, returning);
            }
            callee => {
                self.effects.granted.extend(queue.release());
                if let Ok(callee) = callee
                    && returning
                {
                    let asks = self.engine.asks(self.job, &callee, &queue);
                    let next = asks.iter().filter_map(|ask| self.engine.gates.next_at(&ask.key));
                    self.effects.returning.extend(next);
                }
            }
        }
    }

    /// A task that has a place passes the gates and starts; or waits at one, without its place.
    fn start(&mut self, live: &mut Live, task: TaskId, callee: Callee, queue: Arc<Waiting>, returning: bool) {
        let engine = self.engine;
        let asks = engine.asks(self.job, &callee, &queue);
        if !asks.is_empty() {
            let Some(machine) = live.machine.as_ref() else { return };
            let entry = self.entry(machine, task, &callee, returning);
            let passage = engine.gates.pass(&asks, self.now, entry);
            for (key, at) in passage.again {
                engine.timers.set(at, Alarm::Gate(key));
            }
            self.effects.returning.extend(passage.next);
            if !passage.passed {
                self.effects.granted.extend(queue.release());
                return;
            }
        }
        let Some(number) = live.machine.as_ref().and_then(|machine| Some(machine.task(task)?.attempt + 1))
        else {
            return;
        };
        if !self.note(live, Fact::Started { task, attempt: number }) {
            self.effects.granted.extend(queue.release());
            self.effects.returning.extend(engine.gates.leave(&asks, self.now, None));
            return;
        }
        if queue.place != 0 || !asks.is_empty() {
            live.places.insert(task, Held { queue, asks, lent: 0 });
        }
        let Some(machine) = live.machine.as_ref() else { return };
        let input = engine.input_of(self.job, machine, task, callee.agent);
        live.starts.push_back(Start { task, number, agent: callee.agent, input, options: callee.options });
    }

    /// Gives back what an attempt held.
    fn leave(&mut self, live: &mut Live, task: TaskId, success: Option<bool>) {
        match live.places.remove(&task) {
            None => self.effects.granted.extend(self.engine.default_queue().release()),
            Some(held) if held.lent > 0 => {}
            Some(held) => {
                self.effects.granted.extend(held.queue.release());
                if !held.asks.is_empty() {
                    let next = self.engine.gates.leave(&held.asks, self.now, success);
                    self.effects.returning.extend(next);
                }
            }
        }
    }

    fn ended(&mut self, live: &mut Live, task: TaskId, attempt: u32, done: Done, took: Duration) {
        let _ = took;
        live.attempts.remove(&task);
        if !live.progress.is_empty() {
            live.progress.remove(&task);
        }
        let stopped = matches!(&done, Err((failure, _)) if failure.is_cancelled());
        self.leave(live, task, (!stopped).then_some(done.is_ok()));
        let Some(machine) = live.machine.as_ref() else { return };
        let current = machine
            .task(task)
            .is_some_and(|known| known.state == TaskState::Running && known.attempt == attempt);
        if !current {
            return;
        }
        match done {
            Ok(output) => {
                self.hook(live, task, attempt, |hooks| hooks.on_success, &Ok(output.clone()));
                let has_open = live.machine.as_ref().is_some_and(|machine| machine.open(task) > 0);
                let fact = if has_open {
                    Fact::Returned { task, output: Some(output), failure: None }
                } else {
                    Fact::Succeeded { task, output }
                };
                self.note(live, fact);
            }
            Err((failure, advice)) => self.attempt_failed(live, task, failure, advice),
        }
    }

    /// An attempt failed: another, another callee, or the end of the task.
    fn attempt_failed(&mut self, live: &mut Live, task: TaskId, failure: Failure, advice: Advice) {
        let Some(machine) = live.machine.as_ref() else { return };
        let Some(known) = machine.task(task) else { return };
        let (attempt, tries) = (known.attempt, known.attempt - known.before);
        let is_undo = known.kind == Kind::Undo;
        let options = self.engine.options_for(self.job, machine, task);
        let failure = failure.at(self.job.id, &machine.path(task), attempt);
        let going = is_undo || !matches!(machine.state(), JobState::Stopping | JobState::Compensating);
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
            self.hook(live, task, attempt, |hooks| hooks.on_retry, &Err(failure.clone()));
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
        self.hook(live, task, attempt, |hooks| hooks.on_failure, &Err(failure.clone()));
        let has_open = live.machine.as_ref().is_some_and(|machine| machine.open(task) > 0);
        let failure = Arc::new(failure);
        let fact = if has_open {
            Fact::Returned { task, output: None, failure: Some(failure) }
        } else {
            Fact::Failed { task, failure }
        };
        self.note(live, fact);
    }

    fn fail_task(&mut self, live: &mut Live, task: TaskId, failure: Failure) {
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
        result: &Result<Value, Failure>,
    ) {
        let Some(machine) = live.machine.as_ref() else { return };
        let Some(agent) = self.engine.agent_of(self.job, machine, task) else { return };
        let own = which(self.engine.agent(agent).hooks());
        for hook in own.into_iter().chain(machine.hooks(task).and_then(|hooks| which(&hooks))) {
            let step = machine.path(task);
            self.effects.hooks.push(HookCall { hook, agent, step, attempt, result: result.clone() });
        }
    }

    fn child_ended(&mut self, live: &mut Live, task: TaskId, done: Result<Value, Arc<Failure>>) {
        let Some(machine) = live.machine.as_ref() else { return };
        if machine.task(task).is_none_or(|task| task.state != TaskState::Running) {
            return;
        }
        match done {
            Ok(output) => {
                self.note(live, Fact::Succeeded { task, output });
            }
            Err(failure) => {
                let advice = if failure.is_cancelled() { Advice::Permanent } else { Advice::Retry };
                let mut failure = (*failure).clone();
                if failure.is_cancelled() && machine.failure().is_none() {
                    // The child was cancelled by itself: for this job it is a failure.
                    failure.kind = FailureKind::Error;
                }
                self.attempt_failed(live, task, failure, advice);
            }
        }
    }

    fn due(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let Some(known) = machine.task(task) else { return };
        match (known.state, known.kind) {
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

    fn task_expired(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let Some(known) = machine.task(task).filter(|task| !task.state.is_over()) else { return };
        if known.kind == Kind::Signal {
            let failure = Failure::new(FailureKind::TimedOut, "the event did not come in time");
            return self.fail_task(live, task, failure);
        }
        let why = "it took longer than its deadline, all in all";
        match live.attempts.get(&task) {
            Some(attempt) => {
                self.effects.stops.push((Arc::clone(attempt), FailureKind::Expired, why.to_owned()));
            }
            None if known.state == TaskState::Running => {}
            None => self.fail_task(live, task, Failure::new(FailureKind::Expired, why)),
        }
    }

    fn stop(&mut self, live: &mut Live, failure: Failure) {
        let failure = Arc::new(failure.at(self.job.id, "", 0));
        live.held.clear();
        self.note(live, Fact::Stopped { failure });
    }

    fn stop_task(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let why = || {
            let failure =
                machine.failure().map_or("what it belongs to will not succeed", |failure| &failure.message);
            failure.to_owned()
        };
        if let Some(child) = machine.child(task) {
            return self.effects.posts.push((child, Event::Cancel(why())));
        }
        if let Some(attempt) = live.attempts.get(&task) {
            let stop = (Arc::clone(attempt), FailureKind::Cancelled, why());
            return self.effects.stops.push(stop);
        }
        // It has a place, and nobody has polled it yet.
        if let Some(place) = live.starts.iter().position(|start| start.task == task)
            && let Some(start) = live.starts.remove(place)
        {
            let done = Err((Failure::new(FailureKind::Cancelled, why()), Advice::Permanent));
            let event = Event::Ended { task, attempt: start.number, done, took: Duration::ZERO };
            live.inbox.push_front(event);
        }
    }

    pub(super) fn spawned(
        &mut self,
        live: &mut Live,
        parent: Option<TaskId>,
        spawn: Arc<Spawn>,
    ) -> Result<TaskId, Failure> {
        let machine = live.machine.as_ref().ok_or_else(|| Failure::new(FailureKind::Unrunnable, "no job"))?;
        if let Some(known) = spawn.key.as_ref().and_then(|key| machine.made_by(parent, key)) {
            return Ok(known);
        }
        if Place::find(&self.engine.registry, &spawn.callee.name, spawn.callee.kind).is_none() {
            let message = format!("there is no `{}` to call", spawn.callee.name);
            return Err(Failure::new(FailureKind::Unrunnable, message));
        }
        let id = u32::try_from(machine.tasks().len()).unwrap_or(TaskId::MAX);
        self.try_note(live, Fact::Spawned { parent, spawn })?;
        Ok(id)
    }

    fn join(
        &mut self,
        live: &mut Live,
        task: TaskId,
        told: tokio::sync::oneshot::Sender<super::event::Joined>,
    ) {
        let Some(machine) = live.machine.as_mut() else { return };
        machine.join(task);
        if machine.task(task).is_none_or(|task| task.state.is_over()) {
            let _ = told.send(self.outcome_of(live, task));
        } else {
            live.joins.entry(task).or_default().push(told);
        }
    }

    fn outcome_of(&self, live: &Live, task: TaskId) -> super::event::Joined {
        let machine = live.machine.as_ref();
        if let Some(output) = machine.and_then(|machine| machine.output_of(task)) {
            return Ok(output.clone());
        }
        let failed = live.journal.iter().rev().find_map(|record| match &record.fact {
            Fact::Failed { task: failed, failure } if *failed == task => Some(Arc::clone(failure)),
            _ => None,
        });
        let step = machine.map(|machine| machine.path(task)).unwrap_or_default();
        let state = machine.and_then(|machine| machine.task(task)).map(|task| task.state);
        Err(failed.unwrap_or_else(|| {
            let message = match state {
                Some(TaskState::Skipped) => "it was skipped, for what it depends on did not succeed",
                _ => "it was cancelled",
            };
            Arc::new(Failure::new(FailureKind::Cancelled, message).at(self.job.id, &step, 0))
        }))
    }

    fn check_signal(&self, live: &Live, event: &str, value: &Value) -> Result<(), Failure> {
        let refuse =
            |message: String| Err(Failure::new(FailureKind::BadInput, message).at(self.job.id, "", 0));
        let Some(program) = live.machine.as_ref().and_then(Machine::program) else {
            return refuse(format!("the job awaits no event `{event}`: only workflows do"));
        };
        let Some(node) = program.event(event) else {
            let name = &program.plan.definition().name;
            let cure = match workflow_graph::nearest(event, program.events()) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            return refuse(format!("`{name}` awaits no event `{event}`{cure}"));
        };
        let NodeKind::Signal { schema, .. } = &node.kind else { return Ok(()) };
        let json = match value.json() {
            Ok(json) => json,
            Err(error) => return refuse(format!("the value of `{event}` cannot be written: {error}")),
        };
        let checked = crate::schema::Schema::new(schema.clone()).map_err(|error| error.to_string());
        if let Err(wrong) = checked.and_then(|schema| schema.check(&json).map_err(|error| error.to_string()))
        {
            return refuse(format!("the value of `{event}` is not right: {wrong}"));
        }
        match program.code.slots[node.slot as usize].decode(json) {
            Ok(_) => Ok(()),
            Err(error) => refuse(format!("the value of `{event}` is not right: {error}")),
        }
    }

    /// A step that calls a workflow: a child job.
    fn call(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let state = machine.task(task).map(|task| task.state);
        if !matches!(state, Some(TaskState::Queued | TaskState::Retrying)) {
            return;
        }
        let depth = self.job.options().parent.map_or(1, |parent| parent.depth + 1);
        if depth > DEPTH {
            let message =
                format!("there are {DEPTH} jobs above it already; a workflow that calls itself must end");
            return self.fail_task(live, task, Failure::new(FailureKind::Unrunnable, message));
        }
        let (workflow, input) = match self.engine.child_of(self.job, machine, task) {
            Ok(found) => found,
            Err(failure) => return self.fail_task(live, task, failure),
        };
        let own = self.job.options();
        let options = JobOptions {
            queue: own.queue.clone(),
            priority: own.priority.or_else(|| self.engine.options_of(self.job)?.priority),
            deadline: own.deadline,
            key: own.key.clone(),
            parent: Some(Parent { job: self.job.id, task, depth }),
            ..JobOptions::default()
        };
        let child = self.engine.accept(JobWork::Call(workflow, input), Some(Box::new(options)), false);
        if self.note(live, Fact::Called { task, job: child.id }) {
            if let Some(timeout) = self
                .engine
                .options_for(self.job, live.machine.as_ref().unwrap_or_else(|| unreachable!()), task)
                .and_then(|options| options.timeout)
            {
                let alarm = Alarm::JobDeadline(Arc::downgrade(&child));
                child.lock().live().deadlines.push(self.engine.timers.set(self.now + timeout, alarm));
            }
            self.effects.children.push(child);
        }
    }

    fn conclude(&mut self, live: &mut Live) {
        let Some(machine) = live.machine.as_ref() else { return };
        let fact = match machine.failure() {
            Some(failure) => {
                let mut failure = (**failure).clone();
                failure.undo = machine.not_undone().iter().map(|undo| (**undo).clone()).collect();
                failure.undo.retain(|undo| undo.step != failure.step);
                Fact::JobFailed { failure: Arc::new(failure) }
            }
            None => match (machine.first_failure(), machine.result()) {
                (Some(failure), _) => return self.stop_with(live, failure),
                (None, Ok(output)) => Fact::JobSucceeded { output },
                (None, Err(panic)) => {
                    let failure = Failure::new(FailureKind::Panic, format!("what it gives {panic}"));
                    return self.stop_with(live, Arc::new(failure.at(self.job.id, "", 0)));
                }
            },
        };
        let result = match &fact {
            Fact::JobSucceeded { output } => Ok(output.clone()),
            Fact::JobFailed { failure } => Err(Arc::clone(failure)),
            _ => return,
        };
        if self.note(live, fact) {
            live.result = Some(result);
            self.conclude_job(live);
        }
    }

    fn stop_with(&mut self, live: &mut Live, failure: Arc<Failure>) {
        self.note(live, Fact::Stopped { failure });
    }

    /// A job is over: all who wait for it are told.
    fn conclude_job(&mut self, live: &mut Live) {
        let effects = &mut self.effects;
        effects.wakers.append(&mut live.watchers);
        effects.callbacks.append(&mut live.callbacks);
        effects.result.clone_from(&live.result);
        effects.over = Some(live.journal.len());
        for key in live.deadlines.drain(..) {
            self.engine.timers.cancel(key);
        }
        if let (Some(Parent { job, task, .. }), Some(result)) = (self.job.options().parent, &live.result) {
            effects.posts.push((job, Event::Child { task, done: result.clone() }));
        }
        if let Some(key) = &self.job.options().unique {
            self.engine.forget_unique(&self.engine.name_of(self.job), key, self.job.id);
        }
    }
}

/// What a task calls.
pub(super) struct Callee {
    pub(super) agent: u32,
    pub(super) options: Arc<Options>,
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
            JobWork::Call(place @ Place::Agent(_), input) => Ok(Shape::Single(Arc::new(Spawn {
                key: None,
                callee: self.target_of(*place),
                input: Input::Whole(input.clone()),
                after: Vec::new(),
                options: None,
                optional: false,
            }))),
            JobWork::Tasks(tasks) => Ok(Shape::Tasks(Arc::clone(tasks))),
        }
    }

    fn place_of(&self, job: &Job, machine: &Machine, task: TaskId) -> Option<Place> {
        if let Some(call) = machine.call(task) {
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
    fn options_for(&self, job: &Job, machine: &Machine, task: TaskId) -> Option<Arc<Options>> {
        if let Some(call) = machine.call(task) {
            return Some(Arc::clone(&call.options));
        }
        let own = machine.spawn(task)?.options.as_deref();
        match (self.place_of(job, machine, task)?, own) {
            (Place::Agent(agent), None) => Some(Arc::clone(&self.agents[agent as usize].options)),
            (Place::Agent(agent), Some(own)) => Some(Arc::new(own.over(self.agent(agent).options()))),
            (Place::Workflow(_), own) => Some(Arc::new(own.cloned().unwrap_or_default())),
        }
    }

    fn callee(&self, job: &Job, machine: &Machine, task: TaskId) -> Result<Callee, Failure> {
        let found = self.agent_of(job, machine, task).zip(self.options_for(job, machine, task));
        let (agent, options) = found.ok_or_else(|| {
            let name = machine.spawn(task).map_or("what it calls", |spawn| &spawn.callee.name);
            Failure::new(FailureKind::Unrunnable, format!("there is no agent `{name}` in this program"))
        })?;
        Ok(Callee { agent, options })
    }

    fn queue_for(&self, job: &Job, options: &Options) -> Arc<Waiting> {
        let own = options.queue.as_deref().or(job.options().queue.as_deref());
        let outer = || match &job.work {
            JobWork::Call(Place::Workflow(_), _) => self.options_of(job)?.queue.as_deref(),
            _ => None,
        };
        match own.or_else(outer) {
            Some(name) => self.queue(name),
            None => Arc::clone(self.default_queue()),
        }
    }

    /// The queue in which a task of a job that is over got its place.
    pub(super) fn queue_of_late(&self, job: &Job, task: TaskId) -> Arc<Waiting> {
        let options = {
            let inner = job.lock();
            let machine = inner.live_ref().and_then(|live| live.machine.as_ref());
            machine.and_then(|machine| self.options_for(job, machine, task))
        };
        options.map_or_else(|| self.queue_of_job(job), |options| self.queue_for(job, &options))
    }

    fn asks(&self, job: &Job, callee: &Callee, queue: &Waiting) -> Vec<Ask> {
        let limits = &self.agents[callee.agent as usize].limits;
        let limit = limits.concurrency.or(callee.options.concurrency).map(std::num::NonZeroU32::get);
        let rate = limits.rate.or(callee.options.rate);
        let mut asks = Vec::new();
        if limit.is_some() || rate.is_some() || limits.breaker.is_some() {
            asks.push(Ask { key: GateKey::Agent(callee.agent), limit, rate, breaker: limits.breaker });
        }
        if queue.is_gated() {
            if let (Some(per_key), Some(key)) = (queue.settings.per_key, &job.options().key) {
                let key = GateKey::Key(queue.place, Arc::clone(key));
                asks.push(Ask { key, limit: Some(per_key), rate: None, breaker: None });
            }
            if queue.settings.rate.is_some() {
                let rate = queue.settings.rate;
                asks.push(Ask { key: GateKey::Queue(queue.place), limit: None, rate, breaker: None });
            }
        }
        asks
    }

    fn input_of(&self, job: &Job, machine: &Machine, task: TaskId, agent: u32) -> Result<Erased, Failure> {
        let bad = |error: &dyn std::fmt::Display| {
            let name = self.agent(agent).name();
            Failure::new(FailureKind::BadInput, format!("the input of `{name}` is not right: {error}"))
        };
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

    fn child_of(&self, job: &Job, machine: &Machine, task: TaskId) -> Result<(Place, Value), Failure> {
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
        let codec = self.registry.workflows()[workflow as usize].code().input.codec;
        match machine.input_of(task) {
            Ok(Some(input)) => Ok((place, Value::Typed(input, codec))),
            Ok(None) => Err(missing()),
            Err(panic) => Err(Failure::new(FailureKind::Panic, format!("an argument {panic}"))),
        }
    }

    fn count_retry(&self, live: &Live, task: TaskId) {
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

    /// Does what had to wait until the job's lock was free.
    pub(super) fn carry_out(self: &Arc<Self>, job: &Arc<Job>, effects: Effects, granted: &mut Vec<Entry>) {
        let Effects {
            wakers,
            stops,
            children,
            posts,
            callbacks,
            result,
            records,
            hooks,
            granted: free,
            returning,
            machine,
            over,
        } = effects;
        for (record, step) in records {
            self.publish(job, &record, step);
        }
        granted.extend(free);
        for entry in returning {
            self.come_back(entry, granted);
        }
        for (attempt, kind, why) in stops {
            attempt.tell(kind, why);
        }
        for call in hooks {
            self.call_hook(job, &call);
        }
        for child in children {
            if self.launch_job(&child) {
                self.executor.spawn(Arc::clone(self).drive_on(child));
            }
        }
        if let Some(records) = over {
            self.index.over(job.id, records);
            self.jobs.fetch_sub(1, Ordering::SeqCst);
            self.quiet.notify_waiters();
        }
        for (id, event) in posts {
            if let Some(other) = self.index.get(id) {
                self.post(&other, event);
            }
        }
        wakers.into_iter().for_each(Waker::wake);
        if let Some(result) = result {
            for callback in callbacks {
                if let Err(panic) = caught(|| callback(&result)) {
                    tracing::warn!(job = %job.id, "a callback {panic}");
                }
            }
        }
        drop(machine);
    }

    /// One who waited at a gate goes back into its queue, where it is among the first.
    fn come_back(self: &Arc<Self>, entry: Entry, granted: &mut Vec<Entry>) {
        let queue = self.queue_of_late(&entry.job, entry.task);
        granted.extend(queue.wait(entry));
    }

    /// A moment has come at which a gate may open.
    pub(super) fn open_gate(self: &Arc<Self>, key: &GateKey) {
        if let Some(entry) = self.gates.open(key) {
            let mut granted = Vec::new();
            self.come_back(entry, &mut granted);
            granted.into_iter().for_each(|entry| self.grant(entry));
        }
    }

    fn call_hook(&self, job: &Job, call: &HookCall) {
        let id = job.id.to_string();
        let agent = self.agent(call.agent).name();
        let json;
        let error;
        let result = match &call.result {
            Ok(value) => match value.json() {
                Ok(value) => {
                    json = value;
                    Ok(&json)
                }
                Err(_) => return,
            },
            Err(failure) => {
                error = crate::error::AgentError::retry(failure.clone());
                Err(&error)
            }
        };
        let outcome = Outcome::new(agent, &id, &call.step, call.attempt, result);
        let told = caught(|| (call.hook)(&outcome));
        let wrong = match told {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic,
        };
        tracing::warn!(job = %id, step = call.step, agent, "a hook failed, which changes nothing: {wrong}");
    }

    /// Starts an attempt that has a place. Gives how it ended, if it ended at once.
    pub(super) fn launch(self: &Arc<Self>, job: &Arc<Job>, start: Start, now: &mut Instant) -> Option<Event> {
        let began = *now;
        let run = &self.agents[start.agent as usize];
        run.counters.start();
        let attempt = Arc::new(Attempt::new(self, job, &start, began));
        let refused =
            |failure: Failure| Some(attempt.ended(Err((failure, Advice::Permanent)), Duration::ZERO));
        let input = match start.input {
            Ok(input) => self.agent(start.agent).admit(input),
            Err(failure) => return refused(failure),
        };
        let input = match input {
            Ok(input) => input,
            Err(error) => {
                let message =
                    format!("the input of `{}` is not right: {error}", self.agent(start.agent).name());
                return refused(Failure::new(FailureKind::BadInput, message));
            }
        };
        let mut future = match self.future_of(&attempt, input) {
            Ok(future) => future,
            Err(panic) => return refused(Failure::new(FailureKind::Panic, panic)),
        };
        let pace = Duration::from_nanos(u64::from(run.pace.load(Ordering::Relaxed)));
        if self.config.inline && (self.executor.local().is_some() || (!pace.is_zero() && is_quick(pace))) {
            let polled = attempt.poll(&mut future, &mut Context::from_waker(Waker::noop()));
            *now = Instant::now();
            let took = now.duration_since(began);
            self.learn(start.agent, took);
            if let std::task::Poll::Ready(done) = polled {
                return Some(attempt.ended(done, took));
            }
            self.spawn_attempt(job, attempt, future);
        } else if pace > Duration::from_millis(1) || (pace.is_zero() && self.try_apart(start.agent)) {
            self.run_apart(job, attempt, future);
            *now = Instant::now();
        } else {
            self.spawn_attempt(job, attempt, future);
            *now = Instant::now();
        }
        None
    }

    /// Notes how long one poll of an agent took.
    pub(super) fn learn(&self, agent: u32, took: Duration) {
        let pace = &self.agents[agent as usize].pace;
        let took = u32::try_from(took.as_nanos()).unwrap_or(u32::MAX).max(1);
        let known = pace.load(Ordering::Relaxed);
        let mean = match known {
            0 => took,
            known => known - known / 8 + took / 8,
        };
        // What changes little is not written, for all cores would have to hear of it.
        if known == 0 || mean.abs_diff(known) > known / 8 {
            pace.store(mean.max(1), Ordering::Relaxed);
        }
    }

    /// Whether an agent that nobody knows yet is tried on a thread of its own.
    fn try_apart(&self, agent: u32) -> bool {
        self.agents[agent as usize].trying.fetch_add(1, Ordering::Relaxed) < 4
    }

    fn register(&self, job: &Arc<Job>, attempt: &Arc<Attempt>) {
        self.active.fetch_add(1, Ordering::SeqCst);
        job.lock().live().attempts.insert(attempt.task, Arc::clone(attempt));
        attempt.guard();
    }

    fn spawn_attempt(self: &Arc<Self>, job: &Arc<Job>, attempt: Arc<Attempt>, future: crate::agent::Running) {
        self.register(job, &attempt);
        let (engine, job) = (Arc::clone(self), Arc::clone(job));
        self.executor.spawn(async move {
            let agent = attempt.agent;
            let mut runner = Runner { attempt, future: Some(future), polled: Duration::ZERO };
            let event = (&mut runner).await;
            engine.learn(agent, runner.polled);
            engine.finish(job, event).await;
        });
    }

    /// Polls an agent for the first time where it may hold a thread: nobody knows yet whether it does.
    fn run_apart(self: &Arc<Self>, job: &Arc<Job>, attempt: Arc<Attempt>, mut future: crate::agent::Running) {
        self.register(job, &attempt);
        let (engine, job) = (Arc::clone(self), Arc::clone(job));
        self.executor.spawn_blocking(move || {
            let began = Instant::now();
            let polled = attempt.poll(&mut future, &mut Context::from_waker(Waker::noop()));
            let took = began.elapsed();
            engine.learn(attempt.agent, took);
            let executor = engine.executor.clone();
            match polled {
                std::task::Poll::Ready(done) => {
                    let _ = caught(|| drop(future));
                    let event = attempt.ended(done, attempt.began.elapsed());
                    executor.spawn(engine.finish(job, event));
                }
                std::task::Poll::Pending => executor.spawn(async move {
                    let runner = Runner { attempt, future: Some(future), polled: Duration::ZERO };
                    let event = runner.await;
                    engine.finish(job, event).await;
                }),
            }
        });
    }

    /// An attempt waits for others: it gives its place back meanwhile.
    pub(super) fn lend(self: &Arc<Self>, job: &Arc<Job>, task: TaskId) -> bool {
        let mut granted = Vec::new();
        {
            let mut inner = job.lock();
            let live = inner.live();
            let queue = self.default_queue();
            let held = live.places.entry(task).or_insert_with(|| Held {
                queue: Arc::clone(queue),
                asks: Vec::new(),
                lent: 0,
            });
            held.lent += 1;
            if held.lent > 1 {
                return true;
            }
            granted.extend(held.queue.release());
            let returning = self.gates.leave(&held.asks, self.clock.now(), None);
            drop(inner);
            for entry in returning {
                self.come_back(entry, &mut granted);
            }
        }
        granted.into_iter().for_each(|entry| self.grant(entry));
        true
    }

    /// It goes on, and has its place again, even if there is one too many then.
    pub(super) fn take_back(&self, job: &Job, task: TaskId) {
        let mut inner = job.lock();
        if let Some(held) = inner.live().places.get_mut(&task)
            && held.lent > 0
        {
            held.lent -= 1;
            if held.lent == 0 {
                held.queue.retake();
                self.gates.retake(&held.asks);
            }
        }
    }

    pub(super) fn deadline_of(&self, job: &Job) -> Option<Timestamp> {
        job.options().deadline
    }
}
