//! The file in which a manager keeps its tasks and its cache.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::cache::{Cache, Shelf};
use super::ledger::Ledger;
use super::task::Task;

/// The version of what is written.
const VERSION: u32 = 1;

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    tasks: Vec<Task>,
    cache: BTreeMap<String, Shelf>,
}

impl Ledger {
    pub(super) fn persist(&self, path: &Path, cache: &Cache) -> Result<()> {
        let file = file(path);
        let kept = Kept { version: VERSION, tasks: self.book().select(|_| true), cache: cache.all() };
        let written = serde_json::to_vec_pretty(&kept)?;
        write(&file, &written).with_context(|| format!("{} cannot be written", file.display()))
    }

    pub(super) fn rehydrate(&self, path: &Path, cache: &Cache) -> Result<()> {
        let file = file(path);
        let text = match fs::read(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            read => read.with_context(|| format!("{} cannot be read", file.display()))?,
        };
        let kept: Kept = serde_json::from_slice(&text)
            .with_context(|| format!("{} does not hold tasks that were kept", file.display()))?;
        let version = kept.version;
        ensure!(version == VERSION, "{} is of version {version}, not {VERSION}", file.display());
        cache.refill(kept.cache);
        self.book().refill(kept.tasks)
    }
}

/// The old system's path named a folder.
fn file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("tasks.json") } else { path.to_owned() }
}

/// All of it or nothing: a file that is there is replaced only by one that is whole.
fn write(file: &Path, text: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    fs::write(&new, text)?;
    fs::rename(new, file)
}
