//! The one who drives a job: takes its events one after the other, folds what follows from them, and does what the
//! machine commands. Whoever brings an event to a job that nobody drives is the one.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Instant;

use super::attempt::{Attempt, EngineRef, Start};
use super::core::Engine;
use super::event::{Answer, Event, Joined};
use super::job::{Callback, Hold, Job, Live};
use super::queue::{Entry as Waiter, Waiting};
use crate::failure::FailureKind;
use crate::hook::Hook;
use crate::job_id::JobId;
use crate::record::{Record, TaskId};
use crate::store::{Entry, WordId};
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
    pub(super) granted: Vec<Waiter>,
    /// Who may try a gate again.
    pub(super) returning: Vec<Waiter>,
    /// Who waits for an answer, and the answer.
    pub(super) answers: Vec<Answer>,
    /// Words of other nodes, and the replies to them.
    pub(super) replies: Vec<(WordId, Arc<str>)>,
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
            && self.answers.is_empty()
            && self.replies.is_empty()
            && !self.enqueue
    }

    /// Whether what comes of the job's next event must not come before these: nobody else drives the job until they are
    /// done.
    fn must_come_first(&self) -> bool {
        !(self.children.is_empty() && self.posts.is_empty() && self.records.is_empty()) || self.enqueue
    }

    /// The replies that are to be written of a job.
    pub(super) fn take_replies(&mut self, job: &Job) -> Vec<Entry> {
        if self.replies.is_empty() {
            return Vec::new();
        }
        let Some(epoch) = job.lock().stored.epoch else { return Vec::new() };
        let reply = |(word, text)| Entry::Reply { word, job: job.id, epoch, text };
        self.replies.drain(..).map(reply).collect()
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

/// What whoever drives a job keeps in hand between two times under its lock.
pub(super) struct Driver {
    job: Arc<Job>,
    /// Attempts that ended at their first poll.
    ended: VecDeque<Event>,
    /// Attempts that are to be started.
    starts: VecDeque<Start>,
    effects: Effects,
    handle: Option<EngineRef>,
    /// What must be written before anything follows from what was folded.
    entry: Option<Entry>,
    /// It is written: what was folded waits to be carried out.
    folded: bool,
    /// The attempt whose end it was given first.
    _busy: Option<Busy>,
}

/// Where a driver stands.
pub(super) enum Step {
    /// Nothing is left to do for the job now.
    Idle,
    /// Others may go first.
    Yield,
    /// Something must be written before anything follows from it.
    Write,
}

/// One time under the job's lock.
pub(super) struct Turn<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) job: &'a Arc<Job>,
    pub(super) now: Timestamp,
    pub(super) watched: bool,
    /// The place that the job got to begin, or that a task of it has left; the next task takes it over.
    pub(super) place: Option<Cow<'a, Arc<Waiting>>>,
    /// How urgent the job was when it got its place, and since when it had waited for it.
    pub(super) waited: Option<(Timestamp, Timestamp)>,
    /// It was just read from its journal.
    pub(super) recovering: bool,
    pub(super) effects: &'a mut Effects,
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

    /// Brings a job the place that it has got; says whether the caller must drive it.
    pub(super) fn place(self: &Arc<Self>, entry: Waiter) -> bool {
        let (taken, must_drive) = self.offer(&entry.job, entry.placed());
        if !taken {
            self.pass_on(entry);
        }
        must_drive
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
        let is_parted = inner.hold == Hold::Other;
        let live = inner.live();
        if is_parted || live.result.is_some() {
            return (false, false);
        }
        live.inbox.push_back(event);
        (true, !std::mem::replace(&mut inner.driving, true))
    }

    /// Drives a job until nothing is left to do for it; then those who got the places that became free.
    pub(crate) async fn drive_on(self: Arc<Self>, job: Arc<Job>) {
        self.drive_with(Driver::new(job)).await;
    }

    pub(super) async fn drive_with(self: Arc<Self>, mut driver: Driver) {
        let mut granted = Vec::new();
        let mut budget = BUDGET;
        loop {
            match driver.step(&self, &mut granted, &mut budget) {
                Step::Idle => drop(driver),
                Step::Yield => {
                    budget = BUDGET;
                    yield_now().await;
                    continue;
                }
                // The scribe lets it go on.
                Step::Write => self.hand_over(driver),
            }
            let mut mine = None;
            for entry in granted.drain(..) {
                match mine {
                    None => mine = self.grant_here(entry),
                    Some(_) => self.grant(entry),
                }
            }
            match mine {
                Some(next) => driver = Driver::new(next),
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
        let mut driver = Driver::new(Arc::clone(job));
        match driver.step(self, &mut granted, &mut BUDGET.clone()) {
            Step::Idle => {}
            Step::Yield => self.executor.spawn(Arc::clone(self).drive_with(driver)),
            Step::Write => self.hand_over(driver),
        }
        granted.into_iter().for_each(|entry| self.grant(entry));
    }

    /// Somebody has got a place: gives the job, if the caller must drive it.
    fn grant_here(self: &Arc<Self>, entry: Waiter) -> Option<Arc<Job>> {
        let job = Arc::clone(&entry.job);
        self.place(entry).then_some(job)
    }

    /// An attempt that was polled elsewhere ended.
    pub(super) async fn finish(self: Arc<Self>, job: Arc<Job>, event: Event) {
        let busy = Busy(Arc::clone(&self));
        if job.lock().hold == Hold::Other {
            return self.give_up_event(&job, event);
        }
        if self.put(&job, event) {
            let driver = Driver { _busy: Some(busy), ..Driver::new(job) };
            self.drive_with(driver).await;
        }
    }
}

/// An attempt that counts as active. A shutdown waits until what ended is written down.
pub(super) struct Busy(Arc<Engine>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        if self.0.stopping.load(std::sync::atomic::Ordering::SeqCst) {
            self.0.quiet.notify_waiters();
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

impl Driver {
    pub(super) fn new(job: Arc<Job>) -> Self {
        Self {
            job,
            ended: VecDeque::new(),
            starts: VecDeque::new(),
            effects: Effects::default(),
            handle: None,
            entry: None,
            folded: false,
            _busy: None,
        }
    }

    pub(super) fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// What is to be written, and the jobs that it calls.
    pub(super) fn take_entry(&mut self) -> (Option<Entry>, Vec<Arc<Job>>) {
        (self.entry.take(), std::mem::take(&mut self.effects.children))
    }

    /// The replies that are to be written with it.
    pub(super) fn take_replies(&mut self) -> Vec<Entry> {
        self.effects.take_replies(&self.job)
    }

    /// It is written, and so are the jobs that it calls: what was folded is carried out.
    pub(super) fn go_on(&mut self, children: Vec<Arc<Job>>) {
        self.effects.children = children;
        self.folded = true;
    }

    /// The job, the attempts that have a place and were not started, and what was not carried out.
    pub(super) fn left(self) -> (Arc<Job>, VecDeque<Start>, Effects) {
        (self.job, self.starts, self.effects)
    }

    /// Drives the job until nothing is left to do for it now, or until something has to be waited for.
    fn step(&mut self, engine: &Arc<Engine>, granted: &mut Vec<Waiter>, budget: &mut usize) -> Step {
        if self.entry.is_some() {
            return Step::Write;
        }
        let mut now = engine.clock.now();
        loop {
            let mut is_idle = false;
            if !std::mem::take(&mut self.folded) {
                let (idle, entry) = self.fold(engine, now, *budget);
                if entry.is_some() {
                    self.entry = entry;
                    return Step::Write;
                }
                is_idle = idle;
            }
            if !self.effects.are_none() {
                engine.carry_out(&self.job, &mut self.effects, granted);
            }
            if engine.has_overrides() {
                engine.halt_if_crashed();
            }
            if is_idle {
                return Step::Idle;
            }
            *budget = budget.saturating_sub(self.starts.len());
            let mut instant = Instant::now();
            while let Some(start) = self.starts.pop_front() {
                if let Some(event) = engine.launch(&mut self.handle, &self.job, start, &mut instant) {
                    self.ended.push_back(event);
                }
            }
            now = engine.clock.at(instant);
            if *budget == 0 {
                // What ended is not forgotten while others go first.
                self.job.lock().live().inbox.extend(self.ended.drain(..));
                return Step::Yield;
            }
        }
    }

    /// Folds what has happened; says whether nothing is left to do, and what is to be written.
    fn fold(&mut self, engine: &Arc<Engine>, now: Timestamp, budget: usize) -> (bool, Option<Entry>) {
        let mut has_more = false;
        let mut inner = self.job.lock();
        if inner.hold == Hold::Other {
            inner.driving = false;
            drop(inner);
            self.ended.drain(..).for_each(|event| engine.give_up_event(&self.job, event));
            self.starts.drain(..).for_each(|start| engine.leave_places(&self.job, start.terms.task));
            return (true, None);
        }
        let mut turn = Turn {
            engine,
            job: &self.job,
            now,
            watched: engine.watch.is_watched(),
            place: None,
            waited: None,
            recovering: false,
            effects: &mut self.effects,
        };
        loop {
            // What an attempt has asked for comes before its end.
            let Some(event) = inner.live().inbox.pop_front() else {
                let Some(event) = self.ended.pop_front() else { break };
                turn.take(&mut inner, event);
                continue;
            };
            turn.take(&mut inner, event);
        }
        turn.give_back_place();
        if let Some(live) = &mut inner.live {
            if live.starts.len() <= budget {
                std::mem::swap(&mut self.starts, &mut live.starts);
            } else {
                self.starts.extend(live.starts.drain(..budget));
                has_more = true;
            }
        }
        let entry = if engine.scribe.is_some() { inner.entry(engine, &self.job) } else { None };
        if self.effects.over.is_some() {
            self.effects.gone = inner.let_go();
        }
        let is_done = self.starts.is_empty() && !has_more && entry.is_none();
        let is_idle = is_done && !self.effects.must_come_first();
        inner.driving = !is_idle;
        (is_idle, entry)
    }
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
