//! Where journals are kept: the port, and what stands behind it.

mod memory;
mod port;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod within;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod words;

pub use memory::MemoryStore;
pub use port::{
    Asking, Change, Claimed, Entry, Epoch, Expiry, Filter, Head, Kept, Leave, Lines, Most, News, NodeStatus,
    Note, Offer, Store, StoreError, StoreErrorKind, Term, Toll, Verdict, Word, WordId,
};
#[cfg(feature = "postgres")]
pub(crate) use postgres::{Once, OnceKey};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
/// The crate by which [`SqliteStore`] speaks with SQLite, for transactions that jobs are [a part
/// of](crate::Submission::within).
#[cfg(feature = "sqlite")]
pub use rusqlite;
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, SqliteLook, SqliteOptions, SqliteStore};
/// The crate by which [`PostgresStore`] speaks with PostgreSQL, for transactions that jobs are [a part
/// of](crate::Submission::within_postgres).
#[cfg(feature = "postgres")]
pub use sqlx;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) use within::Within;
