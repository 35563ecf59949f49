//! What is on a disk: files by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What is on a disk: files by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Image {
    files: BTreeMap<Arc<str>, Arc<Vec<u8>>>,
}

impl Image {
    /// Puts a file there, in place of one of the same name.
    pub fn put(&mut self, name: impl Into<Arc<str>>, content: Vec<u8>) {
        self.files.insert(name.into(), Arc::new(content));
    }

    /// What a file holds, if there is one of this name.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(|content| &content[..])
    }

    /// All files, by name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, content)| (&**name, &content[..]))
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.files().map(|(name, content)| (name, content.len()))).finish()
    }
}
