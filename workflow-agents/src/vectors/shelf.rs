//! The files of a model.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::regular;

/// How long a file of settings may be, one of words, and one of weights.
const SETTINGS: u64 = 1 << 20;
const WORDS: u64 = 64 << 20;
const WEIGHTS: u64 = 8 << 30;

/// The folder that a model's files are in.
pub(super) struct Shelf<'a> {
    folder: &'a Path,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Self { folder }
    }

    /// A file of it.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What a file of settings says.
    pub(super) fn settings<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        let bytes = self.read(name, SETTINGS)?;
        serde_json::from_slice(&bytes).map_err(|error| self.wrong(name, error))
    }

    /// What a file of settings says, if there is one.
    pub(super) fn settings_if_there<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, String> {
        if !self.place(name).try_exists().map_err(|error| self.wrong(name, error))? {
            return Ok(None);
        }
        self.settings(name).map(Some)
    }

    pub(super) fn words(&self, name: &str) -> Result<Vec<u8>, String> {
        self.read(name, WORDS)
    }

    pub(super) fn weights(&self, name: &str) -> Result<Vec<u8>, String> {
        self.read(name, WEIGHTS)
    }

    /// That something is wrong with a file.
    pub(super) fn wrong(&self, name: &str, what: impl std::fmt::Display) -> String {
        format!("{}: {what}", self.place(name).display())
    }

    fn read(&self, name: &str, most: u64) -> Result<Vec<u8>, String> {
        regular::read(&self.place(name), most).map_err(|error| error.to_string())
    }
}
