//! A file that another process may have open, looked at and left as it is.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::failure::Trouble;
use super::reader::Readers;
use super::schema;
use super::store::PATIENCE;
use super::young::Young;
use crate::job_id::JobId;
use crate::store::{
    Claimed, Entry, Expiry, Filter, Head, Kept, Most, Note, Store, StoreError, StoreErrorKind, Term, Verdict,
};

/// The file of a [`SqliteStore`](super::SqliteStore), for those who only look: another process may have it open and write
/// to it meanwhile. Each answer is of one moment, and is true of the file as it was then.
///
/// Nothing can be written by way of it: every method that would is refused, for whoever has the file open is the one who
/// writes.
pub struct SqliteLook {
    path: PathBuf,
    readers: Readers,
}

impl SqliteLook {
    /// Looks at a file, which must be there.
    ///
    /// # Errors
    /// When there is no such file; when it is [foreign](StoreErrorKind::Foreign): of a newer version, of an older one that
    /// nobody has brought up to date yet, or no file of ours.
    pub fn at(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        if !path.exists() {
            let message =
                format!("{}: there is no such file; name the file in which jobs are kept", path.display());
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        let readers = Readers::new(path.clone(), Young::default(), 1);
        let look = Self { path, readers };
        look.named(look.check())?;
        Ok(look)
    }

    /// The version of its tables.
    #[cfg(feature = "cli")]
    pub(crate) fn version(&self) -> usize {
        schema::NEWEST
    }

    fn check(&self) -> Result<(), Trouble> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        schema::expect_newest(&connection, &self.path)
    }

    fn named<T>(&self, result: Result<T, Trouble>) -> Result<T, StoreError> {
        result.map_err(|trouble| trouble.of(&self.path, "cannot be read"))
    }

    fn refused<T>(&self) -> Result<T, StoreError> {
        let message = format!("{}: it is only looked at here, and nothing is written", self.path.display());
        Err(StoreError::new(StoreErrorKind::InUse, message))
    }
}

impl fmt::Debug for SqliteLook {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SqliteLook({})", self.path.display())
    }
}

impl Store for SqliteLook {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    fn begin(&self, _node: &str) -> Result<Term, StoreError> {
        self.refused()
    }

    fn write(&self, _entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        self.refused()
    }

    fn claim(&self, _term: Term, _most: Most) -> Result<Vec<Claimed>, StoreError> {
        self.refused()
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        self.named(self.readers.read(job))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        self.named(self.readers.list(filter))
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        self.named(self.readers.taker(once))
    }

    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        self.named(self.readers.notes(topic))
    }

    fn expired(&self, _rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        self.refused()
    }

    fn forget(&self, _jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        self.refused()
    }
}
