//! One process to a file: who opens it holds a lock on a file beside it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::store::{StoreError, StoreErrorKind};

/// Held as long as it lives. The operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of a database, and writes into it who has it.
    pub(super) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = beside(database);
        let unavailable = |what: &str, error: &dyn std::fmt::Display| {
            let cure = "see that the folder is there, and that this process may write to it";
            let message =
                format!("{}: {what} the lock {}: {error}; {cure}", database.display(), path.display());
            StoreError::new(StoreErrorKind::Unavailable, message)
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| unavailable("cannot open", &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(database, &mut file)),
            Err(TryLockError::Error(error)) => return Err(unavailable("cannot take", &error)),
        }
        // Who it is, for the message that others get; that it cannot be written is no reason not to go on.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    PathBuf::from(path)
}

fn in_use(database: &Path, file: &mut File) -> StoreError {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let holder = read.ok().and_then(|_| text.trim().parse::<u32>().ok());
    let (who, cure) = match holder {
        Some(own) if own == std::process::id() => {
            ("this process has it open already".to_owned(), "open it once, and share the store in an `Arc`")
        }
        Some(other) => (format!("process {other} has it open"), CURE),
        None => ("another process has it open".to_owned(), CURE),
    };
    StoreError::new(StoreErrorKind::InUse, format!("{}: {who}; {cure}", database.display()))
}

const CURE: &str = "end that process, or give this one a file of its own: one process to a file";
