//! Where journals are kept: the port, and what stands behind it.

mod memory;
mod port;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::MemoryStore;
pub use port::{
    Change, Claimed, Entry, Epoch, Filter, Head, Kept, Lines, Store, StoreError, StoreErrorKind, Term,
    Verdict,
};
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, SqliteOptions, SqliteStore};
