//! What the tests and benches share.

pub mod bench;
pub mod faulty;
pub mod folder;
pub mod random;
pub mod simulation;
pub mod sweep;
pub mod trace;
mod walker;

pub use walker::Walker;
