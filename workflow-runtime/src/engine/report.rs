//! How agents have done is kept hour by hour: now and then what was counted since the last time is added to what the store has.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::core::Engine;
use super::executor::{Executor, lock};
use crate::report::{AgentReport, DAYS, Day, Days, Hour, Span, day_and_hour, topic};
use crate::stats::Tally;
use crate::store::{Entry, StoreError, Verdict};

/// How often it is kept.
const EVERY: Duration = Duration::from_secs(10);

/// How long who shuts down waits for it to be kept.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was counted and is not kept yet.
#[derive(Debug, Default)]
pub(crate) struct Counted(Mutex<CountedInner>);

#[derive(Debug, Default)]
struct CountedInner {
    /// What the counters said the last time, by agents.
    before: BTreeMap<usize, Tally>,
    /// What the store does not have yet, by days and agents.
    waiting: Days,
    /// The day whose predecessors were last forgotten.
    today: u64,
}

impl Engine {
    /// Begins to keep, now and then, how agents do and what choices come to.
    pub(crate) fn begin_statistics(self: &Arc<Self>) {
        let (Executor::Tokio(handle), Some(_), false) = (&self.executor, &self.scribe, self.config.hands_off)
        else {
            return;
        };
        let engine = Arc::downgrade(self);
        drop(handle.spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let Some(engine) = engine.upgrade().filter(|engine| !engine.stopping.load(Ordering::SeqCst))
                else {
                    return;
                };
                engine.keep_statistics().await;
            }
        }));
    }

    /// Keeps a last time what was counted and learned, if that can be had soon.
    pub(crate) async fn keep_statistics_at_last(self: &Arc<Self>) {
        if matches!(self.executor, Executor::Tokio(_)) && !self.config.hands_off {
            drop(tokio::time::timeout(PATIENCE, self.keep_statistics()).await);
        }
    }

    /// Keeps what was counted and learned. What cannot be kept now is kept the next time.
    async fn keep_statistics(self: &Arc<Self>) {
        let is_kept = self.scribe.as_ref().is_some_and(|scribe| scribe.trouble().is_none());
        if !is_kept {
            return;
        }
        if let Err(error) = self.keep_hours().await {
            tracing::debug!("how agents do is not kept: {error}");
        }
        if let Err(error) = self.keep_learned().await {
            tracing::debug!("what choices come to is not kept: {error}");
        }
    }

    async fn keep_hours(self: &Arc<Self>) -> Result<(), StoreError> {
        self.count_hour();
        let days: Vec<((u64, Arc<str>), Day)> =
            std::mem::take(&mut lock(&self.counted.0).waiting).into_iter().collect();
        let mut days = days.into_iter();
        while let Some(((day, agent), what)) = days.next() {
            if let Err(error) = self.add_to_day(day, &agent, &what).await {
                let mut counted = lock(&self.counted.0);
                for (of, what) in std::iter::once(((day, agent), what)).chain(days) {
                    counted.waiting.entry(of).or_default().add(&what);
                }
                return Err(error);
            }
        }
        self.forget_old_days().await
    }

    /// Takes what the counters say now, less what they said the last time.
    fn count_hour(&self) {
        let (day, hour) = day_and_hour(self.clock.now());
        let mut counted = lock(&self.counted.0);
        // Where there is no store, nobody else forgets them.
        counted.waiting.retain(|(other, _), _| other + DAYS >= day);
        for (place, run) in self.agents.iter().enumerate().filter(|(_, run)| run.counters.is_used()) {
            let now = run.counters.tally();
            let since = Hour::since(counted.before.get(&place), &now);
            counted.before.insert(place, now);
            if !since.is_empty() {
                let of = (day, Arc::clone(&self.names.0[place]));
                counted.waiting.entry(of).or_default().add(&Day([(hour, since)].into()));
            }
        }
    }

    /// Adds to what the store has of a day, whoever else does.
    async fn add_to_day(self: &Arc<Self>, day: u64, agent: &Arc<str>, what: &Day) -> Result<(), StoreError> {
        let (topic, mut was) = (topic(day), 0);
        loop {
            let asked = topic.clone();
            let notes = self.ask_store(move |store| store.notes(&asked)).await?.unwrap_or_default();
            let mut whole = what.clone();
            if let Some(note) = notes.iter().find(|note| note.name == *agent) {
                whole.add(&serde_json::from_str(&note.text).unwrap_or_default());
                was = note.version;
            }
            let text: Arc<str> = serde_json::to_string(&whole).unwrap_or_default().into();
            let entry = |term| Entry::Note {
                topic: topic.as_str().into(),
                name: Arc::clone(agent),
                text: Some(text),
                was: Some(was),
                term,
            };
            match self.write_apart(entry).await? {
                // A note that was taken away has a version all the same.
                Some(Verdict::Differs(version)) => was = version,
                _ => return Ok(()),
            }
        }
    }

    async fn forget_old_days(self: &Arc<Self>) -> Result<(), StoreError> {
        let (today, _) = day_and_hour(self.clock.now());
        let before = std::mem::replace(&mut lock(&self.counted.0).today, today);
        if before == today {
            return Ok(());
        }
        // Where nobody counted for long, what is older stays until somebody looks that far back.
        for day in (today.saturating_sub(2 * DAYS)..today.saturating_sub(DAYS)).map(topic) {
            let asked = day.clone();
            for note in self.ask_store(move |store| store.notes(&asked)).await?.unwrap_or_default() {
                let topic: Arc<str> = day.as_str().into();
                self.write_apart(|term| Entry::Note { topic, name: note.name, text: None, was: None, term })
                    .await?;
            }
        }
        Ok(())
    }

    /// How agents have done in the last hours, and all of them that did anything: by names.
    pub(crate) async fn report(
        self: &Arc<Self>,
        hours: u64,
    ) -> Result<BTreeMap<String, AgentReport>, StoreError> {
        self.count_hour();
        let span = Span::last(hours, self.clock.now());
        let mut days = lock(&self.counted.0).waiting.clone();
        for (of, what) in self.ask_store(move |store| span.read(store)).await?.unwrap_or_default() {
            days.entry(of).or_default().add(&what);
        }
        Ok(span.tell(&days))
    }
}
