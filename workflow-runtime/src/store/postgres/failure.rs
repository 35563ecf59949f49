//! What PostgreSQL says, as who runs the program can use it.

use sqlx::Error;

use crate::store::{StoreError, StoreErrorKind};

/// The code by which our functions say that a term is over.
const OVER: &str = "WF001";

/// The code by which they say that a connection is one to another store.
const ELSEWHERE: &str = "WF002";

/// Why something could not be done: sqlx's own error, or one that has all its words already.
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
    /// What is kept is not what was written.
    pub(super) fn corrupt(message: impl Into<String>) -> Self {
        Self::Store(StoreError::new(StoreErrorKind::Corrupt, message))
    }

    /// Names the database, and what was to be done with it.
    pub(super) fn of(self, described: &str, what: &str) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sql(error) if code(&error).as_deref() == Some(OVER) => {
                let message = format!(
                    "{described}: this term is over: nothing was heard of it for long, or it was ended"
                );
                StoreError::new(StoreErrorKind::Superseded, message)
            }
            Self::Sql(error) if code(&error).as_deref() == Some(ELSEWHERE) => {
                let message = format!("{described}: {what}: it is one to another database; give one to this");
                StoreError::new(StoreErrorKind::Foreign, message)
            }
            Self::Sql(error) => {
                let (kind, cure) = kind_and_cure(&error);
                StoreError::new(kind, format!("{described}: {what}: {error}{cure}"))
            }
        }
    }

    /// Not all that was to be written set by set can be: something of it was written before, or a term is over.
    pub(super) fn is_of_one(&self) -> bool {
        match self {
            Self::Sql(error) => matches!(code(error).as_deref(), Some("23505" | "WF004")),
            Self::Store(_) => false,
        }
    }

    /// Two have waited for each other, and this one gave way: it may be asked again at once.
    pub(super) fn has_given_way(&self) -> bool {
        match self {
            Self::Sql(error) => matches!(code(error).as_deref(), Some("40P01" | "40001")),
            Self::Store(_) => false,
        }
    }

    /// It may go better in a moment, though nothing is known of what was asked: the connection is gone, the database is
    /// being restarted or promoted, or others came first.
    pub(super) fn passes(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        match error {
            Error::Io(_) | Error::Protocol(_) | Error::PoolClosed => true,
            Error::Database(error) => error.code().is_some_and(|code| {
                code.starts_with("57P0")
                    || code.starts_with("08")
                    || matches!(&*code, "25006" | "40P01" | "40001")
            }),
            _ => false,
        }
    }
}

/// What PostgreSQL calls an error, if it is one of PostgreSQL's.
pub(super) fn code(error: &Error) -> Option<String> {
    error.as_database_error()?.code().map(|code| code.into_owned())
}

fn kind_and_cure(error: &Error) -> (StoreErrorKind, &'static str) {
    let unavailable = |cure| (StoreErrorKind::Unavailable, cure);
    let code = match error {
        Error::Database(error) => error.code(),
        Error::ColumnDecode { .. }
        | Error::Decode(_)
        | Error::ColumnNotFound(_)
        | Error::TypeNotFound { .. } => {
            return (StoreErrorKind::Corrupt, "; the tables are not as this program has made them");
        }
        Error::PoolTimedOut => {
            return unavailable("; the database is out of reach, or all connections are taken");
        }
        Error::Tls(_) => {
            return unavailable(
                "; for encrypted connections build with the feature `postgres-tls` of workflow-runtime",
            );
        }
        Error::Io(_) => {
            return unavailable(
                "; see that the database runs at that address, and that it can be reached from here",
            );
        }
        _ => return unavailable(""),
    };
    match code.as_deref() {
        Some("3D000") => unavailable("; make the database by `createdb`"),
        Some("28000" | "28P01") => unavailable("; see that user and password are right"),
        Some("42501") => unavailable(
            "; let this user create a schema, or make it for him: CREATE SCHEMA … AUTHORIZATION …",
        ),
        Some("53100") => {
            unavailable("; the disk of the database is full: make room, and it goes on by itself")
        }
        Some("53300") => {
            unavailable("; the database has no connections left: raise max_connections, or use fewer")
        }
        Some("25006") => unavailable("; it is a standby that only reads: connect to the primary"),
        Some("57P01" | "57P02" | "57P03") => unavailable("; it is being restarted, and is tried again"),
        Some("XX001" | "XX002") => {
            (StoreErrorKind::Corrupt, "; the database is damaged: see its own log, and go back to a backup")
        }
        Some("42P01" | "42883" | "42703" | "3F000" | "42704") => (
            StoreErrorKind::Corrupt,
            "; somebody has changed the schema since it was opened: it is made anew when the program starts again",
        ),
        _ => unavailable(""),
    }
}
