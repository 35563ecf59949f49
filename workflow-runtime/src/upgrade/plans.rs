//! The plans under which jobs were begun, and what this program means otherwise.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::fingerprint::Fingerprint;
use crate::machine::Unfit;
use crate::sketch::{Changes, Sketch};
use crate::store::Note;

/// The plans of other programs, as far as they are known; each is read and compared when the first job asks for it.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    texts: HashMap<Fingerprint, Arc<str>>,
    /// What changed, by the plan of the job and that of this program.
    changes: HashMap<(Fingerprint, Fingerprint), Result<Arc<Changes>, Unfit>>,
}

impl Plans {
    /// Takes in what a store has noted.
    pub(crate) fn learn(&self, notes: &[Note]) {
        let named = notes.iter().filter_map(|note| {
            let name = serde_json::Value::from(&*note.name);
            Some((serde_json::from_value(name).ok()?, Arc::clone(&note.text)))
        });
        self.add(named);
    }

    /// Takes in plans by their fingerprints.
    pub(crate) fn add(&self, plans: impl IntoIterator<Item = (Fingerprint, Arc<str>)>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).texts.extend(plans);
    }

    /// The text of a plan.
    pub(crate) fn text(&self, plan: Fingerprint) -> Option<Arc<str>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).texts.get(&plan).cloned()
    }

    /// What changed from a plan to another, which is made when it is needed.
    ///
    /// # Errors
    /// When the old one is not known.
    pub(super) fn changes(
        &self,
        old: Fingerprint,
        new: Fingerprint,
        sketch: impl FnOnce() -> Sketch,
    ) -> Result<Arc<Changes>, Unfit> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { texts, changes } = &mut *known;
        let compare = || {
            let text = texts.get(&old).ok_or_else(|| {
                Unfit::whole(format!(
                    "its plan, {old}, is not known here, so that nobody can tell what changed"
                ))
            })?;
            let old = Sketch::read(text)
                .map_err(|error| Unfit::whole(format!("its plan, {old}, cannot be read: {error}")))?;
            Ok(Arc::new(old.changes(&sketch())))
        };
        match changes.get(&(old, new)) {
            Some(known) => known.clone(),
            None if texts.contains_key(&old) => changes.entry((old, new)).or_insert_with(compare).clone(),
            // It may be learned later.
            None => compare(),
        }
    }
}
