//! Commands of the machine.

mod agent;
mod ambit;
mod bound;
mod child;
mod confine;
mod mark;
mod request;
mod run;
mod usage;
mod watcher;

pub use agent::shell;
pub use request::Shell;
