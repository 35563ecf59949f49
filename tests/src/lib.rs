//! What the tests and benches share.

pub mod bench;
pub mod random;
mod walker;

pub use walker::Walker;
