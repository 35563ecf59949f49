//! What people had done, and who they were: kept where jobs are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value as Json;

use crate::act::{Act, Declined, Done};
use crate::deed::Deed;
use crate::engine::Engine;
use crate::runtime::Runtime;
#[cfg(feature = "http")]
use crate::store::Store;
use crate::store::{Entry, StoreError};
use crate::timestamp::Timestamp;

/// Where a store keeps it.
pub(crate) const TOPIC: &str = "audit";

/// How many records are kept.
const KEPT: usize = 10_000;

/// With one in so many the oldest are forgotten: by its moment, since a command is a process that keeps one.
const ONE_IN: u64 = 256;

/// How long an input, or a value, may be that is kept with it.
const SHOWN: usize = 4096;

/// What came of an act, in words.
fn in_words(came: &Result<Done, Declined>) -> String {
    match came {
        Ok(Done::Job { job }) => format!("job {job}"),
        Ok(Done::Already) => "it was so already".to_owned(),
        Ok(_) => "done".to_owned(),
        Err(declined) => format!("declined: {declined}"),
    }
}

/// An act as it is kept: without what may be secret, or long, or was not said.
fn shown(act: &Act, has_secrets: bool) -> Json {
    let mut shown = serde_json::to_value(act).unwrap_or_default();
    for name in ["input", "value", "export"] {
        let Some(member) = shown.get_mut(name) else { continue };
        if has_secrets || (!member.is_null() && member.to_string().len() > SHOWN) {
            *member = "•••".into();
        }
    }
    if let Some(how) = shown.get_mut("how").and_then(Json::as_object_mut) {
        how.retain(|_, said| {
            !matches!(said, Json::Null | Json::Bool(false)) && said.as_array() != Some(&Vec::new())
        });
        if how.is_empty() {
            shown.as_object_mut().and_then(|act| act.remove("how"));
        }
    }
    shown
}

impl Runtime {
    /// Does what somebody wants done, and keeps who it was.
    pub(crate) async fn perform_for(&self, who: &str, act: Act) -> Result<Done, Declined> {
        let shown = shown(&act, self.engine.registry.has_secrets());
        let came = self.perform(act).await;
        let (at, who) = (self.engine.clock.now(), who.to_owned());
        let deed = Deed { at, who, act: shown, came: in_words(&came) };
        tracing::info!(target: "workflow", who = deed.who, act = %deed.act, came = deed.came, "workflow.audit");
        if let Err(error) = self.engine.note_deed(&deed).await {
            tracing::warn!(target: "workflow", who = deed.who, act = %deed.act, "what somebody did could not be kept: {error}");
        }
        came
    }
}

impl Engine {
    async fn note_deed(self: &Arc<Self>, deed: &Deed) -> Result<(), StoreError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        if self.scribe.is_none() {
            let mut kept = crate::engine::lock(&self.deeds);
            kept.push_back(deed.clone());
            if kept.len() > KEPT {
                kept.pop_front();
            }
            return Ok(());
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name: Arc<str> = name(deed.at, count).into();
        let text: Arc<str> = serde_json::to_string(deed).unwrap_or_default().into();
        let entry = |term| Entry::Note { topic: Arc::from(TOPIC), name, text: Some(text), was: None, term };
        self.write_apart(entry).await?;
        match deed.at.as_micros() % ONE_IN {
            0 => self.forget_deeds().await,
            _ => Ok(()),
        }
    }

    async fn forget_deeds(self: &Arc<Self>) -> Result<(), StoreError> {
        let notes = self.ask_store(|store| store.notes(TOPIC)).await?.unwrap_or_default();
        let old = notes.len().saturating_sub(KEPT);
        for note in &notes[..old] {
            let (topic, name) = (Arc::from(TOPIC), Arc::clone(&note.name));
            self.write_apart(|term| Entry::Note { topic, name, text: None, was: None, term }).await?;
        }
        Ok(())
    }
}

/// Names sort as the moments do; those of processes that write at once are told apart.
fn name(at: Timestamp, count: u64) -> String {
    format!("{:020}-{:08x}-{count:08x}", at.as_micros(), std::process::id())
}

/// What people had done, the newest first, before a moment.
#[cfg(feature = "http")]
pub(crate) fn deeds(
    store: &dyn Store,
    before: Option<Timestamp>,
    most: usize,
) -> Result<Vec<Deed>, StoreError> {
    let notes = store.notes(TOPIC)?;
    let read = notes.iter().rev().filter_map(|note| serde_json::from_str::<Deed>(&note.text).ok());
    Ok(read.filter(|deed| before.is_none_or(|before| deed.at < before)).take(most).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    fn deed(number: u64) -> Deed {
        Deed {
            at: Timestamp::from_micros(number),
            who: "ann".to_owned(),
            act: Json::Null,
            came: "done".to_owned(),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_oldest_of_many_are_forgotten() {
        let runtime = Runtime::builder().on(Arc::new(MemoryStore::new())).await.expect("it starts");
        let last = KEPT as u64 + 2 * ONE_IN;
        for number in 1..=last {
            runtime.engine.note_deed(&deed(number)).await.expect("it is kept");
        }
        let notes = runtime
            .engine
            .ask_store(|store| store.notes(TOPIC))
            .await
            .expect("it answers")
            .expect("it is there");
        assert!(notes.len() >= KEPT && notes.len() < KEPT + ONE_IN as usize, "{}", notes.len());
        let newest: Deed = serde_json::from_str(&notes[notes.len() - 1].text).expect("it is one");
        assert_eq!(newest, deed(last));
    }
}
