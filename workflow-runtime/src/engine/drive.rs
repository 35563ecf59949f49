//! The one who drives a job: takes its events one after the other, folds what follows from them, and does what the
//! machine commands. Whoever brings an event to a job that nobody drives is the one.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Instant;

use super::attempt::{Attempt, Start};
use super::core::Engine;
use super::event::{Event, Joined};
use super::job::{Callback, Job, Live};
use super::queue::{Entry, Waiting};
use crate::failure::FailureKind;
use crate::hook::Hook;
use crate::job_id::JobId;
use crate::record::{Record, TaskId};
use crate::timestamp::Timestamp;

/// How many attempts one drive starts before it lets others go first.
const BUDGET: usize = 128;

/// What is to be done when the job's lock is free again.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) wakers: Vec<Waker>,
    pub(super) stops: Vec<(Arc<Attempt>, FailureKind, String)>,
    pub(super) children: Vec<Arc<Job>>,
    pub(super) posts: Vec<(JobId, Event)>,
    pub(super) callbacks: Vec<Callback>,
    pub(super) result: Option<Joined>,
    pub(super) records: Vec<(Record, Option<String>)>,
    pub(super) hooks: Vec<HookCall>,
    /// Who has got the places that became free.
    pub(super) granted: Vec<Entry>,
    /// Who may try a gate again.
    pub(super) returning: Vec<Entry>,
    /// Let go of without the lock.
    pub(super) gone: Option<super::take::Gone>,
    pub(super) over: Option<usize>,
    /// Places that nobody needs any more.
    pub(super) unwanted: Vec<super::event::Placed>,
    /// The job waits for a place again, to begin.
    pub(super) enqueue: bool,
}

impl Effects {
    fn are_none(&self) -> bool {
        self.granted.is_empty()
            && self.records.is_empty()
            && self.wakers.is_empty()
            && self.over.is_none()
            && self.posts.is_empty()
            && self.children.is_empty()
            && self.hooks.is_empty()
            && self.returning.is_empty()
            && self.stops.is_empty()
            && self.unwanted.is_empty()
            && self.callbacks.is_empty()
            && self.result.is_none()
            && self.gone.is_none()
            && !self.enqueue
    }
}

/// A hook to be called, and what it sees.
pub(super) struct HookCall {
    pub(super) hook: Hook,
    pub(super) agent: u32,
    pub(super) step: String,
    pub(super) attempt: u32,
    pub(super) result: Result<crate::value::Value, crate::failure::Failure>,
}

/// One time under the job's lock.
pub(super) struct Turn<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) job: &'a Arc<Job>,
    pub(super) now: Timestamp,
    pub(super) watched: bool,
    /// The place that the job got to begin, or that a task of it has left; the next task takes it over.
    pub(super) place: Option<Cow<'a, Arc<Waiting>>>,
    /// How urgent the job was when it got its place.
    pub(super) deadline: Option<Timestamp>,
    /// It was just read from its journal.
    pub(super) recovering: bool,
    pub(super) effects: Effects,
}

impl Engine {
    /// Brings an event to a job, and sees to it that somebody drives it. Says whether the job takes events.
    pub(crate) fn post(self: &Arc<Self>, job: &Arc<Job>, event: Event) -> bool {
        let (taken, must_drive) = self.offer(job, event);
        if must_drive {
            self.executor.spawn(Arc::clone(self).drive_on(Arc::clone(job)));
        }
        taken
    }

    /// Brings an event to a job; says whether the caller must drive it.
    pub(crate) fn put(&self, job: &Arc<Job>, event: Event) -> bool {
        self.offer(job, event).1
    }

    fn offer(&self, job: &Arc<Job>, event: Event) -> (bool, bool) {
        if self.has_crashed() {
            return (false, false);
        }
        let mut inner = job.lock();
        let live = inner.live();
        if live.result.is_some() {
            return (false, false);
        }
        live.inbox.push_back(event);
        (true, !std::mem::replace(&mut inner.driving, true))
    }

    /// Drives a job until nothing is left to do for it; then those who got the places that became free.
    pub(crate) async fn drive_on(self: Arc<Self>, job: Arc<Job>) {
        let mut granted = Vec::new();
        let mut job = job;
        let mut budget = BUDGET;
        loop {
            while !self.drive(&job, &mut granted, &mut budget) {
                budget = BUDGET;
                yield_now().await;
            }
            let mut mine = None;
            for entry in granted.drain(..) {
                match mine {
                    None => mine = self.grant_here(entry),
                    Some(_) => self.grant(entry),
                }
            }
            match mine {
                Some(next) => job = next,
                None => return,
            }
            if budget == 0 {
                budget = BUDGET;
                yield_now().await;
            }
        }
    }

    /// Drives a job once, here; what is left is driven elsewhere.
    pub(crate) fn drive_here(self: &Arc<Self>, job: &Arc<Job>) {
        let mut granted = Vec::new();
        if !self.drive(job, &mut granted, &mut BUDGET.clone()) {
            self.executor.spawn(Arc::clone(self).drive_on(Arc::clone(job)));
        }
        granted.into_iter().for_each(|entry| self.grant(entry));
    }

    /// Somebody has got a place: gives the job, if the caller must drive it.
    fn grant_here(self: &Arc<Self>, entry: Entry) -> Option<Arc<Job>> {
        match self.offer(&entry.job, entry.placed()) {
            (true, true) => Some(entry.job),
            (true, false) => None,
            (false, _) => {
                self.pass_on(entry);
                None
            }
        }
    }

    /// Drives a job; says whether nothing is left to do for it now.
    fn drive(self: &Arc<Self>, job: &Arc<Job>, granted: &mut Vec<Entry>, budget: &mut usize) -> bool {
        let mut ended: VecDeque<Event> = VecDeque::new();
        let mut starts: VecDeque<Start> = VecDeque::new();
        let mut handle = None;
        let watched = self.watch.is_watched();
        let mut turn = Turn {
            engine: self,
            job,
            now: self.clock.now(),
            watched,
            place: None,
            deadline: None,
            recovering: false,
            effects: Effects::default(),
        };
        loop {
            let mut has_more = false;
            let is_idle = {
                let mut inner = job.lock();
                // What an attempt has asked for comes before its end.
                loop {
                    let Some(event) = inner.live().inbox.pop_front() else {
                        let Some(event) = ended.pop_front() else { break };
                        turn.take(&mut inner, event);
                        continue;
                    };
                    turn.take(&mut inner, event);
                }
                turn.give_back_place();
                if let Some(live) = &mut inner.live {
                    if live.starts.len() <= *budget {
                        std::mem::swap(&mut starts, &mut live.starts);
                    } else {
                        starts.extend(live.starts.drain(..*budget));
                        has_more = true;
                    }
                }
                *budget -= starts.len();
                if turn.effects.over.is_some() {
                    turn.effects.gone = inner.let_go();
                }
                let is_idle = starts.is_empty() && !has_more;
                inner.driving = !is_idle;
                is_idle
            };
            if !turn.effects.are_none() {
                self.carry_out(job, &mut turn.effects, granted);
            }
            if self.has_overrides() {
                self.halt_if_crashed();
            }
            if is_idle {
                return true;
            }
            let mut now = Instant::now();
            while let Some(start) = starts.pop_front() {
                if let Some(event) = self.launch(&mut handle, job, start, &mut now) {
                    ended.push_back(event);
                }
            }
            turn.now = self.clock.at(now);
            if *budget == 0 {
                // What ended is not forgotten while others go first.
                job.lock().live().inbox.extend(ended.drain(..));
                return false;
            }
        }
    }

    /// An attempt that was polled elsewhere ended.
    pub(super) async fn finish(self: Arc<Self>, job: Arc<Job>, event: Event) {
        if self.put(&job, event) {
            Arc::clone(&self).drive_on(job).await;
        }
        // Only now: a shutdown waits until what ended is written down.
        self.active.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        if self.stopping.load(std::sync::atomic::Ordering::SeqCst) {
            self.quiet.notify_waiters();
        }
    }
}

/// Lets others go first.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Turn<'_> {
    /// The place that the job got to begin, if no task took it over.
    fn give_back_place(&mut self) {
        if let Some(queue) = self.place.take() {
            self.effects.granted.extend(queue.release());
        }
    }

    /// Writes down what a machine has folded, for those who watch.
    pub(super) fn tell(&mut self, live: &Live, task: Option<TaskId>) {
        if !self.watched {
            return;
        }
        let (Some(record), Some(machine)) = (live.journal.last(), live.machine.as_ref()) else { return };
        let step = task.map(|task| machine.path(task));
        self.effects.records.push((record.clone(), step));
    }
}
