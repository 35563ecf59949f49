//! What a job's driver does with the events that reach the job.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::alarm::Alarm;
use super::drive::Turn;
use super::event::{Answer, Event, Joined, Placed};
use super::job::{Inner, Live, Refused};
use super::queue::{Entry, WHOLE};
use super::words::reply_of;
use crate::failure::{Failure, FailureKind};
use crate::machine::{Machine, Shape};
use crate::record::{Fact, TaskId};
use crate::small_map::SmallMap;
use crate::state::{JobState, TaskState};

/// What a job that is over let go of: dropped when its lock is free, for whoever waits for an answer is woken by it.
pub(super) type Gone = (VecDeque<Event>, SmallMap<TaskId, Vec<oneshot::Sender<Joined>>>);

impl Inner {
    /// What a job that is over needs no more.
    pub(super) fn let_go(&mut self) -> Option<Gone> {
        let live = self.live.as_mut()?;
        live.starts = VecDeque::new();
        live.attempts = SmallMap::default();
        live.cache = HashMap::new();
        live.journal.shrink_to_fit();
        live.machine.as_mut().map(Machine::settle);
        Some((std::mem::take(&mut live.inbox), std::mem::take(&mut live.joins)))
    }
}

impl Turn<'_> {
    /// Takes an event in, and does what follows.
    pub(super) fn take(&mut self, inner: &mut Inner, event: Event) {
        if let Event::Accepted(told) = event {
            if self.watched {
                self.effects.records.push((self.engine.first_record(self.job), None));
            }
            return self.effects.answers.extend(told.map(Answer::Kept));
        }
        if inner.live().result.is_some() {
            // The job is over; whoever waits for an answer sees that there is none.
            if let Event::Placed(placed) = event {
                self.effects.unwanted.push(placed);
            }
            return;
        }
        if inner.live().machine.is_none() && !self.build(inner) {
            return;
        }
        if let Event::Placed(Placed { task: WHOLE, .. }) = event {
            self.give_room_back(inner);
        }
        let live = inner.live.get_or_insert_with(Box::default);
        match event {
            Event::Placed(placed) if placed.task == WHOLE => self.begin(live, placed),
            Event::Placed(placed) => self.placed(live, placed),
            Event::Ended { task, attempt, done } => self.ended(live, task, attempt, done),
            Event::Child { task, child, done } => self.child_ended(live, task, child, done),
            Event::Due(task) => self.due(live, task),
            Event::TaskExpired(task) => self.task_expired(live, task),
            Event::Expired => self.stop(live, Failure::new(FailureKind::Expired, "its deadline passed")),
            Event::Cancel(why, told) => {
                self.stop(live, Failure::new(FailureKind::Cancelled, why));
                self.answer(told);
            }
            Event::Pause(told) => {
                if self.note(live, Fact::Paused) {
                    self.tell_children(live, || Event::Pause(None));
                }
                self.answer(told);
            }
            Event::Resume(told) => {
                self.resume(live);
                self.answer(told);
            }
            Event::Signal { event, value, word, told } => {
                let answer = match self.check_signal(live, &event, &value) {
                    Ok(()) => self.try_note(live, Fact::Signalled { event, value }),
                    Err(failure) => Err(failure),
                };
                if let (Some(_), Err(refused)) = (word, &answer) {
                    tracing::warn!(job = %self.job.id, "what another node said is refused: {refused}");
                }
                self.effects.replies.extend(word.map(|word| (word, reply_of(&answer))));
                self.effects.answers.push(Answer::Signalled(told, answer));
            }
            Event::Spawn { parent, spawn, told } => {
                let made = self.spawned(live, parent, spawn);
                self.effects.answers.push(Answer::Spawned(told, made));
            }
            Event::Join { task, told } => self.join(live, task, told),
            Event::Log { task, attempt, message } => {
                if is_running(live, task) {
                    self.note(live, Fact::Logged { task, attempt, message });
                }
            }
            Event::Save { task, value, told } => {
                if is_running(live, task) && self.note(live, Fact::Saved { task, value }) {
                    self.answer(Some(told));
                }
            }
            #[cfg(feature = "classic")]
            Event::Outside(wish) => self.outside(live, wish),
            Event::Accepted(_) => {}
            Event::Recovered => self.recovered(live),
        }
        self.follow(live);
        if inner.live().result.is_some() {
            self.give_room_back(inner);
        }
    }

    fn answer(&mut self, told: Option<oneshot::Sender<()>>) {
        self.effects.answers.extend(told.map(Answer::Done));
    }

    /// The job has begun, or never will: another may be handed in.
    fn give_room_back(&mut self, inner: &mut Inner) {
        if std::mem::take(&mut inner.roomed)
            && let Some(room) = &self.engine.queue_of_job(self.job).room
        {
            room.add_permits(1);
        }
    }

    fn tell_children(&mut self, live: &Live, event: impl Fn() -> Event) {
        let calling = live.machine.as_ref().map(Machine::calling).unwrap_or_default();
        self.effects.posts.extend(calling.into_iter().map(|(_, child)| (child, event())));
    }

    fn resume(&mut self, live: &mut Live) {
        if !self.note(live, Fact::Resumed) {
            return;
        }
        self.tell_children(live, || Event::Resume(None));
        for command in std::mem::take(&mut live.held) {
            self.perform(live, command);
        }
        // It got a place while it was paused, and gave it back: it waits for one again.
        self.effects.enqueue |= std::mem::take(&mut live.held_begin);
    }

    /// The machine of a job that nothing has happened to yet.
    fn build(&mut self, inner: &mut Inner) -> bool {
        match self.engine.shape(self.job) {
            Ok(shape) => {
                let records = match &shape {
                    Shape::Workflow(program, _) => 2 * program.nodes.len() + 2,
                    Shape::Tasks(tasks) => 2 * tasks.tasks.len() + 2,
                    Shape::Single(_) => 4,
                };
                let live = inner.live();
                live.journal.reserve_exact(records);
                if self.engine.scribe.is_some() {
                    live.lines.get_or_insert_default();
                }
                live.machine = Some(Machine::new(shape, self.job.options()));
                true
            }
            Err(failure) => {
                inner.live().fail(failure.at(self.job.id, "", 0));
                inner.state = JobState::Failed;
                self.conclude_job(inner.live());
                self.give_room_back(inner);
                false
            }
        }
    }

    /// The job has a place, and begins; unless it is paused, or its workflow's limits do not let it yet.
    fn begin(&mut self, live: &mut Live, placed: Placed) {
        let queue = self.engine.queue_at(placed.queue);
        let Some(machine) = live.machine.as_ref() else { return };
        if machine.state() == JobState::Paused {
            live.held_begin = true;
            return self.effects.unwanted.push(placed);
        }
        if !matches!(machine.state(), JobState::Pending | JobState::Scheduled) {
            return self.effects.unwanted.push(placed);
        }
        let mut asks = self.engine.asks_of_job(self.job);
        if !asks.is_empty() {
            let Placed { task, queue: place, deadline, since, returning } = placed;
            let entry = Entry { deadline, since, job: Arc::clone(self.job), task, queue: place, returning };
            if !self.pass(&mut asks, entry) {
                return self.effects.granted.extend(queue.release());
            }
        }
        live.passed = asks;
        self.place = Some(queue);
        self.waited = Some((placed.deadline, placed.since));
        if self.note(live, Fact::Begun) {
            self.open_trace(live);
            self.limit_job(live);
        }
    }

    /// Arms the time that the job's workflow lets it take.
    pub(super) fn limit_job(&mut self, live: &mut Live) {
        let begun = live.machine.as_ref().and_then(Machine::begun);
        if let (Some(begun), Some(timeout)) = (begun, self.engine.timeout_of_job(self.job)) {
            let alarm = Alarm::JobDeadline(Arc::downgrade(self.job));
            live.alarms.push(self.engine.timers.set(begun + timeout, alarm));
        }
    }

    /// Folds a fact; says whether the machine took it.
    pub(super) fn note(&mut self, live: &mut Live, fact: Fact) -> bool {
        self.try_note(live, fact).is_ok()
    }

    /// Folds a fact with a value in it; gives the failure if the value cannot be written.
    pub(super) fn note_value(&mut self, live: &mut Live, fact: Fact) -> Option<Failure> {
        self.try_note(live, fact).err().filter(|failure| failure.kind == FailureKind::BadOutput)
    }

    pub(super) fn try_note(&mut self, live: &mut Live, fact: Fact) -> Result<(), Failure> {
        let task = fact.task();
        if self.engine.is_crashed() {
            return Err(Failure::new(FailureKind::Unrunnable, "the runtime has crashed, as a test wants it"));
        }
        match live.note(self.now, fact) {
            Ok(()) => {
                if live.trace.is_some() {
                    self.trace_fact(live);
                }
                self.tell(live, task);
                Ok(())
            }
            Err(refused) => {
                tracing::debug!(job = %self.job.id, "refused: {refused}");
                let kind = match refused {
                    Refused::Illegal(_) => FailureKind::Unrunnable,
                    Refused::Unwritable(_) => FailureKind::BadOutput,
                };
                Err(Failure::new(kind, refused.to_string()))
            }
        }
    }
}

/// Whether an attempt of a task runs, and may say something.
fn is_running(live: &Live, task: TaskId) -> bool {
    let task = live.machine.as_ref().and_then(|machine| machine.task(task));
    task.is_some_and(|task| task.state == TaskState::Running)
}
