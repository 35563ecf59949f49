//! How a file is opened.

use std::path::{Path, PathBuf};

use super::store::SqliteStore;
use crate::store::StoreError;

/// What of a write is safe when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It is on the disk: a power failure takes nothing away that was written.
    #[default]
    Full,
    /// It is with the operating system: the end of the process takes nothing away, but a power failure may take away
    /// what was written last. The file stays whole.
    Normal,
    /// It is with the operating system, and a power failure may spoil the file.
    Off,
}

impl Durability {
    pub(super) const fn pragma(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
            Self::Off => "OFF",
        }
    }
}

/// After how many rows of lines the jobs' own rows are brought up to date: so many are read again, at most, when a file
/// is opened that was not closed.
const SWEEP_AFTER: u32 = 20_000;

/// How a [`SqliteStore`] is opened, for who wants it otherwise than [`SqliteStore::open`] does it.
///
/// ```
/// use workflow_runtime::store::{Durability, SqliteOptions};
///
/// # let folder = std::env::temp_dir().join(format!("options-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let store = SqliteOptions::new(folder.join("jobs.db")).durability(Durability::Normal).open()?;
/// # drop(store);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    pub(super) path: PathBuf,
    pub(super) durability: Durability,
    pub(super) readers: usize,
    pub(super) max_pages: Option<u32>,
    pub(super) sweep_after: u32,
}

impl SqliteOptions {
    /// The file, and all else as it usually is.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        Self {
            path,
            durability: Durability::default(),
            readers: 4,
            max_pages: None,
            sweep_after: SWEEP_AFTER,
        }
    }

    /// Sets what of a write is safe when it returns: [everything](Durability::Full), unless less is asked for here.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets how many connections are kept open for those who read; 4, if it is not said. More may read at once, each
    /// by a connection that is opened for it.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers;
        self
    }

    /// Lets the file grow to so many pages of 4096 bytes, as if the disk were full then.
    #[doc(hidden)]
    #[must_use]
    pub fn max_pages(mut self, pages: u32) -> Self {
        self.max_pages = Some(pages);
        self
    }

    /// Brings the jobs' own rows up to date after so many rows of lines, and not as seldom as it is done otherwise.
    #[doc(hidden)]
    #[must_use]
    pub fn sweep_after(mut self, rows: u32) -> Self {
        self.sweep_after = rows;
        self
    }

    /// Opens the file; makes it, if there is none.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open(self) -> Result<SqliteStore, StoreError> {
        SqliteStore::with(self)
    }
}
