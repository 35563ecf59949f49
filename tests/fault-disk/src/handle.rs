//! An open file, and what can be done with it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi::{
    SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR_CHECKRESERVEDLOCK, SQLITE_IOERR_DELETE,
    SQLITE_IOERR_DELETE_NOENT, SQLITE_IOERR_FSTAT, SQLITE_IOERR_FSYNC, SQLITE_IOERR_LOCK, SQLITE_IOERR_READ,
    SQLITE_IOERR_SHMLOCK, SQLITE_IOERR_SHMMAP, SQLITE_IOERR_SHORT_READ, SQLITE_IOERR_TRUNCATE,
    SQLITE_IOERR_WRITE, SQLITE_LOCK_NONE,
};

use crate::disk::{Fault, Operation, Place, Shared};
use crate::locks::Share;
use crate::platter::{Change, FileId};

/// What SQLite is told when something went wrong: one of its codes.
pub(crate) type Code = i32;

impl Fault {
    /// The code of SQLite, for something that failed with this one if it failed.
    fn code(self, failed: Code) -> Code {
        match self {
            Self::Failed => failed,
            Self::Full => SQLITE_FULL,
        }
    }
}

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    /// It is made if it is not there.
    pub(crate) create: bool,
    /// It must not be there.
    pub(crate) exclusive: bool,
    /// It goes when it is closed.
    pub(crate) temporary: bool,
    /// It is a journal: its name is synced with it at first, whoever made it, as SQLite does on Unix.
    pub(crate) is_journal: bool,
}

/// An open file.
pub(crate) struct Handle {
    disk: Arc<Shared>,
    name: Arc<str>,
    file: FileId,
    temporary: bool,
    /// The next sync has to sync the name, too.
    sync_name: bool,
    level: i32,
    share: Share,
}

impl Handle {
    /// Opens a file of a disk; one without a path is nobody else's, and has a disk of its own.
    pub(crate) fn open(path: Option<&str>, opening: Opening) -> Result<Self, Code> {
        let (disk, name) = match path {
            Some(path) => Place::of(path).found().ok_or(SQLITE_CANTOPEN)?,
            None => (Shared::unnamed(), "".into()),
        };
        let there = {
            let state = disk.state();
            state.powered().map_err(|fault| fault.code(SQLITE_CANTOPEN))?;
            state.platter.find(&name)
        };
        if there.is_some() && opening.exclusive || there.is_none() && !opening.create {
            return Err(SQLITE_CANTOPEN);
        }
        let file = match there {
            Some(file) => file,
            None => {
                disk.announce(Operation::Create, &name);
                let mut state = disk.state();
                match state.platter.find(&name) {
                    // Another thread was faster.
                    Some(_) if opening.exclusive => return Err(SQLITE_CANTOPEN),
                    Some(file) => file,
                    None => {
                        let file = state.platter.new_id();
                        let created = state.change(Change::Create(Arc::clone(&name), file));
                        created.map_err(|fault| fault.code(SQLITE_CANTOPEN))?;
                        file
                    }
                }
            }
        };
        let sync_name = opening.create && opening.is_journal;
        let (temporary, level) = (opening.temporary, SQLITE_LOCK_NONE);
        Ok(Self { disk, name, file, temporary, sync_name, level, share: Share::default() })
    }

    /// Reads as much as there is, and zeros for the rest; says if there is a rest.
    pub(crate) fn read(&self, at: usize, into: &mut [u8]) -> Result<(), Code> {
        self.disk.announce(Operation::Read, &self.name);
        let mut state = self.disk.state();
        state.read().map_err(|fault| fault.code(SQLITE_IOERR_READ))?;
        let content = state.platter.content(self.file);
        let there = content.get(at..).unwrap_or_default();
        let length = there.len().min(into.len());
        into[..length].copy_from_slice(&there[..length]);
        into[length..].fill(0);
        if length == into.len() { Ok(()) } else { Err(SQLITE_IOERR_SHORT_READ) }
    }

    pub(crate) fn write(&self, at: usize, bytes: &[u8]) -> Result<(), Code> {
        self.change(Operation::Write, Change::Write(self.file, at, bytes.into()), SQLITE_IOERR_WRITE)
    }

    pub(crate) fn truncate(&self, size: usize) -> Result<(), Code> {
        self.change(Operation::Resize, Change::Resize(self.file, size), SQLITE_IOERR_TRUNCATE)
    }

    pub(crate) fn sync(&mut self) -> Result<(), Code> {
        self.change(Operation::Sync, Change::Sync(self.file), SQLITE_IOERR_FSYNC)?;
        if self.sync_name {
            self.change(Operation::SyncNames, Change::SyncNames, SQLITE_IOERR_FSYNC)?;
            self.sync_name = false;
        }
        Ok(())
    }

    fn change(&self, operation: Operation, change: Change, failed: Code) -> Result<(), Code> {
        self.disk.announce(operation, &self.name);
        self.disk.state().change(change).map_err(|fault| fault.code(failed))
    }

    pub(crate) fn size(&self) -> Result<usize, Code> {
        let state = self.disk.state();
        state.powered().map_err(|fault| fault.code(SQLITE_IOERR_FSTAT))?;
        Ok(state.platter.content(self.file).len())
    }

    pub(crate) fn lock(&mut self, level: i32) -> Result<(), Code> {
        let mut state = self.disk.state();
        state.powered().map_err(|fault| fault.code(SQLITE_IOERR_LOCK))?;
        let locks = state.locks.entry(self.file).or_default();
        if locks.raise(&mut self.level, level) { Ok(()) } else { Err(SQLITE_BUSY) }
    }

    /// Goes well without power, too: so a connection can end.
    pub(crate) fn unlock(&mut self, level: i32) {
        self.disk.state().locks.entry(self.file).or_default().lower(&mut self.level, level);
    }

    pub(crate) fn is_reserved(&self) -> Result<bool, Code> {
        let mut state = self.disk.state();
        state.powered().map_err(|fault| fault.code(SQLITE_IOERR_CHECKRESERVEDLOCK))?;
        Ok(state.locks.entry(self.file).or_default().is_reserved())
    }

    /// A region of the memory that connections of this file share. It stays where it is until this one has let go.
    pub(crate) fn region(
        &mut self,
        number: usize,
        size: usize,
        make: bool,
    ) -> Result<Option<*mut u64>, Code> {
        let mut state = self.disk.state();
        state.powered().map_err(|fault| fault.code(SQLITE_IOERR_SHMMAP))?;
        Ok(state.memory.entry(self.file).or_default().region(&mut self.share, number, size, make))
    }

    pub(crate) fn take(&mut self, slots: Range<usize>, alone: bool) -> Result<(), Code> {
        let mut state = self.disk.state();
        state.powered().map_err(|fault| fault.code(SQLITE_IOERR_SHMLOCK))?;
        let memory = state.memory.entry(self.file).or_default();
        if memory.take(&mut self.share, slots, alone) { Ok(()) } else { Err(SQLITE_BUSY) }
    }

    pub(crate) fn give_back(&mut self, slots: Range<usize>) {
        self.disk.state().memory.entry(self.file).or_default().give_back(&mut self.share, slots);
    }

    /// What was written to the shared memory before is seen by whoever reads it after.
    pub(crate) fn barrier(&self) {
        fence(Ordering::SeqCst);
        drop(self.disk.state());
    }

    /// Lets the shared memory go. It ends with its last user.
    pub(crate) fn leave(&mut self) {
        let mut state = self.disk.state();
        let memory = state.memory.entry(self.file).or_default();
        if memory.leave(&mut self.share) {
            state.memory.remove(&self.file);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.leave();
        self.unlock(SQLITE_LOCK_NONE);
        if self.temporary {
            // It is gone with the power anyway.
            let _ = self.disk.state().change(Change::Remove(Arc::clone(&self.name)));
        }
    }
}

/// Deletes a file.
pub(crate) fn delete(path: &str, sync_names: bool) -> Result<(), Code> {
    let (disk, name) = Place::of(path).found().ok_or(SQLITE_IOERR_DELETE_NOENT)?;
    disk.announce(Operation::Remove, &name);
    let mut state = disk.state();
    let failed = |fault: Fault| fault.code(SQLITE_IOERR_DELETE);
    state.powered().map_err(failed)?;
    if state.platter.find(&name).is_none() {
        return Err(SQLITE_IOERR_DELETE_NOENT);
    }
    state.change(Change::Remove(Arc::clone(&name))).map_err(failed)?;
    drop(state);
    if sync_names {
        disk.announce(Operation::SyncNames, &name);
        disk.state().change(Change::SyncNames).map_err(failed)?;
    }
    Ok(())
}

/// Whether there is a file, or whether there is one that holds anything.
pub(crate) fn exists(path: &str, with_content: bool) -> Result<bool, Code> {
    let Some((disk, name)) = Place::of(path).found() else { return Ok(false) };
    let state = disk.state();
    state.powered().map_err(|fault| fault.code(SQLITE_IOERR_FSTAT))?;
    let file = state.platter.find(&name);
    Ok(file.is_some_and(|file| !with_content || !state.platter.content(file).is_empty()))
}
