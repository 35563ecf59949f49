//! Jobs whose facts are written: a few tasks let them go on, one after the other, so that a thousand jobs that are written
//! at once are no thousand wake-ups.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::core::Engine;
use super::drive::{Driver, yield_now};
use super::executor::{Executor, lock};
use super::job::Job;
use crate::store::{Entry, Verdict};

/// How many jobs one task is for, as long as there are threads that have nothing to do.
const EACH: usize = 8;

/// After how many jobs a task lets others go first.
const BUDGET: usize = 64;

/// Jobs that may go on.
#[derive(Default)]
pub(crate) struct Ready {
    drivers: Mutex<VecDeque<Told>>,
    /// How many tasks there are that let them go on.
    tasks: AtomicUsize,
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Ready({})", lock(&self.drivers).len())
    }
}

/// A driver that waits for what he has folded to be written.
pub(super) struct Handed {
    engine: Arc<Engine>,
    driver: Driver,
    /// How many records were handed over.
    lines: u32,
    /// The jobs that are called, which are written with it, and how many records each has.
    children: Vec<(Arc<Job>, u32)>,
    /// How many replies to words of other nodes are written with it.
    replies: usize,
}

/// The same, and what the store says: first of the job, then of those that it calls.
pub(super) struct Told(Handed, Verdicts);

/// Verdicts; mostly there is one.
pub(super) enum Verdicts {
    One(Verdict),
    Many(Vec<Verdict>),
}

impl Verdicts {
    fn all(&self) -> &[Verdict] {
        match self {
            Self::One(verdict) => std::slice::from_ref(verdict),
            Self::Many(verdicts) => verdicts,
        }
    }
}

impl Handed {
    /// How many entries it waits for.
    pub(super) fn count(&self) -> usize {
        1 + self.children.len() + self.replies
    }

    /// Nobody writes any more, or not this: who opens the store again goes on with the job.
    pub(super) fn give_up(self) {
        self.engine.give_up(self.driver, None);
    }

    pub(super) fn told(self, verdicts: Verdicts) -> Told {
        Told(self, verdicts)
    }
}

impl Told {
    pub(super) fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.0.engine)
    }

    /// The driver, if the job goes on here.
    fn take(self) -> Option<(Arc<Engine>, Driver)> {
        let Self(Handed { engine, mut driver, lines, children, .. }, verdicts) = self;
        let mut verdicts = verdicts.all().iter().copied();
        let own = verdicts.next();
        let mut called = Vec::with_capacity(children.len());
        for ((child, lines), verdict) in children.into_iter().zip(verdicts) {
            engine.written(&child, lines, Some(verdict));
            called.push(child);
        }
        if !engine.written(driver.job(), lines, own) {
            engine.give_up(driver, own);
            return None;
        }
        driver.go_on(called);
        Some((engine, driver))
    }
}

impl Engine {
    /// Has the scribe write what a driver has folded, and let him go on then.
    pub(super) fn hand_over(self: &Arc<Self>, mut driver: Driver) {
        let (entry, mut called) = driver.take_entry();
        let (Some(scribe), Some(entry)) = (&self.scribe, entry) else { return };
        let lines = entry.count();
        let mut entries: Vec<Entry> = Vec::new();
        let mut children = Vec::new();
        if !called.is_empty() {
            // No job is called that is not there: they come with the record that calls them.
            for (child, entry) in self.write_down(&mut called) {
                children.push((child, entry.count()));
                entries.push(entry);
            }
        }
        let answers = driver.take_replies();
        let replies = answers.len();
        entries.extend(answers);
        let handed = Handed { engine: Arc::clone(self), driver, lines, children, replies };
        scribe.write_for(handed, std::iter::once(entry).chain(entries));
    }

    /// Lets jobs go on that are written.
    pub(super) fn let_go_on(self: &Arc<Self>, told: impl Iterator<Item = Told>) {
        if self.executor.local().is_some() {
            // A test decides which of them goes first.
            for told in told {
                self.executor.spawn(async move { go_on(told).await });
            }
            return;
        }
        let count = {
            let mut drivers = lock(&self.ready.drivers);
            drivers.extend(told);
            drivers.len()
        };
        let wanted = count.div_ceil(EACH).min(self.threads());
        // So often and no more: where tokio's runtime has ended, each is gone at once, and there is always one to be begun.
        for _ in 0..wanted {
            if !self.ready.add_task(wanted) {
                break;
            }
            let task = Task { engine: Arc::clone(self), is_done: false };
            self.executor.spawn(task.let_all_go_on());
        }
    }

    /// How many threads there are to let jobs go on.
    fn threads(&self) -> usize {
        match &self.executor {
            Executor::Tokio(handle) => handle.metrics().num_workers(),
            Executor::Local(_) => 1,
        }
    }
}

/// A task that lets jobs go on as long as there are any.
struct Task {
    engine: Arc<Engine>,
    is_done: bool,
}

impl Task {
    async fn let_all_go_on(mut self) {
        let ready = |engine: &Engine| lock(&engine.ready.drivers).pop_front();
        let mut budget = BUDGET;
        loop {
            let Some(told) = ready(&self.engine) else {
                self.engine.ready.tasks.fetch_sub(1, Ordering::SeqCst);
                // One that came meanwhile may have found that there are tasks enough.
                let is_empty = lock(&self.engine.ready.drivers).is_empty();
                if is_empty || !self.engine.ready.add_task(1) {
                    self.is_done = true;
                    return;
                }
                continue;
            };
            go_on(told).await;
            budget -= 1;
            if budget == 0 {
                budget = BUDGET;
                yield_now().await;
            }
        }
    }
}

impl Drop for Task {
    /// Tokio's runtime is gone, and with it everybody who could let jobs go on: whoever opens the store does it.
    fn drop(&mut self) {
        if !self.is_done {
            self.engine.ready.tasks.fetch_sub(1, Ordering::SeqCst);
            let left = std::mem::take(&mut *lock(&self.engine.ready.drivers));
            drop(left);
        }
    }
}

async fn go_on(told: Told) {
    if let Some((engine, driver)) = told.take() {
        engine.drive_with(driver).await;
    }
}

impl Ready {
    /// One task more, if there are fewer; says whether it is to be begun.
    fn add_task(&self, wanted: usize) -> bool {
        let more = |tasks| (tasks < wanted).then_some(tasks + 1);
        self.tasks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }
}
