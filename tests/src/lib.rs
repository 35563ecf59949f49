//! What the tests and benches share.

pub mod bench;
pub mod random;
pub mod simulation;
mod walker;

pub use walker::Walker;
