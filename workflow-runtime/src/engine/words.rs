//! What is said to jobs that other nodes hold, and what other nodes say to those that are held here: left in the store, and
//! replied to there.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::sync::oneshot;

use super::core::Engine;
use super::event::Event;
use super::executor::lock;
use super::job::{Hold, Job};
use super::wait::Sleep;
use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::{Entry, Epoch, StoreError, Word, WordId};
use crate::value::Value;

/// How soon, and how late, it is looked for a reply.
const SOON: Duration = Duration::from_millis(10);
const LATE: Duration = Duration::from_secs(1);

/// What may be said to a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    Cancel { why: String },
    Pause,
    Resume,
    Signal { event: Arc<str>, value: Json },
}

/// What became of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Replied {
    Done,
    Refused(Box<Failure>),
}

/// A reply, as the store keeps it.
pub(super) fn reply_of(answer: &Result<(), Failure>) -> Arc<str> {
    let replied = match answer {
        Ok(()) => Replied::Done,
        Err(failure) => Replied::Refused(Box::new(failure.clone())),
    };
    // A failure is written in every journal.
    serde_json::to_string(&replied).unwrap_or_default().into()
}

impl Engine {
    /// The job itself, if it is held here, or over.
    fn here(&self, job: &Arc<Job>) -> Option<Arc<Job>> {
        if self.was_parted(job) { self.index.get(job.id) } else { Some(Arc::clone(job)) }
    }

    /// Says something to a job that is no signal, wherever it is held; says whether it was heard.
    pub(crate) async fn order(self: &Arc<Self>, job: &Arc<Job>, said: Said) -> bool {
        while let Some(here) = self.here(job) {
            let heard = match said.clone() {
                Said::Cancel { why } => self.ask(&here, |told| Event::Cancel(why, Some(told))).await,
                Said::Pause => self.ask(&here, |told| Event::Pause(Some(told))).await,
                Said::Resume => self.ask(&here, |told| Event::Resume(Some(told))).await,
                Said::Signal { event, value } => self.signal(&here, event, value).await.is_ok(),
            };
            if heard || !self.was_parted(&here) {
                return heard;
            }
        }
        self.order_elsewhere(job.id, said).await
    }

    /// Whether a job went elsewhere before it was over.
    fn was_parted(&self, job: &Job) -> bool {
        let inner = job.lock();
        inner.hold == Hold::Other && inner.live_ref().is_none_or(|live| live.result.is_none())
    }

    /// The same, for a job that is not held here.
    pub(crate) async fn order_elsewhere(self: &Arc<Self>, job: JobId, said: Said) -> bool {
        match self.say(job, said).await {
            Ok(reply) => reply.is_some_and(|reply| reply.is_ok()),
            Err(error) => {
                tracing::error!(%job, "it is not known whether it was heard: {error}");
                false
            }
        }
    }

    async fn was_cancelled(self: &Arc<Self>, job: JobId) -> bool {
        let kept = self.ask_store(move |store| store.read(job)).await;
        matches!(kept, Ok(Some(Some(kept))) if kept.head.state == JobState::Cancelled)
    }

    /// Tells a job that something has happened, wherever it is held.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) async fn signal(
        self: &Arc<Self>,
        job: &Arc<Job>,
        event: Arc<str>,
        value: Json,
    ) -> Result<(), Failure> {
        let unrunnable = |why: String| Failure::new(FailureKind::Unrunnable, why).at(job.id, "", 0);
        let over = || unrunnable("the job is over".to_owned());
        while let Some(here) = self.here(job) {
            let (told, answer) = oneshot::channel();
            let (event, value) = (Arc::clone(&event), Value::from(value.clone()));
            if self.post(&here, Event::Signal { event, value, word: None, told })
                && let Ok(answer) = self.wait_for(answer).await
            {
                return answer;
            }
            // Nothing of it is written, if the job went elsewhere.
            if !self.was_parted(&here) {
                return Err(over());
            }
        }
        match self.say(job.id, Said::Signal { event, value }).await {
            Ok(reply) => reply.unwrap_or_else(|| Err(over())),
            Err(error) => Err(unrunnable(format!("it is not known whether it was heard: {error}"))),
        }
    }

    /// Says something to a job that another node holds, and waits for the reply; none, if the job is over.
    async fn say(
        self: &Arc<Self>,
        job: JobId,
        said: Said,
    ) -> Result<Option<Result<(), Failure>>, StoreError> {
        let is_cancel = matches!(said, Said::Cancel { .. });
        let text = serde_json::to_string(&said).unwrap_or_default().into();
        let id = WordId(self.ids.make(self.clock.now()).as_u128());
        let word = Word { id, job, text };
        if self.ask_store(move |store| store.leave(&word)).await? != Some(true) {
            return Ok(None);
        }
        let mut pause = SOON;
        loop {
            let looked = self.ask_store(move |store| {
                // In this order: who ends a job has replied before, or does not.
                let is_over = !store.ended(&[job])?.is_empty();
                Ok((store.reply(id)?, is_over))
            });
            let (reply, is_over) = looked.await?.unwrap_or((None, true));
            if let Some(reply) = reply {
                return Ok(Some(match serde_json::from_str(&reply) {
                    Ok(Replied::Done) => Ok(()),
                    Ok(Replied::Refused(failure)) => Err(*failure),
                    Err(_) => Ok(()),
                }));
            }
            if is_over {
                // It may have ended of it.
                return Ok((is_cancel && self.was_cancelled(job).await).then_some(Ok(())));
            }
            let news = self.news.replied();
            self.wait_for(super::wait::either(news, Sleep::new(self, self.clock.now() + pause))).await;
            pause = (pause * 2).min(LATE);
            // In a test the other node may be waited for on this very thread.
            super::drive::yield_now().await;
        }
    }

    /// Says something to a job that another node holds, without waiting for what it replies.
    pub(super) fn say_by_and_by(self: &Arc<Self>, job: JobId, said: Said) {
        let engine = Arc::clone(self);
        self.executor.spawn(Box::pin(async move {
            if let Err(error) = engine.say(job, said).await {
                tracing::error!(%job, "it is not known whether it was heard: {error}");
            }
        }));
    }

    /// Reads what others have said to the jobs that are held here, and tells them.
    pub(super) async fn hear_words(self: &Arc<Self>) -> Result<(), StoreError> {
        let Some(scribe) = &self.scribe else { return Ok(()) };
        let term = scribe.term();
        let words = self.ask_store(move |store| store.words(term)).await?.unwrap_or_default();
        lock(&self.words).retain(|(id, _)| words.iter().any(|word| word.id == *id));
        words.into_iter().for_each(|word| self.hear_word(word));
        Ok(())
    }

    fn hear_word(self: &Arc<Self>, word: Word) {
        let job = self.index.get(word.job);
        let parked = lock(&self.parked).get(&word.job).map(|parked| (parked.epoch, parked.reason.clone()));
        let held = job.as_ref().and_then(|job| job.lock().stored.epoch);
        let Some(epoch) = held.or(parked.as_ref().map(|(epoch, _)| *epoch)) else { return };
        // Under another epoch it is heard again: what followed from it was not written.
        if !lock(&self.words).insert((word.id, epoch)) {
            return;
        }
        let said = match serde_json::from_str::<Said>(&word.text) {
            Ok(said) => said,
            Err(error) => {
                let why = format!("this program does not understand what was said: {error}");
                return self.reply(&word, epoch, &Err(Failure::new(FailureKind::Unrunnable, why)));
            }
        };
        match (job, said) {
            (Some(job), Said::Signal { event, value }) => {
                // The job replies, with what it writes of it.
                let (told, _) = oneshot::channel();
                let word = Some(word.id);
                self.post(&job, Event::Signal { event, value: Value::from(value), word, told });
            }
            (Some(job), said) => {
                let engine = Arc::clone(self);
                self.executor.spawn(Box::pin(async move {
                    if engine.order(&job, said).await {
                        engine.reply(&word, epoch, &Ok(()));
                    }
                }));
            }
            (None, Said::Cancel { why }) => self.cancel_parked_by_and_by(word.job, why),
            (None, _) => {
                let why =
                    parked.map(|(_, reason)| format!("the job is parked: {reason}")).unwrap_or_default();
                self.reply(&word, epoch, &Err(Failure::new(FailureKind::Unrunnable, why)));
            }
        }
    }

    fn reply(&self, word: &Word, epoch: Epoch, answer: &Result<(), Failure>) {
        let Some(scribe) = &self.scribe else { return };
        let text = reply_of(answer);
        drop(scribe.write(Entry::Reply { word: word.id, job: word.job, epoch, text }));
    }
}
