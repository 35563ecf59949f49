//! How the jobs that an earlier process has left are taken over from the store, a page at a time. A store that fails is
//! asked again until it does not.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use tokio::sync::oneshot;

use super::core::Engine;
use super::executor::lock;
use super::job::Job;
use super::scribe::{FIRST, MOST};
use super::wait::Sleep;
use crate::job_id::JobId;
use crate::machine::{Machine, Unfit};
use crate::record::TaskId;
use crate::state::JobState;
use crate::store::{Claimed, Most, StoreError, StoreErrorKind};

/// How many jobs are read from the store at once.
const PAGE: usize = 1000;

/// How many of these wait to begin.
fn count_waiting(claimed: &[Claimed]) -> usize {
    let waits = |state| matches!(state, JobState::Pending | JobState::Scheduled);
    claimed.iter().filter(|claimed| waits(claimed.kept.head.state)).count()
}

/// Child jobs, and the tasks that wait for them.
type Called = Vec<(TaskId, JobId)>;

/// What is to be taken over, and how far that is.
pub(super) struct Takeover {
    engine: Arc<Engine>,
    /// Jobs that wait for child jobs, and those. They go on when all children are there.
    parents: Vec<(Arc<Job>, Called)>,
    /// Jobs that were claimed while others were brought into memory.
    ahead: Option<Vec<Claimed>>,
    /// All that is not over was read.
    is_read: bool,
}

impl Engine {
    /// Reads the jobs that are not over from the store, and lets them go on.
    pub(crate) fn recover_all(self: &Arc<Self>) {
        if self.scribe.is_none() {
            return;
        }
        let mut takeover = Takeover::of(self);
        // Whoever tests finds all of it there, unless the store fails.
        if self.executor.local().is_none() || !takeover.go_on() {
            self.executor.spawn(takeover.run());
        }
    }

    /// Waits until all jobs in the store that are not over have been read.
    pub(crate) async fn wait_until_recovered(self: &Arc<Self>) {
        let (notify, is_done) = &self.recovered;
        let recovered = async {
            loop {
                let told = notify.notified();
                if self.scribe.is_none() || is_done.load(Ordering::SeqCst) {
                    return;
                }
                told.await;
            }
        };
        self.wait_for(recovered).await;
    }

    /// A job that was taken over is in memory, or parked.
    fn restore_claimed(self: &Arc<Self>, claimed: Claimed) -> Option<Arc<Job>> {
        let Claimed { epoch, kept } = claimed;
        if let Some(before) = self.index.get(kept.head.id) {
            // This node has had it before it was silent for long.
            self.part_with(&before);
            self.index.remove(&before);
        }
        let records = kept.records().map_err(|error| Unfit::whole(error.to_string()));
        match records.and_then(|records| self.restore(&records, Some(epoch))) {
            Ok(job) => {
                self.unpark(&kept, epoch);
                Some(job)
            }
            Err(unfit) => {
                self.park(&kept, epoch, &unfit);
                None
            }
        }
    }
}

impl Takeover {
    pub(super) fn of(engine: &Arc<Engine>) -> Self {
        Self { engine: Arc::clone(engine), parents: Vec::new(), ahead: None, is_read: false }
    }

    /// Takes over what others have written meanwhile. Jobs whose children cannot be read now go on when they can be: they
    /// would call others.
    pub(super) fn take_more(mut self) -> Result<(), StoreError> {
        let taken = self.take_all();
        match taken {
            Ok(()) => self.parents.iter().for_each(|(job, _)| self.engine.go_on(job)),
            Err(_) if self.parents.is_empty() => {}
            Err(_) => {
                let engine = Arc::clone(&self.engine);
                engine.executor.spawn(self.run());
            }
        }
        taken
    }

    /// Goes on until all is done, where that may take its time.
    async fn run(mut self) {
        let engine = Arc::clone(&self.engine);
        let mut pause = FIRST;
        loop {
            let (told, answer) = oneshot::channel();
            engine.executor.spawn_blocking(move || {
                let is_done = self.go_on();
                drop(told.send((self, is_done)));
            });
            match answer.await {
                Ok((left, false)) => self = left,
                _ => return,
            }
            Sleep::new(&engine, engine.clock.now() + pause).await;
            pause = (pause * 2).min(MOST);
        }
    }

    /// Goes on as far as the store lets it; says whether nothing is left to do.
    fn go_on(&mut self) -> bool {
        match self.take_all() {
            Err(error) if error.kind() == StoreErrorKind::Unavailable && !self.is_stopping() => {
                tracing::error!("jobs that are not over cannot be read now, and wait: {error}");
                return false;
            }
            Err(error) => {
                tracing::error!("jobs that are not over cannot be read, and do not go on: {error}");
            }
            Ok(()) => {}
        }
        let is_stopping = self.is_stopping();
        for (job, _) in &self.parents {
            if is_stopping {
                // Nobody drives it.
                job.lock().driving = false;
            } else {
                self.engine.go_on(job);
            }
        }
        self.engine.recovered.1.store(true, Ordering::SeqCst);
        self.engine.recovered.0.notify_waiters();
        // Only now: what of a schedule runs is known.
        self.engine.executor.spawn(Arc::clone(&self.engine).open_timetable());
        true
    }

    fn is_stopping(&self) -> bool {
        self.engine.stopping.load(Ordering::SeqCst)
    }

    fn take_all(&mut self) -> Result<(), StoreError> {
        let engine = Arc::clone(&self.engine);
        let _alone = lock(&engine.taking);
        if !self.is_read {
            self.engine.learn_plans()?;
        }
        while !self.is_read && !self.is_stopping() {
            self.is_read = !self.take_page()?;
        }
        self.read_children()
    }

    /// Reads the children that are over, for those who wait for them. Who cannot be told what his child gave is set
    /// aside: he would call another.
    fn read_children(&mut self) -> Result<(), StoreError> {
        let mut aside = Vec::new();
        for (job, children) in &self.parents {
            for (task, child) in children.iter().filter(|(_, child)| self.engine.index.get(*child).is_none())
            {
                match self.read_child(job, *task, *child) {
                    Err(error) if error.kind() == StoreErrorKind::Unavailable => return Err(error),
                    Err(error) => aside.push((Arc::clone(job), error)),
                    Ok(()) => {}
                }
            }
        }
        for (job, error) in aside {
            self.parents.retain(|(parent, _)| parent.id != job.id);
            self.engine.set_aside(&job, &format!("what it waits for cannot be read: {error}"));
        }
        Ok(())
    }

    /// Reads some jobs, and lets those go on that wait for no children; says whether there were any.
    fn take_page(&mut self) -> Result<bool, StoreError> {
        let page = match self.ahead.take() {
            Some(page) => page,
            None => self.claim(0)?,
        };
        if page.is_empty() {
            return Ok(false);
        }
        let (restored, ahead) = self.restore_all(page);
        for job in restored {
            let calling = {
                let inner = job.lock();
                let machine = inner.live_ref().and_then(|live| live.machine.as_ref());
                machine.map(Machine::calling).unwrap_or_default()
            };
            match calling.is_empty() {
                true => self.engine.go_on(&job),
                false => self.parents.push((job, calling)),
            }
        }
        self.ahead = Some(ahead?);
        Ok(true)
    }

    /// Claims some jobs, while others of which so many wait are brought into memory.
    fn claim(&self, coming: usize) -> Result<Vec<Claimed>, StoreError> {
        let Some(scribe) = &self.engine.scribe else { return Ok(Vec::new()) };
        let waiting = self.engine.room().saturating_sub(coming).min(PAGE);
        // First: what comes to be free meanwhile is told.
        self.engine.has_more.store(false, Ordering::SeqCst);
        let claimed = scribe.store()?.claim(scribe.term(), Most { jobs: PAGE, waiting })?;
        self.count(&claimed);
        if count_waiting(&claimed) >= waiting {
            self.engine.has_more.store(true, Ordering::SeqCst);
        }
        Ok(claimed)
    }

    fn count(&self, claimed: &[Claimed]) {
        let (meter, waiting) = (&self.engine.meters.lease, count_waiting(claimed));
        meter.takeovers.fetch_add(u64::from(!claimed.is_empty()), Ordering::Relaxed);
        meter.jobs_waiting.fetch_add(waiting as u64, Ordering::Relaxed);
        meter.jobs_begun.fetch_add((claimed.len() - waiting) as u64, Ordering::Relaxed);
    }

    /// Brings jobs into memory, and claims the next; where there are threads, several at once do it.
    fn restore_all(&self, mut page: Vec<Claimed>) -> (Vec<Arc<Job>>, Result<Vec<Claimed>, StoreError>) {
        let restore = |some: Vec<Claimed>| -> Vec<Arc<Job>> {
            some.into_iter().filter_map(|claimed| self.engine.restore_claimed(claimed)).collect()
        };
        let coming = count_waiting(&page);
        if self.engine.executor.local().is_some() {
            return (restore(page), self.claim(coming));
        }
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let each = page.len().div_ceil(threads);
        thread::scope(|scope| {
            let ahead = scope.spawn(move || self.claim(coming));
            let mut others = Vec::new();
            while page.len() > each {
                let part = page.split_off(page.len() - each);
                others.push(scope.spawn(|| restore(part)));
            }
            let mut restored = restore(page);
            for other in others.into_iter().rev() {
                restored.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            (restored, ahead.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }

    /// Reads a job that is over, for one who waits for it. If another node has it, he waits for that.
    fn read_child(&self, parent: &Job, task: TaskId, id: JobId) -> Result<(), StoreError> {
        let Some(scribe) = &self.engine.scribe else { return Ok(()) };
        let Some(kept) = scribe.store()?.read(id)? else { return Ok(()) };
        if self.engine.remember(&kept)?.is_none() && self.engine.shares_store() {
            self.engine.elsewhere.await_child(id, parent.id, task);
        }
        Ok(())
    }
}
