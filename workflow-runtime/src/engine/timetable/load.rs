//! How orders are read from the store: all of them at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::busy::Busy;
use super::edit::AGAIN;
#[cfg(feature = "acting")]
use super::order::Order;
use super::page::read;
use crate::engine::core::Engine;
use crate::engine::wait::Sleep;
#[cfg(feature = "acting")]
use crate::store::Store;
use crate::store::StoreError;

/// What their notes are about.
pub(super) const TOPIC: &str = "schedule";

/// An order by its name, as it was written, or why it cannot be read.
#[cfg(feature = "acting")]
type Named = (Arc<str>, Result<Order, String>);

/// The orders of a store.
#[cfg(feature = "acting")]
pub(crate) fn orders(store: &dyn Store) -> Result<Vec<Named>, StoreError> {
    Ok(store.notes(TOPIC)?.into_iter().map(|note| (note.name, read(&note.text))).collect())
}

impl Engine {
    /// Begins to look at schedules: those in the store are read first.
    pub(in crate::engine) async fn open_timetable(self: Arc<Self>) {
        let _busy = Busy::new(&self);
        if self.stopping.load(Ordering::SeqCst) {
            return;
        }
        while let Err(error) = self.load_orders().await {
            tracing::error!("schedules cannot be read, and nothing of them runs: {error}");
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            Sleep::new(&self, self.clock.now() + AGAIN).await;
        }
        // Who only wants something done hands nothing in.
        if !self.config.hands_off {
            self.look_at_all();
        }
    }

    /// Looks at all schedules that are known.
    pub(crate) fn look_at_all(self: &Arc<Self>) {
        self.timetable.pages().iter().for_each(|page| self.look_at(&page.name));
    }

    /// Reads what the store keeps of schedules.
    pub(crate) async fn load_orders(self: &Arc<Self>) -> Result<(), StoreError> {
        // What comes to be while they are read is not gone because it is not among them.
        let known: Vec<_> =
            self.timetable.pages().iter().map(|page| (page.name.clone(), page.version())).collect();
        let Some(notes) = self.ask_store(|store| store.notes(TOPIC)).await? else { return Ok(()) };
        let kept: HashSet<&str> = notes.iter().map(|note| &*note.name).collect();
        for (name, version) in known.iter().filter(|(name, _)| !kept.contains(&**name)) {
            self.timetable.forget(name, *version);
        }
        for note in notes {
            let order = read(&note.text);
            if let Err(problem) = &order {
                tracing::error!(
                    schedule = &*note.name,
                    "nothing of it runs, for it cannot be read: {problem}"
                );
            }
            let is_new = self.timetable.page(&note.name).is_none_or(|page| page.version() < note.version);
            self.timetable.adopt(&note.name, note.version, order);
            if is_new {
                self.look_at(&note.name);
            }
        }
        Ok(())
    }
}
