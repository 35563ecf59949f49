//! What the tests and benches share.

pub mod bench;
mod walker;

pub use walker::Walker;
