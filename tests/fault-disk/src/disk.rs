//! A disk: what is on it, what it is told to do wrong, and how files on it are opened.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rusqlite::{Connection, OpenFlags};

use crate::image::Image;
use crate::locks::{FileLocks, SharedMemory};
use crate::loss::Loss;
use crate::platter::{Change, FileId, Platter};
use crate::recording::Recording;
use crate::vfs;

/// A disk in memory. It is gone when the last of its clones and of the connections to its files is.
#[derive(Clone)]
pub struct Disk(Arc<Shared>);

/// What is done to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A file is made.
    Create,
    /// Bytes are read.
    Read,
    /// Bytes are written.
    Write,
    /// A file is cut, or grows by zeros.
    Resize,
    /// A file is synced.
    Sync,
    /// The names of files are synced.
    SyncNames,
    /// A file is deleted.
    Remove,
}

type Hook = Arc<dyn Fn(Operation, &str) + Send + Sync>;

pub(crate) struct Shared {
    id: u64,
    state: Mutex<State>,
    hook: Mutex<Option<Hook>>,
}

/// What happens when something is done to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The power is off, or the operation failed.
    Failed,
    /// There is no room left.
    Full,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) platter: Platter,
    pub(crate) locks: HashMap<FileId, FileLocks>,
    pub(crate) memory: HashMap<FileId, SharedMemory>,
    operations: u64,
    reads: u64,
    is_off: bool,
    lies: bool,
    capacity: Option<usize>,
    stop_at: Option<u64>,
    fail_operation: Option<u64>,
    fail_read: Option<u64>,
    recording: Option<Recording>,
}

/// The disks that there are: SQLite knows them by the paths of files only.
static DISKS: Mutex<Disks> = Mutex::new(Disks { all: BTreeMap::new(), mounted: Vec::new() });

struct Disks {
    all: BTreeMap<u64, Weak<Shared>>,
    /// Folders, and the disks to which everything in them belongs. They are not forgotten, for nothing that was on a
    /// disk may come to be elsewhere because the disk is gone.
    mounted: Vec<(String, u64)>,
}

/// Where a path leads.
pub(crate) enum Place {
    /// To a file of a disk.
    On(Arc<Shared>, Arc<str>),
    /// To a disk that is gone.
    Gone,
    /// To no disk.
    Elsewhere,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// An empty disk that works.
    pub fn new() -> Self {
        Self::holding(&Image::default())
    }

    /// A disk that works, with what is left of another. All of it is safe there.
    pub fn holding(image: &Image) -> Self {
        vfs::register();
        let disk = Shared::new(NEXT.fetch_add(1, Ordering::Relaxed), Platter::of(image));
        lock(&DISKS).all.insert(disk.id, Arc::downgrade(&disk));
        Self(disk)
    }

    /// Opens a database on it, and makes it if there is none.
    ///
    /// # Errors
    /// Those of SQLite: when the power is off, or when the file is no database.
    pub fn open(&self, name: &str) -> rusqlite::Result<Connection> {
        Connection::open_with_flags_and_vfs(self.path(name), OpenFlags::default(), vfs::VFS)
    }

    /// The path of a file, for the VFS called [`VFS`](crate::VFS).
    pub fn path(&self, name: &str) -> String {
        format!("/{}/{name}", self.0.id)
    }

    /// The URI of a file: whoever opens it with `SQLITE_OPEN_URI`, as rusqlite does by default, needs to know nothing
    /// of disks.
    pub fn url(&self, name: &str) -> String {
        format!("file:{}?vfs={}", self.path(name), vfs::VFS.to_string_lossy())
    }

    /// From now on, every database of this process whose path is in this folder, which must be there, is on the disk,
    /// whoever opens it: so what is tried needs to know nothing of disks. Files that are no databases stay where they
    /// are.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn mount(&self, folder: &Path) -> io::Result<()> {
        let folder = folder.canonicalize()?.to_string_lossy().into_owned();
        lock(&DISKS).mounted.push((folder, self.0.id));
        vfs::become_default();
        Ok(())
    }

    /// How many changes there have been: files made and deleted, writes, truncations, syncs.
    pub fn operations(&self) -> u64 {
        self.0.state().operations
    }

    /// How many reads there have been.
    pub fn reads(&self) -> u64 {
        self.0.state().reads
    }

    /// The power goes at a change, the first being number 1: it may or may not have come to be, and from then on
    /// everything fails.
    pub fn stop_at(&self, operation: u64) {
        self.0.state().stop_at = Some(operation);
    }

    /// The power goes now.
    pub fn stop(&self) {
        self.0.state().is_off = true;
    }

    /// Whether the power is off.
    pub fn is_off(&self) -> bool {
        self.0.state().is_off
    }

    /// Whether it lies from now on: a sync does nothing, and says that it is done.
    pub fn lie(&self, lies: bool) {
        self.0.state().lies = lies;
    }

    /// How many bytes it has room for from now on: all files together cannot become larger.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.0.state().capacity = bytes;
    }

    /// One read fails, the first of all being number 1; all others go well.
    pub fn fail_read(&self, number: u64) {
        self.0.state().fail_read = Some(number);
    }

    /// One change fails and does not come to be, the first of all being number 1; all others go well.
    pub fn fail_operation(&self, number: u64) {
        self.0.state().fail_operation = Some(number);
    }

    /// Calls this before everything that is done, with the name of the file: a disk that is slow, or a witness. It must
    /// not panic.
    pub fn before_each(&self, hook: impl Fn(Operation, &str) + Send + Sync + 'static) {
        *lock(&self.0.hook) = Some(Arc::new(hook));
    }

    /// Records all changes from now on. What was recorded before is forgotten.
    pub fn record(&self) {
        let mut state = self.0.state();
        let (start, since) = (state.platter.clone(), state.operations);
        state.recording = Some(Recording { start, since, changes: Vec::new() });
    }

    /// What was recorded; no more is.
    pub fn recorded(&self) -> Option<Recording> {
        self.0.state().recording.take()
    }

    /// What is left if the power goes now. Nothing happens to this disk.
    pub fn image(&self, loss: Loss) -> Image {
        self.0.state().platter.image(loss)
    }

    /// Cuts the power, and gives a disk with what is left. Connections to this one fail for ever.
    #[must_use]
    pub fn reboot(&self, loss: Loss) -> Self {
        self.stop();
        Self::holding(&self.image(loss))
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state();
        let files = state.platter.image(Loss::Nothing);
        let mut fields = out.debug_struct("Disk");
        fields.field("id", &self.0.id).field("operations", &state.operations).field("is_off", &state.is_off);
        fields.field("files", &files).finish()
    }
}

impl Shared {
    fn new(id: u64, platter: Platter) -> Arc<Self> {
        let state = State { platter, ..State::default() };
        Arc::new(Self { id, state: Mutex::new(state), hook: Mutex::new(None) })
    }

    /// A disk for a file that has no name: nobody finds it, and it never fails.
    pub(crate) fn unnamed() -> Arc<Self> {
        Self::new(0, Platter::default())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Says what is about to be done.
    pub(crate) fn announce(&self, operation: Operation, name: &str) {
        // The hook may take long, and may use the disk: no lock is held.
        let hook = lock(&self.hook).clone();
        if let Some(hook) = hook {
            hook(operation, name);
        }
    }
}

impl Place {
    pub(crate) fn of(path: &str) -> Self {
        let disks = lock(&DISKS);
        let numbered = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        let numbered = numbered.and_then(|(id, name)| Some((id.parse().ok()?, name)));
        let inside = |folder: &str| path.strip_prefix(folder)?.strip_prefix(['/', '\\']);
        let mut mounted = disks.mounted.iter().rev();
        let mounted = mounted.find_map(|(folder, id)| Some((*id, inside(folder)?)));
        match mounted.or(numbered) {
            None => Self::Elsewhere,
            Some((id, name)) => match disks.all.get(&id).and_then(Weak::upgrade) {
                Some(disk) => Self::On(disk, name.into()),
                None => Self::Gone,
            },
        }
    }

    pub(crate) fn found(self) -> Option<(Arc<Shared>, Arc<str>)> {
        match self {
            Self::On(disk, name) => Some((disk, name)),
            Self::Gone | Self::Elsewhere => None,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        lock(&DISKS).all.remove(&self.id);
    }
}

impl State {
    /// Whether anything can be done at all.
    pub(crate) fn powered(&self) -> Result<(), Fault> {
        if self.is_off { Err(Fault::Failed) } else { Ok(()) }
    }

    /// Counts a read.
    pub(crate) fn read(&mut self) -> Result<(), Fault> {
        self.powered()?;
        self.reads += 1;
        if self.fail_read == Some(self.reads) { Err(Fault::Failed) } else { Ok(()) }
    }

    /// Makes a change, if nothing is in its way.
    pub(crate) fn change(&mut self, change: Change) -> Result<(), Fault> {
        self.powered()?;
        self.operations += 1;
        if self.fail_operation == Some(self.operations) {
            return Err(Fault::Failed);
        }
        if let Some(capacity) = self.capacity
            && self.growth(&change) > capacity.saturating_sub(self.platter.size())
        {
            return Err(Fault::Full);
        }
        self.is_off = self.stop_at.is_some_and(|last| self.operations >= last);
        let is_sync = matches!(change, Change::Sync(_) | Change::SyncNames);
        // A sync that the power cut came into has done nothing; of all else, a part may be there.
        if !(is_sync && (self.is_off || self.lies)) {
            if let Some(recording) = &mut self.recording {
                recording.changes.push((self.operations, change.clone()));
            }
            self.platter.apply(self.operations, change);
        }
        self.powered()
    }

    fn growth(&self, change: &Change) -> usize {
        let (file, end) = match change {
            Change::Write(file, at, bytes) => (file, at + bytes.len()),
            Change::Resize(file, size) => (file, *size),
            _ => return 0,
        };
        end.saturating_sub(self.platter.content(*file).len())
    }
}
