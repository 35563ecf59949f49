//! What a job's driver does of what the machine commands.

use std::sync::Arc;
use std::time::Duration;

use super::alarm::Alarm;
use super::callee::Callee;
use super::drive::Turn;
use super::event::Event;
use super::job::{Job, JobWork, Live};
use crate::error::Advice;
use crate::failure::{Failure, FailureKind};
use crate::machine::{Command, Machine};
use crate::options::{Options, Priority};
use crate::program::Place;
use crate::record::{Fact, JobOptions, Parent, TaskId};
use crate::state::{JobState, TaskState};
use crate::value::Value;

/// How many jobs may stand above a child job.
const DEPTH: u32 = 10_000;

impl Turn<'_> {
    /// Does what the machine commands, until it commands nothing more.
    pub(super) fn follow(&mut self, live: &mut Live) {
        while let Some(command) = live.machine.as_mut().and_then(Machine::command) {
            self.perform(live, command);
        }
        let news = live.machine.as_mut().map(Machine::news).unwrap_or_default();
        for task in news {
            for told in live.joins.remove(&task).unwrap_or_default() {
                self.tell_joiner(live, task, told);
            }
        }
        if !live.watchers.is_empty() {
            self.effects.wakers.append(&mut live.watchers);
        }
    }

    pub(super) fn perform(&mut self, live: &mut Live, command: Command) {
        let Some(machine) = live.machine.as_ref() else { return };
        // A paused job goes on with what runs, and begins nothing.
        let starts = matches!(command, Command::Evaluate(_) | Command::Run(_) | Command::Call(_));
        if starts && machine.state() == JobState::Paused {
            return live.held.push(command);
        }
        match command {
            Command::Evaluate(task) => self.evaluate(live, task),
            Command::Run(task) => self.run(live, task),
            Command::Call(task) => self.call(live, task),
            Command::Wake(task, due) => {
                let key = self.engine.timers.set(due, Alarm::Wake(Arc::downgrade(self.job), task));
                live.wakes.insert(task, key);
            }
            Command::Await(task) => self.limit_wait(live, task),
            Command::Stop(task) => self.stop_task(live, task),
            Command::Settle(task) => {
                let fact = match machine.settled(task) {
                    Some(Ok(_)) if machine.overlooked(task).is_some() => {
                        Fact::Failed { task, failure: Arc::new(self.oversight(live, task)) }
                    }
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
        if let Some(unwritable) = self.note_value(live, fact) {
            self.fail_task(live, task, unwritable);
        }
    }

    /// Arms the time that something without attempts may take.
    pub(super) fn limit_wait(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let (Some(program), Some(waiting)) = (machine.program(), machine.task(task)) else { return };
        let timeout = program.plan.node(waiting.source).options.timeout;
        if let (Some(timeout), Some(since)) = (timeout, machine.since(task)) {
            let alarm = Alarm::TaskDeadline(Arc::downgrade(self.job), task);
            live.alarms.push(self.engine.timers.set(since + timeout, alarm));
        }
    }

    /// Arms the time that a task may take, all in all.
    pub(super) fn limit_task(&mut self, live: &mut Live, task: TaskId, deadline: Option<Duration>) {
        let Some(machine) = live.machine.as_ref() else { return };
        let is_fresh = machine.task(task).is_some_and(|task| task.attempt == 0);
        if let (Some(time), Some(since)) = (deadline, machine.since(task))
            && (is_fresh || self.recovering)
        {
            let alarm = Alarm::TaskDeadline(Arc::downgrade(self.job), task);
            live.alarms.push(self.engine.timers.set(since + time, alarm));
        }
    }

    pub(super) fn stop(&mut self, live: &mut Live, failure: Failure) {
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
            return self.effects.posts.push((child, Event::Cancel(why(), None)));
        }
        if let Some(attempt) = live.attempts.get(&task) {
            let stop = (Arc::clone(attempt), FailureKind::Cancelled, why());
            return self.effects.stops.push(stop);
        }
        // It has a place, and nobody has polled it yet.
        if let Some(place) = live.starts.iter().position(|start| start.terms.task == task)
            && let Some(start) = live.starts.remove(place)
        {
            let done = Err(Box::new((Failure::new(FailureKind::Cancelled, why()), Advice::Permanent)));
            live.inbox.push_front(start.terms.ended(done));
        }
    }

    /// A step that calls a workflow: a child job.
    fn call(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        let state = machine.task(task).map(|task| task.state);
        if !matches!(state, Some(TaskState::Queued | TaskState::Retrying)) {
            return;
        }
        let (workflow, input) = match self.engine.child_of(self.job, machine, task) {
            Ok(found) => found,
            Err(failure) => return self.fail_task(live, task, failure),
        };
        let Some(own) = self.engine.options_for(self.job, machine, task) else { return };
        let options = JobOptions {
            queue: own.queue.as_deref().map(Arc::from).or_else(|| self.queue_for_child(workflow)),
            priority: own.priority.or_else(|| self.priority_for_child(workflow)),
            deadline: own.timeout.map(|time| self.now + time),
            ..JobOptions::default()
        };
        let limit = own.deadline;
        self.call_job(live, task, JobWork::Call(workflow, input), options, limit);
    }

    /// A step of a queue that this node does not serve: a job of its own, which a node begins that does.
    pub(super) fn call_elsewhere(&mut self, live: &mut Live, task: TaskId, callee: &Callee<'_>) {
        let Some(machine) = live.machine.as_ref() else { return };
        let input = match self.engine.input_of(self.job, machine, task, callee.agent) {
            Ok(input) => Value::Typed(input, self.engine.agent(callee.agent).input_codec()),
            Err(failure) => return self.fail_task(live, task, failure),
        };
        let outer = || self.job.options().priority.or_else(|| self.engine.options_of(self.job)?.priority);
        let options = JobOptions {
            queue: Some(Arc::clone(&callee.queue(self.engine).settings.name)),
            priority: callee.options.priority.or_else(outer),
            terms: Some(Box::new(Options::clone(&callee.options))),
            ..JobOptions::default()
        };
        let (work, limit) = (JobWork::Call(Place::Agent(callee.agent), input), callee.options.deadline);
        self.call_job(live, task, work, options, limit);
    }

    /// A task's own job: it has what its parent's jobs have in common, and `limit` from when the task was ready.
    fn call_job(
        &mut self,
        live: &mut Live,
        task: TaskId,
        work: JobWork,
        options: JobOptions,
        limit: Option<Duration>,
    ) {
        let depth = self.job.options().parent.map_or(1, |parent| parent.depth + 1);
        if depth > DEPTH {
            let message =
                format!("there are {DEPTH} jobs above it already; a workflow that calls itself must end");
            return self.fail_task(live, task, Failure::new(FailureKind::Unrunnable, message));
        }
        let Some(machine) = live.machine.as_ref() else { return };
        let all_in_all = limit.map(|time| machine.since(task).unwrap_or(self.now) + time);
        let outer = self.job.options();
        let options = JobOptions {
            deadline: [outer.deadline, options.deadline, all_in_all].into_iter().flatten().min(),
            key: outer.key.clone(),
            tick: outer.tick.clone(),
            parent: Some(Parent { job: self.job.id, task, depth }),
            ..options
        };
        // First the fact, then the job: no child is without one who waits for it.
        self.trace_task(live, task);
        let below = self.context_below(live, task);
        let options = JobOptions {
            traceparent: below.as_ref().map(|below| Arc::clone(&below.traceparent)),
            tracestate: below.and_then(|below| below.tracestate),
            ..options
        };
        let id = self.engine.ids.make(self.now);
        if limit.is_some() {
            self.limit_task(live, task, limit);
        }
        if self.note(live, Fact::Called { task, job: id }) {
            self.effects.children.push(Arc::new(Job::new(id, work, Some(Box::new(options)), false)));
        }
    }

    /// The queue of a child job that names none: that of the job that waits for it.
    fn queue_for_child(&self, child: Place) -> Option<Arc<str>> {
        let own = self.engine.options_of_place(child).queue.is_some();
        let outer = || self.engine.options_of(self.job)?.queue.as_deref().map(Arc::from);
        if own { None } else { self.job.options().queue.clone().or_else(outer) }
    }

    /// A child job is as urgent as the job that waits for it, or more.
    fn priority_for_child(&self, child: Place) -> Option<Priority> {
        let own = self.engine.options_of_place(child).priority;
        let outer = self.job.options().priority.or_else(|| self.engine.options_of(self.job)?.priority);
        own.max(outer)
    }

    fn conclude(&mut self, live: &mut Live) {
        let Some(machine) = live.machine.as_ref() else { return };
        let fact = match machine.failure() {
            Some(failure) => {
                let mut failure = (**failure).clone();
                failure.undo = machine.not_undone().iter().map(|undo| (**undo).clone()).collect();
                Fact::JobFailed { failure: Arc::new(failure) }
            }
            None => match (machine.first_failure(), machine.result()) {
                (Some(failure), _) => return self.stop_with(live, failure),
                (None, Ok(output)) => match self.engine.check_result(self.job, &output) {
                    Ok(()) => Fact::JobSucceeded { output },
                    Err(failure) => {
                        return self.stop_with(live, Arc::new(failure.at(self.job.id, "", 0)));
                    }
                },
                (None, Err(panic)) => {
                    let kind =
                        if machine.program().is_some() { FailureKind::Panic } else { FailureKind::Error };
                    let failure = Failure::new(kind, format!("what it gives: {panic}"));
                    return self.stop_with(live, Arc::new(failure.at(self.job.id, "", 0)));
                }
            },
        };
        let result = match &fact {
            Fact::JobSucceeded { output } => Ok(output.clone()),
            Fact::JobFailed { failure } => Err(Arc::clone(failure)),
            _ => return,
        };
        match self.try_note(live, fact) {
            Ok(()) => {
                live.result = Some(result);
                self.conclude_job(live);
            }
            Err(failure) if failure.kind == FailureKind::BadOutput => {
                self.stop_with(live, Arc::new(failure.at(self.job.id, "", 0)));
            }
            Err(_) => {}
        }
    }

    fn stop_with(&mut self, live: &mut Live, failure: Arc<Failure>) {
        self.note(live, Fact::Stopped { failure });
    }

    /// A job is over: all who wait for it are told.
    pub(super) fn conclude_job(&mut self, live: &mut Live) {
        let effects = &mut *self.effects;
        effects.wakers.append(&mut live.watchers);
        effects.callbacks.append(&mut live.callbacks);
        effects.result.clone_from(&live.result);
        effects.over = Some(live.journal.len());
        self.engine.count_over(self.job, live, self.now);
        live.take_alarms().into_iter().for_each(|key| self.engine.timers.cancel(key));
        if !live.passed.is_empty() {
            let passed = std::mem::take(&mut live.passed);
            effects.returning.extend(self.engine.leave_gates(&passed, None));
        }
        if let (Some(Parent { job, task, .. }), Some(result)) = (self.job.options().parent, &live.result) {
            let child = self.job.id;
            effects.posts.push((job, Event::Child { task, child, done: result.clone() }));
        }
    }
}
