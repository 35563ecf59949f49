//! What agents put aside for one another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::engine::lock;

/// The values of one node, by their keys.
pub(super) type Shelf = BTreeMap<String, Value>;

/// Values that agents put aside for one another, by node, often a task's id, and key. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    shelves: Arc<Mutex<BTreeMap<String, Shelf>>>,
}

impl Cache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a value in, in place of what was there.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn insert_value<T: Serialize>(&self, node: &str, key: &str, value: &T) -> Result<()> {
        let value = serde_json::to_value(value)?;
        lock(&self.shelves).entry(node.to_owned()).or_default().insert(key.to_owned(), value);
        Ok(())
    }

    /// What is there.
    pub fn get_value(&self, node: &str, key: &str) -> Option<Value> {
        lock(&self.shelves).get(node)?.get(key).cloned()
    }

    /// All that is there of a node.
    pub(super) fn shelf(&self, node: &str) -> Shelf {
        lock(&self.shelves).get(node).cloned().unwrap_or_default()
    }

    pub(super) fn all(&self) -> BTreeMap<String, Shelf> {
        lock(&self.shelves).clone()
    }

    /// Puts back what a store has kept; what is there by now stays.
    pub(super) fn refill(&self, kept: BTreeMap<String, Shelf>) {
        let mut shelves = lock(&self.shelves);
        for (node, values) in kept {
            let shelf = shelves.entry(node).or_default();
            for (key, value) in values {
                shelf.entry(key).or_insert(value);
            }
        }
    }
}
