//! What people had done, and what attempts were refused: kept where jobs are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::core::Engine;
use super::executor::lock;
use crate::deed::Deed;
use crate::store::{Entry, StoreError};
use crate::timestamp::Timestamp;

/// Where a store keeps it.
pub(crate) const DEEDS: &str = "audit";

/// How many records are kept.
const KEPT: usize = 10_000;

/// With one in so many the oldest are forgotten: by its moment, since a command is a process that keeps one.
const ONE_IN: u64 = 256;

impl Engine {
    pub(crate) async fn note_deed(self: &Arc<Self>, deed: &Deed) -> Result<(), StoreError> {
        tracing::info!(target: "workflow", who = deed.who, act = %deed.act, came = deed.came, "workflow.audit");
        static COUNT: AtomicU64 = AtomicU64::new(0);
        if self.scribe.is_none() {
            let mut kept = lock(&self.deeds);
            kept.push_back(deed.clone());
            if kept.len() > KEPT {
                kept.pop_front();
            }
            return Ok(());
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name: Arc<str> = name(deed.at, count).into();
        let text: Arc<str> = serde_json::to_string(deed).unwrap_or_default().into();
        let entry = |term| Entry::Note { topic: Arc::from(DEEDS), name, text: Some(text), was: None, term };
        self.write_apart(entry).await?;
        match deed.at.as_micros() % ONE_IN {
            0 => self.forget_deeds().await,
            _ => Ok(()),
        }
    }

    async fn forget_deeds(self: &Arc<Self>) -> Result<(), StoreError> {
        let notes = self.ask_store(|store| store.notes(DEEDS)).await?.unwrap_or_default();
        let old = notes.len().saturating_sub(KEPT);
        for note in &notes[..old] {
            let (topic, name) = (Arc::from(DEEDS), Arc::clone(&note.name));
            self.write_apart(|term| Entry::Note { topic, name, text: None, was: None, term }).await?;
        }
        Ok(())
    }
}

/// Names sort as the moments do; those of processes that write at once are told apart.
fn name(at: Timestamp, count: u64) -> String {
    format!("{:020}-{:08x}-{count:08x}", at.as_micros(), std::process::id())
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::runtime::Runtime;
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
            .ask_store(|store| store.notes(DEEDS))
            .await
            .expect("it answers")
            .expect("it is there");
        assert!(notes.len() >= KEPT && notes.len() < KEPT + ONE_IN as usize, "{}", notes.len());
        let newest: Deed = serde_json::from_str(&notes[notes.len() - 1].text).expect("it is one");
        assert_eq!(newest, deed(last));
    }
}
