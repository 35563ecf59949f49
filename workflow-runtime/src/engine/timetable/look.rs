//! What of a schedule is due: written first, then done.
//!
//! The order says which job runs which tick before that job is there. So a tick that is taken from the schedule is not
//! lost when the process ends in between: who reads the order finds a run without a job, and hands it in. And whoever
//! writes has read the last that was written, so that of several processes one takes each tick, as the schedule is now.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::busy::Busy;
use super::edit::{AGAIN, Unedited, Waits};
use super::order::{Order, Run, Standing, Step, key_of};
use super::page::Page;
use crate::engine::core::Engine;
use crate::engine::event::Event;
use crate::job_id::JobId;
use crate::store::{Store, StoreError};
use crate::timestamp::Timestamp;

/// A run that another process has taken is handed in here if it is not there after so long.
const HANDOVER: Duration = Duration::from_secs(10);

impl Engine {
    /// Sees to it that somebody looks at what of a schedule is due.
    pub(crate) fn look_at(self: &Arc<Self>, name: &str) {
        if let Some(page) = self.timetable.page(name)
            && page.begin_look()
        {
            self.executor.spawn(Arc::clone(self).look(page));
        }
    }

    /// A run of a schedule is over: another may have waited for that.
    pub(in crate::engine) fn run_over(self: &Arc<Self>, schedule: &str) {
        if self.timetable.page(schedule).is_some_and(|page| page.has_waiting()) {
            self.look_at(schedule);
        }
    }

    async fn look(self: Arc<Self>, page: Arc<Page>) {
        loop {
            let next = self.look_once(&page).await;
            self.look_at_in_time(&page, next);
            if !page.end_look() {
                return;
            }
        }
    }

    /// Does what is due; gives when something will be.
    async fn look_once(self: &Arc<Self>, page: &Arc<Page>) -> Option<Timestamp> {
        let _busy = Busy::new(self);
        let is_open = self.scribe.is_none() || self.recovered.1.load(Ordering::SeqCst);
        if !is_open || self.stopping.load(Ordering::SeqCst) {
            return None;
        }
        loop {
            let (order, _) = page.order().ok()?;
            if !self.can_run(page, &order) {
                return None;
            }
            // Whoever hands a run in from now on has it looked again, until it is known that this need not be.
            page.lock().is_full = true;
            let standing = match self.standing(page, &order.runs).await {
                Ok(standing) => standing,
                Err(error) => {
                    tracing::error!(schedule = &*page.name, "what it runs is not known: {error}");
                    return Some(self.clock.of_day() + AGAIN);
                }
            };
            let doubted = self.take_up(page, &order, &standing);
            // Once: of several processes that are set otherwise, the last that began has it its way.
            let is_first = !std::mem::replace(&mut page.lock().is_configured, true);
            let (now, mut step) = (self.clock.of_day(), Step::default());
            let edited = self.edit_order(&page.name, Waits::Always, |order| {
                let of = |job| standing.get(&job).copied().unwrap_or(Standing::Pending);
                let is_set = is_first && order.configure(self.config.schedules.get(&page.name), now);
                step = order.advance(now, of, || self.ids.make(self.clock.now()));
                step.is_changed |= is_set;
                step.is_changed.then(|| order.clone())
            });
            let order = match edited.await {
                Ok(order) => order,
                Err(Unedited::Down) if !self.stopping.load(Ordering::SeqCst) => {
                    tracing::error!(
                        schedule = &*page.name,
                        "it does not go on here: another process has the store"
                    );
                    return None;
                }
                Err(_) => return None,
            };
            if !step.is_full {
                page.lock().is_full = false;
            }
            if let Some(order) = order {
                step.starts.drain(..).for_each(|run| self.hand_in(page, &order, run));
            }
            step.stops.drain(..).for_each(|job| self.stop_replaced(job));
            let is_news = |run: &Run| !standing.contains_key(&run.job) && !page.is_handing(run.job);
            if page.order().is_ok_and(|(order, _)| order.runs.iter().any(is_news)) {
                // Another process has taken some meanwhile.
                continue;
            }
            if self.waits_in_vain(page).await {
                continue;
            }
            match step.next.into_iter().chain(doubted).min() {
                // There is more of it than was given at a time.
                Some(next) if next <= self.clock.of_day() => {}
                next => return next,
            }
        }
    }

    /// Whether a tick waits though no run is left: the last of them ended while that was decided, and told nobody.
    async fn waits_in_vain(self: &Arc<Self>, page: &Page) -> bool {
        let Ok((order, _)) = page.order() else { return false };
        if order.waiting.is_none() || order.schedule.paused {
            return false;
        }
        let standing = self.standing(page, &order.runs).await.unwrap_or_default();
        let is_over = |run: &Run| standing.get(&run.job) == Some(&Standing::Over);
        order.runs.iter().filter(|run| !run.replaced).all(is_over)
    }

    /// Whether what it runs is there and takes its input. If not, it stays as it is, for a program in which it is.
    fn can_run(&self, page: &Page, order: &Order) -> bool {
        let problem = self.work_of_order(&order.work).err();
        let mut inner = page.lock();
        if let Some(problem) = problem.as_ref().filter(|problem| inner.problem.as_ref() != Some(problem)) {
            tracing::error!(schedule = &*page.name, "nothing of it runs: {problem}");
        }
        inner.problem = problem;
        inner.problem.is_none()
    }

    /// Where its runs stand.
    async fn standing(
        self: &Arc<Self>,
        page: &Page,
        runs: &[Run],
    ) -> Result<HashMap<JobId, Standing>, StoreError> {
        let (mut known, mut unknown) = (HashMap::new(), Vec::new());
        for run in runs {
            let here = match self.index.get(run.job) {
                _ if page.is_handing(run.job) => Some(Standing::Pending),
                Some(job) if job.result().is_some() => Some(Standing::Over),
                Some(_) => Some(Standing::Running),
                None if self.scribe.is_some() => None,
                None if self.timetable.is_taken(&run.tick) => Some(Standing::Over),
                None => Some(Standing::Missing),
            };
            match here {
                Some(here) => drop(known.insert(run.job, here)),
                None => unknown.push((run.job, key_of(&run.tick))),
            }
        }
        if !unknown.is_empty() {
            let ask = move |store: &dyn Store| {
                unknown.iter().map(|(job, key)| elsewhere(store, *job, key)).collect()
            };
            let found: Option<Vec<_>> = self.ask_store(ask).await?;
            known.extend(found.unwrap_or_default());
        }
        Ok(known)
    }

    /// Hands in runs that are missing, and stops those in whose place there is another: who was to do so may be gone.
    /// Gives when to look again at those that another process may be about to hand in.
    fn take_up(
        self: &Arc<Self>,
        page: &Arc<Page>,
        order: &Order,
        standing: &HashMap<JobId, Standing>,
    ) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut next = None;
        let is_seen = std::mem::replace(&mut page.lock().is_seen, true);
        for run in &order.runs {
            match standing.get(&run.job) {
                Some(Standing::Running) if run.replaced => self.stop_replaced(run.job),
                Some(Standing::Missing) => {
                    let since = *page.lock().doubted.entry(run.job).or_insert(now);
                    if is_seen && now.since(since) < HANDOVER {
                        next = Some(self.clock.of_day() + HANDOVER);
                    } else {
                        self.hand_in(page, order, run.clone());
                    }
                }
                _ => {}
            }
        }
        page.lock().doubted.retain(|job, _| standing.get(job) == Some(&Standing::Missing));
        next
    }

    /// Cancels a run in whose place there is another.
    pub(super) fn stop_replaced(self: &Arc<Self>, job: JobId) {
        let why = "the next run of its schedule takes its place";
        if let Some(job) = self.index.get(job) {
            self.post(&job, Event::Cancel(why.to_owned(), None));
            return;
        }
        let engine = Arc::clone(self);
        self.executor.spawn(async move {
            if let Err(error) = engine.cancel_parked(job, why).await {
                tracing::error!("{error}");
            }
        });
    }
}

/// Where a run stands that is not in memory.
fn elsewhere(store: &dyn Store, job: JobId, key: &str) -> Result<(JobId, Standing), StoreError> {
    let standing = match store.read(job)? {
        Some(kept) if kept.head.state.is_over() => Standing::Over,
        Some(_) => Standing::Running,
        // It has run and is forgotten.
        None if store.taker(key)?.is_some() => Standing::Over,
        None => Standing::Missing,
    };
    Ok((job, standing))
}
