//! What SQLite says, as who runs the program can use it.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use crate::store::{StoreError, StoreErrorKind};

/// Why something could not be done: SQLite's own error, or one that has all its words already.
#[derive(Debug)]
pub(super) enum Trouble {
    Sql(Error),
    Store(StoreError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Trouble {
    /// Names the file, and what was to be done with it.
    pub(super) fn of(self, path: &Path, what: &str) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sql(error) => {
                let (kind, cure) = kind_and_cure(&error);
                let shown = path.display();
                StoreError::new(kind, format!("{shown}: {what}: {error}{cure}"))
            }
        }
    }

    /// What of the file was found to be wrong, if that is what it is.
    pub(super) fn corrupt(self) -> Result<String, Self> {
        match self {
            Self::Store(error) if error.kind() == StoreErrorKind::Corrupt => Ok(error.to_string()),
            Self::Sql(error) if kind_and_cure(&error).0 == StoreErrorKind::Corrupt => Ok(error.to_string()),
            other => Err(other),
        }
    }
}

fn kind_and_cure(error: &Error) -> (StoreErrorKind, &'static str) {
    let Some(code) = error.sqlite_error_code() else {
        // It is not SQLite that complains, but who reads what it gave: of another type, no UTF-8.
        return (StoreErrorKind::Corrupt, "");
    };
    match code {
        ErrorCode::DiskFull => {
            (StoreErrorKind::Unavailable, "; the disk is full: make room, and it goes on by itself")
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (
            StoreErrorKind::Unavailable,
            "; another program writes to it and takes long: end what it does there",
        ),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => (
            StoreErrorKind::Unavailable,
            "; this process may not write there: let it write to the file and to its folder",
        ),
        ErrorCode::CannotOpen => (
            StoreErrorKind::Unavailable,
            "; see that the folder is there and that this process may write to it",
        ),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => (
            StoreErrorKind::Corrupt,
            "; the file is damaged: stop the program, keep a copy, and see what `sqlite3 FILE .recover` saves, or \
             go back to a backup",
        ),
        ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch => {
            (StoreErrorKind::Corrupt, "; the file contradicts itself: check it by `PRAGMA integrity_check`")
        }
        _ => (StoreErrorKind::Unavailable, ""),
    }
}
