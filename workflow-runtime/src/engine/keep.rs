//! What has to do with a store: what is written of a job, and what follows from the store's answer.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::sync::oneshot;

use super::core::Engine;
use super::event::{Event, Joined};
use super::job::{Callback, Hold, Inner, Job, JobWork, Live, Unwritten};
use super::scribe::Scribe;
use super::wait::Sleep;
use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::record::JobOptions;
use crate::state::JobState;
use crate::store::{Change, Entry, Epoch, Head, Store, StoreError, StoreErrorKind, Verdict};

/// How long a `submit` waits for a store that cannot be written.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Why new jobs were not written: the store fails, or it says nothing, and they are unwanted by now.
fn why_not(scribe: &Scribe, unwanted: bool) -> Option<StoreError> {
    let silent = || {
        let (name, seconds) = (scribe.store_name(), PATIENCE.as_secs());
        let message = format!("{name}: what came before has not been written for {seconds} seconds");
        StoreError::new(StoreErrorKind::Unavailable, message)
    };
    scribe.trouble().or_else(|| unwanted.then(silent))
}

/// Who has come to look at a job between the fold and the store's answer.
#[derive(Default)]
struct News {
    wakers: Vec<Waker>,
    callbacks: Vec<Callback>,
    result: Option<Joined>,
}

/// Why a new job is not in the store.
#[derive(Debug)]
pub(crate) enum Unkept {
    /// This one has its unique key, or has taken its key for ever.
    Taken(JobId),
    /// The dead letter in whose place it comes is none any more.
    Settled,
    /// The store cannot be written.
    Store(StoreError),
    /// The runtime shuts down.
    Down,
}

impl Engine {
    /// Adds a new job, which is not written yet where there is a store.
    ///
    /// # Errors
    /// When what was asked for cannot be written as JSON.
    pub(super) fn take_in(&self, job: &Arc<Job>) -> Result<(), String> {
        if self.scribe.is_some() {
            let mut unwritten = Unwritten::default();
            unwritten.add(&self.first_record(job), None, &[])?;
            job.lock().live().lines = Some(unwritten);
        }
        self.count_submitted(job);
        self.index.add(Arc::clone(job));
        if self.scribe.is_none() && self.watch.is_watched() {
            self.publish(job, &self.first_record(job), None);
        }
        Ok(())
    }

    /// Lets a new job begin, now or when its time comes, and has it written. `told` hears when it is.
    pub(crate) fn let_go(
        self: &Arc<Self>,
        job: &Arc<Job>,
        told: Option<oneshot::Sender<Result<(), Verdict>>>,
    ) {
        let is_left = self.leave_to_others(job);
        // First, for a job whose time is up at once takes no more events.
        let mut must_drive = self.scribe.is_some() && self.put(job, Event::Accepted(told));
        must_drive |= !is_left && self.launch_job(job);
        if !must_drive {
            return;
        }
        match self.scribe {
            // Nothing of it runs before it is written.
            Some(_) => self.drive_here(job),
            None => self.executor.spawn(Arc::clone(self).drive_on(Arc::clone(job))),
        }
    }

    /// Lets a new job go, and waits until it is written.
    ///
    /// # Errors
    /// When it is not taken by the store, or when the store cannot be written for [a while](PATIENCE); then the job is
    /// nowhere.
    pub(crate) async fn begin_job(self: &Arc<Self>, job: &Arc<Job>) -> Result<(), Unkept> {
        if self.scribe.is_none() {
            self.let_go(job, None);
            return Ok(());
        }
        self.begin_job_by(job, |told| self.let_go(job, Some(told))).await
    }

    /// The same, for one who lets it go himself.
    pub(super) async fn begin_job_by(
        self: &Arc<Self>,
        job: &Arc<Job>,
        let_go: impl FnOnce(oneshot::Sender<Result<(), Verdict>>),
    ) -> Result<(), Unkept> {
        let Some(scribe) = &self.scribe else { return Ok(()) };
        let (told, mut heard) = oneshot::channel();
        let_go(told);
        let mut unwanted = false;
        loop {
            let mut patience = Sleep::new(self, self.clock.now() + PATIENCE);
            let first = poll_fn(|context| match Pin::new(&mut heard).poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => Pin::new(&mut patience).poll(context).map(|()| None),
            });
            match self.wait_for(first).await {
                Some(Ok(Ok(()))) => return Ok(()),
                Some(Ok(Err(Verdict::Taken(other)))) => return Err(Unkept::Taken(other)),
                Some(Ok(Err(Verdict::Settled))) => return Err(Unkept::Settled),
                Some(Ok(Err(_))) => {
                    let message = format!("{}: another process has begun to use it", scribe.store_name());
                    return Err(Unkept::Store(StoreError::new(StoreErrorKind::Superseded, message)));
                }
                Some(Err(_)) => {
                    let Some(error) = why_not(scribe, unwanted) else { return Err(Unkept::Down) };
                    // It waits for nothing any more.
                    self.queue_of_job(job).forget(|entry| entry.job.id == job.id);
                    self.abandon(job, Failure::new(FailureKind::Unrunnable, error.to_string()));
                    return Err(Unkept::Store(error));
                }
                // If it cannot be written, who waits for it hears so.
                None => {
                    unwanted = true;
                    scribe.withdraw(&[job.id]);
                }
            }
        }
    }

    /// Takes in a new job that is to be written together with others; gives what is to be written of it.
    ///
    /// # Errors
    /// When what was asked for cannot be written as JSON.
    pub(crate) fn accept_for(
        self: &Arc<Self>,
        scribe: &Scribe,
        work: JobWork,
        options: Option<Box<JobOptions>>,
        roomed: bool,
    ) -> Result<(Arc<Job>, Entry), String> {
        let job = Arc::new(Job::new(self.ids.make(self.clock.now()), work, options, roomed));
        let mut unwritten = Unwritten::default();
        unwritten.add(&self.first_record(&job), None, &[])?;
        let (head, lines) = (Arc::new(self.head(&job)), unwritten.take().unwrap_or_default());
        self.keep_plan(&job);
        // Whoever brings an event meanwhile leaves it to us.
        job.lock().driving = true;
        self.count_submitted(&job);
        self.index.add(Arc::clone(&job));
        let free = self.leave_to_others(&job).then(|| self.due(&job));
        Ok((job, Entry::New { head, term: scribe.term(), lines, settles: None, free }))
    }

    /// Has many new jobs written at once, which are then to [begin](Self::begin_written): all of them, or, if the store
    /// cannot be written for [a while](PATIENCE), none.
    pub(crate) async fn write_new(
        self: &Arc<Self>,
        jobs: &[Arc<Job>],
        entries: Vec<Entry>,
    ) -> Result<(), Unkept> {
        let Some(scribe) = &self.scribe else { return Ok(()) };
        let counts: Vec<u32> = entries.iter().map(Entry::count).collect();
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        let (mut written, mut unwanted) = (scribe.write_all(entries), false);
        let verdicts = loop {
            let mut patience = Sleep::new(self, self.clock.now() + PATIENCE);
            let first = poll_fn(|context| match Pin::new(&mut written).poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => Pin::new(&mut patience).poll(context).map(|()| None),
            });
            match self.wait_for(first).await {
                Some(Ok(verdicts)) => break verdicts,
                Some(Err(_)) => {
                    let Some(error) = why_not(scribe, unwanted) else { return Err(Unkept::Down) };
                    let failure = || Failure::new(FailureKind::Unrunnable, error.to_string());
                    jobs.iter().for_each(|job| self.abandon(job, failure()));
                    return Err(Unkept::Store(error));
                }
                None => {
                    unwanted = true;
                    scribe.withdraw(&ids);
                }
            }
        };
        for ((job, lines), verdict) in jobs.iter().zip(counts).zip(verdicts) {
            self.written(job, lines, Some(verdict));
        }
        Ok(())
    }

    /// Waits until all that was to be written is, or until it is given up.
    pub(crate) async fn end_writing(self: &Arc<Self>) {
        let Some(scribe) = &self.scribe else { return };
        scribe.close();
        self.wait_for(scribe.wait_until_closed()).await;
        self.close_timetable().await;
        let term = scribe.term();
        if self.shares_store()
            && let Err(error) = self.ask_store(move |store| store.end(term)).await
        {
            tracing::warn!("others take this node's jobs over when its lease is over: {error}");
        }
        self.wait_for(scribe.let_go()).await;
    }

    /// Asks the store for something, where that may take its time; none if there is no store.
    pub(crate) async fn ask_store<T: Send + 'static>(
        self: &Arc<Self>,
        ask: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let Some(scribe) = &self.scribe else { return Ok(None) };
        let (told, answer) = oneshot::channel();
        let store = scribe.store()?;
        self.executor.spawn_blocking(move || {
            let answer = ask(&*store);
            // Who has heard the answer may let go of the store, and open it again.
            drop(store);
            drop(told.send(answer));
        });
        match self.wait_for(answer).await {
            Ok(answer) => answer.map(Some),
            Err(_) => {
                let message = format!("{}: it panicked, or the runtime is gone", scribe.store_name());
                Err(StoreError::new(StoreErrorKind::Unavailable, message))
            }
        }
    }

    /// What lists show of a job in memory.
    pub(crate) fn head(&self, job: &Job) -> Head {
        let inner = job.lock();
        self.head_of(job, inner.state(), inner.live_ref())
    }

    /// What lists show of a job.
    pub(super) fn head_of(&self, job: &Job, state: JobState, live: Option<&Live>) -> Head {
        let options = job.options();
        Head {
            id: job.id,
            name: self.name_of(job),
            state,
            queue: self.queue_name(job),
            priority: options.priority,
            tags: self.tags(job),
            unique: options.unique.clone(),
            parent: options.parent,
            submitted: job.id.made_at(),
            not_before: options.not_before,
            ended: live.and_then(|live| live.ended(state)),
            failure: live.and_then(Live::why),
            once: options.once.clone(),
            parked: None,
            settled: live.is_some_and(|live| live.settled),
        }
    }

    /// What follows from the store's answer to what was written of a job; says whether the job goes on here.
    pub(super) fn written(self: &Arc<Self>, job: &Arc<Job>, lines: u32, verdict: Option<Verdict>) -> bool {
        // Nobody writes any more: who opens the store again goes on with it.
        let Some(verdict) = verdict else { return false };
        let (news, why) = {
            let mut inner = job.lock();
            let stored = inner.stored;
            let held = match verdict {
                Verdict::Written(epoch) => Some(epoch),
                // It was written before, and the answer was lost.
                Verdict::Not { count } if count == stored.count + lines => {
                    Some(stored.epoch.unwrap_or(Epoch::FIRST))
                }
                _ => None,
            };
            if held.is_some() {
                inner.stored.epoch = held;
                inner.stored.count += lines;
                // Who has looked meanwhile has not seen what was folded.
                (inner.wrote(lines), None)
            } else {
                let why = match verdict {
                    Verdict::Taken(other) => format!("job {other} has its key"),
                    Verdict::Settled => "the dead letter in whose place it comes is none any more".to_owned(),
                    Verdict::Stale => "another process has taken it over".to_owned(),
                    Verdict::Elsewhere => "another process has made it".to_owned(),
                    _ => "the store has other records of it".to_owned(),
                };
                (News::default(), Some(why))
            }
        };
        news.wakers.into_iter().for_each(Waker::wake);
        if let Some(result) = &news.result {
            news.callbacks.into_iter().for_each(|callback| super::caught_result(job.id, callback, result));
        }
        let Some(why) = why else {
            self.part_with_lost(job);
            return true;
        };
        if job.lock().hold == Hold::Other {
            // It went elsewhere meanwhile, and may have ended there: what is known of its end stays known.
            return false;
        }
        if verdict == Verdict::Stale && self.shares_store() && job.lock().stored.epoch.is_some() {
            tracing::warn!(job = %job.id, "it does not go on here: {why}");
            self.part_with(job);
            return false;
        }
        match verdict {
            // Who handed it in hears so, and that is all.
            Verdict::Taken(_) | Verdict::Settled | Verdict::Elsewhere => {
                tracing::debug!(job = %job.id, "it is not taken in: {why}")
            }
            _ => tracing::error!(job = %job.id, "it does not go on here: {why}"),
        }
        self.abandon(job, Failure::new(FailureKind::Unrunnable, why));
        false
    }

    /// What is to be written of new child jobs. Those of which it cannot be are refused, and there no more.
    pub(super) fn write_down(self: &Arc<Self>, children: &mut Vec<Arc<Job>>) -> Vec<(Arc<Job>, Entry)> {
        let mut entries = Vec::new();
        children.retain(|child| {
            if let Err(why) = self.take_in(child) {
                self.refuse_child(child, &why);
                return false;
            }
            self.leave_to_others(child);
            let mut inner = child.lock();
            // Whoever brings an event meanwhile leaves it to us.
            inner.driving = true;
            entries.extend(inner.entry(self, child).map(|entry| (Arc::clone(child), entry)));
            true
        });
        entries
    }

    /// Lets a job begin that is written already.
    pub(crate) fn begin_written(self: &Arc<Self>, job: &Arc<Job>) {
        if self.watch.is_watched() {
            self.publish(job, &self.first_record(job), None);
        }
        let has_news = {
            let mut inner = job.lock();
            // Until now, whoever brought an event left it to us.
            inner.driving = inner.live_ref().is_some_and(|live| !live.inbox.is_empty());
            // It goes on elsewhere.
            if inner.hold != Hold::Own {
                inner.driving = false;
                return;
            }
            inner.driving
        };
        if self.launch_job(job) || has_news {
            self.drive_here(job);
        }
    }
}

impl Inner {
    /// What is folded and not written.
    pub(super) fn entry(&mut self, engine: &Engine, job: &Job) -> Option<Entry> {
        let state = self.state();
        let live = self.live.as_mut()?;
        let lines = live.lines.as_mut()?.take()?;
        let known = std::mem::replace(&mut self.stored.state, state);
        let Some(epoch) = self.stored.epoch else {
            let head = Arc::new(engine.head_of(job, state, Some(live)));
            let term = engine.scribe.as_ref()?.term();
            engine.keep_plan(job);
            let free = engine.free(job, self.hold);
            return Some(Entry::New { head, term, lines, settles: live.settles, free });
        };
        let change = (known != state)
            .then(|| Box::new(Change { ended: live.ended(state), failure: live.why(), ..Change::to(state) }));
        Some(Entry::More { job: job.id, epoch, first: self.stored.count, lines, change })
    }

    /// So many records are written; gives who waits to see them. A job to which nothing else has happened yet is small
    /// again.
    fn wrote(&mut self, lines: u32) -> News {
        let Some(live) = &mut self.live else { return News::default() };
        if let Some(unwritten) = &mut live.lines {
            unwritten.count -= lines;
        }
        let mut news = News { wakers: live.wake_watchers(), ..News::default() };
        news.result = live.told_result().cloned();
        if news.result.is_some() {
            news.callbacks = std::mem::take(&mut live.callbacks);
        }
        if live.is_asleep() {
            self.live = None;
        }
        news
    }
}

impl Live {
    fn ended(&self, state: JobState) -> Option<crate::timestamp::Timestamp> {
        state.is_over().then(|| self.journal.last().map(|record| record.at)).flatten()
    }

    fn why(&self) -> Option<Arc<str>> {
        let failed = self.result.as_ref().and_then(|result| result.as_ref().err());
        let failure = failed.or_else(|| self.machine.as_ref()?.failure())?;
        Some(Arc::from(failure.message.as_str()))
    }

    /// Nothing has happened to the job but that it was written.
    fn is_asleep(&self) -> bool {
        self.machine.is_none()
            && self.inbox.is_empty()
            && self.watchers.is_empty()
            && self.callbacks.is_empty()
            && self.alarms.is_empty()
            && self.result.is_none()
            && self.lines.as_ref().is_none_or(|lines| lines.count == 0)
    }
}

impl Engine {
    /// What a task of another job waits for cannot be made: the task fails.
    pub(super) fn refuse_child(self: &Arc<Self>, child: &Job, why: &str) {
        let Some(parent) = child.options().parent else { return };
        let message = format!("the input of `{}` cannot be written as JSON: {why}", self.name_of(child));
        let failure = Arc::new(Failure::new(FailureKind::BadInput, message).at(child.id, "", 0));
        if let Some(job) = self.index.get(parent.job) {
            self.post(&job, Event::Child { task: parent.task, child: child.id, done: Err(failure) });
        }
    }
}
