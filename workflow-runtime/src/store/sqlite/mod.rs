//! Journals in a file.

mod batch;
mod chain;
mod failure;
mod forget;
mod lock;
mod look;
mod notes;
mod options;
mod overlay;
mod reader;
mod row;
mod schema;
mod store;
mod sweep;
mod within;
mod writer;
mod young;

pub use look::SqliteLook;
pub use options::{Durability, SqliteOptions};
pub use store::SqliteStore;
