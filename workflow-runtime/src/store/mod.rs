//! Where journals are kept: the port, and what stands behind it.

mod memory;
mod port;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::MemoryStore;
pub use port::{
    Change, Claimed, Entry, Epoch, Expiry, Filter, Head, Kept, Lines, Note, Store, StoreError,
    StoreErrorKind, Term, Verdict,
};
/// The crate by which [`SqliteStore`] speaks with SQLite, for transactions that jobs are [a part
/// of](crate::Submission::within).
#[cfg(feature = "sqlite")]
pub use rusqlite;
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::Within;
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, SqliteOptions, SqliteStore};
