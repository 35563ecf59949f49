//! Commands of the machine.

mod agent;
mod ambit;
mod child;
mod confine;
mod finished;
mod mark;
mod request;
mod run;
mod usage;
mod watcher;

pub use agent::shell;
pub use finished::Finished;
pub use request::{Accept, Shell};
