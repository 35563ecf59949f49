//! Whether all is well: what the program has, how it is set and by whom, its store, and what asks for somebody.

mod finding;
mod program;
mod report;
mod schedules;
mod store;

pub(super) use report::doctor;
