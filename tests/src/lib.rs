//! What the tests and benches share.

pub mod around;
pub mod bench;
pub mod browser;
pub mod faulty;
pub mod fleet;
pub mod folder;
pub mod history;
pub mod http;
pub mod killing;
pub mod log;
pub mod machine;
pub mod packages;
pub mod postgres;
pub mod power;
pub mod program;
pub mod random;
pub mod said;
pub mod simulation;
pub mod sweep;
pub mod trace;
mod walker;
pub mod workload;
pub mod written;

pub use walker::Walker;
