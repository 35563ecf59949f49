//! Commands of the machine.

mod agent;
mod ambit;
mod child;
mod confine;
mod mark;
mod request;
mod run;
mod usage;
mod watcher;

pub use agent::shell;
pub use request::Shell;
