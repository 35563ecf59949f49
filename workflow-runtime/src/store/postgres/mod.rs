//! Journals in PostgreSQL: for as many machines as share a database.

mod batch;
mod bridge;
mod connections;
mod database;
mod failure;
mod forget;
mod gates;
mod known;
mod once;
mod options;
mod pen;
mod read;
mod row;
mod schema;
mod store;
mod terms;
mod watch;
mod wire;
mod within;
mod words;
mod write;

pub(crate) use once::{Once, OnceKey};
pub use options::PostgresOptions;
pub use store::PostgresStore;
