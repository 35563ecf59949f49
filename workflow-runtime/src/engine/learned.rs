//! What choices have come to: known here, and kept in the store, where all nodes add what they have learned.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::core::Engine;
use super::executor::lock;
use crate::choice::{Arms, Chance, Goal, Measured};
use crate::store::{Entry, StoreError, Verdict};

/// Where a store keeps it: a note for each choice.
const TOPIC: &str = "learned";

/// How many choices are known, and how many outcomes of one wait to be kept.
const CHOICES: usize = 10_000;
const WAITING: usize = 10_000;

/// What is known of all choices.
#[derive(Debug, Default)]
pub(crate) struct Learned(Mutex<BTreeMap<Arc<str>, Known>>);

/// What is known of one.
#[derive(Debug, Default)]
struct Known {
    /// All of it.
    arms: Arms,
    /// What of it the store does not have yet.
    waiting: Vec<(String, Measured, Goal)>,
    /// The note that it was read from.
    version: u64,
}

impl Known {
    /// Takes what the store has, with what it does not have yet.
    fn adopt(&mut self, version: u64, kept: Arms) {
        (self.arms, self.version) = (kept, version);
        for (option, measured, goal) in &self.waiting {
            self.arms.learn(option, measured, goal);
        }
    }
}

impl Learned {
    pub(crate) fn choose(&self, name: &str, options: &[String], goal: &Goal, chance: &mut Chance) -> usize {
        match lock(&self.0).get(name) {
            Some(known) => known.arms.choose(options, goal, chance),
            None => Arms::default().choose(options, goal, chance),
        }
    }

    pub(crate) fn learn(&self, name: &str, option: &str, measured: Measured, goal: Goal) {
        let mut all = lock(&self.0);
        if all.len() >= CHOICES && !all.contains_key(name) {
            return;
        }
        let known = all.entry(name.into()).or_default();
        known.arms.learn(option, &measured, &goal);
        if known.waiting.len() < WAITING {
            known.waiting.push((option.to_owned(), measured, goal));
        }
    }
}

impl Engine {
    /// Reads what is kept of choices.
    pub(crate) async fn read_learned(self: &Arc<Self>) -> Result<(), StoreError> {
        let notes = self.ask_store(|store| store.notes(TOPIC)).await?.unwrap_or_default();
        let mut all = lock(&self.learned.0);
        for note in notes {
            // What cannot be read is learned anew.
            let arms = serde_json::from_str(&note.text).unwrap_or_default();
            all.entry(note.name).or_default().adopt(note.version, arms);
        }
        Ok(())
    }

    /// Keeps what was learned since it was last kept. What others have kept meanwhile is taken along.
    pub(super) async fn keep_learned(self: &Arc<Self>) -> Result<(), StoreError> {
        while let Some((name, version, text, count)) = self.unkept_choice() {
            let entry = |term| Entry::Note {
                topic: TOPIC.into(),
                name: Arc::clone(&name),
                text: Some(text),
                was: Some(version),
                term,
            };
            match self.write_apart(entry).await? {
                Some(Verdict::Noted(version)) => {
                    if let Some(known) = lock(&self.learned.0).get_mut(&name) {
                        known.version = version;
                        known.waiting.drain(..count.min(known.waiting.len()));
                    }
                }
                Some(Verdict::Differs(found)) => {
                    self.read_learned().await?;
                    // A note that was taken away is not among those that are read.
                    if let Some(known) =
                        lock(&self.learned.0).get_mut(&name).filter(|known| known.version == version)
                    {
                        known.version = found;
                    }
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// One of those that the store has not got: its name, the version that is there, what it is to say, and how much of what waits
    /// is in that.
    fn unkept_choice(&self) -> Option<(Arc<str>, u64, Arc<str>, usize)> {
        let all = lock(&self.learned.0);
        let (name, known) = all.iter().find(|(_, known)| !known.waiting.is_empty())?;
        let text = serde_json::to_string(&known.arms).ok()?;
        Some((Arc::clone(name), known.version, text.into(), known.waiting.len()))
    }
}
