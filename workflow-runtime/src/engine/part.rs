//! Jobs that do not go on here: they are others', or nobody's. What they hold is given back, and who waits for them hears
//! from the store how they end, or that they are nowhere.

use std::sync::Arc;
use std::task::Waker;

use super::core::Engine;
use super::drive::Driver;
use super::event::{Event, Placed};
use super::executor::lock;
use super::job::{Hold, Job};
use super::queue::Entry;
use super::timers::AlarmKey;
use crate::failure::{Failure, FailureKind};
use crate::record::{Parent, TaskId};
use crate::store::Verdict;

impl Engine {
    /// All that is not over is for others.
    pub(super) fn part_with_all(self: &Arc<Self>) {
        self.keep_plans_again();
        lock(&self.parked).clear();
        for job in self.index.all() {
            let is_over = job.lock().state().is_over();
            if !is_over {
                self.part_with(&job);
            }
        }
    }

    /// A new job is written, and nobody holds it, or only a term that was over before that was heard: it is for others.
    pub(super) fn part_with_lost(self: &Arc<Self>, job: &Arc<Job>) {
        if matches!(job.lock().hold, Hold::Left | Hold::Lost) {
            let (engine, job) = (Arc::clone(self), Arc::clone(job));
            self.executor.spawn(async move { engine.part_with(&job) });
        }
    }

    /// A job goes on elsewhere, or will: nothing more of it happens here, and who waits for it here hears how it ended.
    pub(super) fn part_with(self: &Arc<Self>, job: &Arc<Job>) {
        let (attempts, alarms, inbox, starts) = {
            let mut inner = job.lock();
            if inner.hold == Hold::Other {
                return;
            }
            if inner.stored.epoch.is_none() {
                // Whoever handed it in is told first whether it is there.
                inner.hold = Hold::Lost;
                return;
            }
            inner.hold = Hold::Other;
            let live = inner.live();
            live.lines = None;
            live.result = None;
            live.trace = None;
            let alarms = live.take_alarms();
            let attempts: Vec<_> = live.attempts.values().cloned().collect();
            (attempts, alarms, std::mem::take(&mut live.inbox), std::mem::take(&mut live.starts))
        };
        starts.into_iter().for_each(|start| self.leave_places(job, start.terms.task));
        self.leave_passed(job);
        self.forget_here(job, alarms);
        self.elsewhere.follow(job);
        if let Some(Parent { job: parent, task, .. }) = job.options().parent
            && self.index.get(parent).is_some()
        {
            self.elsewhere.await_child(job.id, parent, task);
        }
        inbox.into_iter().for_each(|event| self.give_up_event(job, event));
        for attempt in attempts {
            attempt.tell(FailureKind::Cancelled, "another node has taken its job over".to_owned());
        }
    }

    /// Forgets a job that goes on elsewhere, or nowhere; who waits for it here hears why.
    pub(crate) fn abandon(&self, job: &Arc<Job>, failure: Failure) {
        let failure = Arc::new(failure.at(job.id, "", 0));
        let (wakers, callbacks, alarms, inbox) = {
            let mut inner = job.lock();
            let live = inner.live();
            live.lines = None;
            live.result = Some(Err(Arc::clone(&failure)));
            let inbox = std::mem::take(&mut live.inbox);
            (live.wake_watchers(), std::mem::take(&mut live.callbacks), live.take_alarms(), inbox)
        };
        drop(inbox);
        self.forget_here(job, alarms);
        wakers.into_iter().for_each(Waker::wake);
        let result = Err(failure);
        callbacks.into_iter().for_each(|callback| super::caught_result(job.id, callback, &result));
    }

    /// Nothing more happens to a job here.
    fn forget_here(&self, job: &Arc<Job>, alarms: Vec<AlarmKey>) {
        self.leave_room(job);
        alarms.into_iter().for_each(|key| self.timers.cancel(key));
        self.index.remove(job);
        if let Some(key) = &job.options().unique {
            self.forget_unique(&self.name_of(job), key, job.id);
        }
    }

    /// Gives back what attempts hold that will not be started, for their job does not go on here, and what was to be given
    /// to others. Who waits for the job waits on.
    pub(super) fn give_up(self: &Arc<Self>, driver: Driver, verdict: Option<Verdict>) {
        let (job, starts, effects) = driver.left();
        if let Some(verdict) = verdict {
            effects.answers.into_iter().for_each(|answer| answer.refuse(verdict));
        }
        let mut granted = effects.granted;
        for entry in effects.returning {
            self.come_back(entry, &mut granted);
        }
        for placed in effects.unwanted {
            self.give_back(&job, placed, &mut granted);
        }
        for (attempt, kind, why) in effects.stops {
            attempt.tell(kind, why);
        }
        starts.into_iter().for_each(|start| self.leave_places(&job, start.terms.task));
        self.leave_passed(&job);
        granted.into_iter().for_each(|entry| self.grant(entry));
        effects.wakers.into_iter().for_each(Waker::wake);
        if effects.callbacks.is_empty() {
            return;
        }
        for callback in effects.callbacks {
            if let Some((callback, result)) = job.add_callback(callback) {
                super::caught_result(job.id, callback, &result);
            }
        }
        if job.lock().hold == Hold::Other {
            self.elsewhere.follow(&job);
        }
    }

    /// Gives back what an attempt holds, of whose job no more is written here.
    pub(super) fn leave_places(self: &Arc<Self>, job: &Arc<Job>, task: TaskId) {
        let held = job.lock().live().places.remove(&task);
        let mut granted = Vec::new();
        match held {
            None => granted.extend(self.default_queue().release()),
            Some(held) if held.lent > 0 => {}
            Some(held) => {
                granted.extend(held.queue.release());
                for entry in self.leave_gates(&held.asks, None) {
                    self.come_back(entry, &mut granted);
                }
            }
        }
        granted.into_iter().for_each(|entry| self.grant(entry));
    }

    /// Gives back what comes with an event for a job of which no more is written here.
    pub(super) fn give_up_event(self: &Arc<Self>, job: &Arc<Job>, event: Event) {
        match event {
            Event::Ended { task, .. } => self.leave_places(job, task),
            Event::Placed(Placed { task, queue, deadline, since, returning }) => {
                self.pass_on(Entry { deadline, since, job: Arc::clone(job), task, queue, returning });
            }
            // Who waits for an answer says it again; the others do not hear that it was not taken.
            event if !event.is_awaited() => {
                event.said().into_iter().for_each(|said| self.say_by_and_by(job.id, said));
            }
            _ => {}
        }
    }

    /// Gives back what a job holds as a whole that does not go on here.
    pub(super) fn leave_passed(self: &Arc<Self>, job: &Arc<Job>) {
        let passed = std::mem::take(&mut job.lock().live().passed);
        let mut granted = Vec::new();
        for entry in self.leave_gates(&passed, None) {
            self.come_back(entry, &mut granted);
        }
        granted.into_iter().for_each(|entry| self.grant(entry));
    }
}
