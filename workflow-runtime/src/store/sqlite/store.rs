//! The store itself: one file, one connection that writes, several that read.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::failure::Trouble;
use super::lock::FileLock;
use super::options::SqliteOptions;
use super::reader::Readers;
use super::schema;
use super::writer::Writer;
use super::young::{Heard, Young};
use crate::job_id::JobId;
use crate::store::{
    Claimed, Entry, Expiry, Filter, Head, Kept, Most, Note, Store, StoreError, StoreErrorKind, Term, Verdict,
};

/// A store in one file: a SQLite database, with nothing to install and nothing to run beside the program.
///
/// One process has the file open, which a lock on `FILE.lock` sees to. Others may look at it meanwhile: what is in it
/// is text, and `sqlite3 jobs.db 'SELECT * FROM journal'` shows it (`unfinished_jobs`, `failed_jobs` and `counts` are
/// there for the same purpose). The file and its `-wal` belong together: whoever copies one without the other while
/// the program runs may copy half of what happened; `sqlite3 jobs.db '.backup copy.db'` copies all of it.
///
/// ```
/// use workflow_runtime::store::SqliteStore;
///
/// # let folder = std::env::temp_dir().join(format!("sqlite-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let store = SqliteStore::open(folder.join("jobs.db"))?;
/// # drop(store);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStore {
    path: PathBuf,
    // In this order: what reads is closed before what writes, which leaves one tidy file, and then others may open it.
    readers: Readers,
    writer: Mutex<Writer>,
    _lock: FileLock,
}

impl SqliteStore {
    /// Opens a file; makes it, if there is none. What is written to it is on the disk when it is said to be.
    ///
    /// A file of an older version of this library is brought up to date.
    ///
    /// # Errors
    /// When the file is [in use](StoreErrorKind::InUse) by another process or by this one; when it is
    /// [foreign](StoreErrorKind::Foreign): of a newer version, or no file of ours; when it is
    /// [damaged](StoreErrorKind::Corrupt); when it [cannot be](StoreErrorKind::Unavailable) opened or written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::with(SqliteOptions::new(path))
    }

    pub(super) fn with(options: SqliteOptions) -> Result<Self, StoreError> {
        let path = real(&options.path);
        refuse_no_file(&options.path, &path)?;
        let lock = FileLock::take(&path)?;
        refuse_read_only(&path)?;
        let young = Young::default();
        let writer =
            open_writer(&path, &options, &young).map_err(|trouble| trouble.of(&path, "cannot be opened"))?;
        let readers = Readers::new(path.clone(), young, options.readers);
        Ok(Self { path, readers, writer: Mutex::new(writer), _lock: lock })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What there is to hear of all jobs for one who is about to look.
    pub(super) fn hear(&self) -> Heard {
        self.readers.hear()
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named<T>(&self, what: &str, result: Result<T, Trouble>) -> Result<T, StoreError> {
        result.map_err(|trouble| trouble.of(&self.path, what))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SqliteStore({})", self.path.display())
    }
}

impl Store for SqliteStore {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    fn begin(&self, node: &str) -> Result<Term, StoreError> {
        self.named("a term cannot begin", self.writer().begin(node))
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        self.named("cannot be written", self.writer().write(entries))
    }

    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        let claimed = self.writer().claim(term, most.jobs);
        match self.named("jobs cannot be taken over", claimed)? {
            Some(claimed) => Ok(claimed),
            None => {
                let path = self.path.display();
                let message = format!("{path}: another term has begun, and this one takes over nothing more");
                Err(StoreError::new(StoreErrorKind::Superseded, message))
            }
        }
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        self.named("cannot be read", self.readers.read(job))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        self.named("cannot be read", self.readers.list(filter))
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        self.named("cannot be read", self.readers.taker(once))
    }

    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        self.named("cannot be read", self.readers.notes(topic))
    }

    fn expired(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        self.named("cannot be read", self.writer().expired(rule))
    }

    fn forget(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        self.named("jobs cannot be forgotten", self.writer().forget(jobs))
    }
}

/// One name for one file, so that its lock is beside the file and not beside a link to it.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// What names no file, or one in a folder that is not there.
fn refuse_no_file(said: &Path, path: &Path) -> Result<(), StoreError> {
    let refused = |what: String| Err(StoreError::new(StoreErrorKind::Unavailable, what));
    if said.as_os_str().is_empty() {
        return refused("no file is named: give the path of one, such as `jobs.db`".to_owned());
    }
    if said == Path::new(":memory:") {
        return refused("`:memory:` is no file: `Runtime::in_memory` keeps jobs in memory".to_owned());
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        Some(folder) => refused(format!(
            "{}: the folder {} is not there: make it first",
            path.display(),
            folder.display()
        )),
        None => Ok(()),
    }
}

/// A file that is marked as read-only is left alone, though the administrator could write to it.
fn refuse_read_only(path: &Path) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(about) if about.permissions().readonly() => {
            let message = format!("{}: the file is read-only; let this process write to it", path.display());
            Err(StoreError::new(StoreErrorKind::Unavailable, message))
        }
        Ok(about) if about.is_dir() => {
            let message = format!("{}: it is a folder; name a file in it", path.display());
            Err(StoreError::new(StoreErrorKind::Unavailable, message))
        }
        _ => Ok(()),
    }
}

/// How long whoever wants to write waits for another program that writes.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

fn open_writer(path: &Path, options: &SqliteOptions, young: &Young) -> Result<Writer, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    schema::prepare(&mut connection, path)?;
    connection.set_prepared_statement_cache_capacity(32);
    // No memory map: an error of the disk would end the process, where it is an error of a call otherwise.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {}; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 1000; \
         PRAGMA journal_size_limit = 67108864; PRAGMA mmap_size = 0; PRAGMA foreign_keys = OFF",
        options.durability.pragma(),
    ))?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    Writer::new(connection, young.clone(), options.sweep_after)
}
