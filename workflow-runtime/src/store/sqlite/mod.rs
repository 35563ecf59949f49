//! Journals in a file.

mod chain;
mod failure;
mod forget;
mod lock;
mod options;
mod reader;
mod row;
mod schema;
mod store;
mod writer;

pub use options::{Durability, SqliteOptions};
pub use store::SqliteStore;
