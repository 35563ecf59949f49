//! A folder that has a model, which is loaded when it is first asked, and kept.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::bert::Bert;
use super::made::Batch;
use super::shelf::Shelf;

/// A folder that has a model.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    loaded: Mutex<Option<Arc<Bert>>>,
    /// Who reckons. One does at a time: it uses all processors, and much memory.
    turn: Mutex<()>,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, loaded: Mutex::default(), turn: Mutex::default() }
    }

    /// The model, which whoever is first loads, for all. What did not load is tried again: its files may be put right meanwhile.
    ///
    /// # Errors
    /// When it is none, or none that is known here: which file, and what is wrong with it.
    pub(super) fn model(&self) -> Result<Arc<Bert>, String> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = &*loaded {
            return Ok(Arc::clone(model));
        }
        let model = Arc::new(Bert::load(&Shelf::new(&self.path))?);
        *loaded = Some(Arc::clone(&model));
        Ok(model)
    }

    /// Makes vectors of a few texts, once it is this one's turn; gives with them how many tokens were read. None if, then, nobody
    /// wants it any more.
    pub(super) fn vectors(
        &self,
        texts: &[String],
        is_over: impl Fn() -> bool,
    ) -> Result<Option<Batch>, String> {
        let model = self.model()?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if is_over() {
            return Ok(None);
        }
        model.vectors(texts).map(Some).map_err(|why| format!("it failed: {why}"))
    }
}
