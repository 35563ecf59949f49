//! One job as a pure state machine: [`Machine::apply`] folds records, [`Machine::command`] says what to do next.
//! There is no clock in it, no I/O, and no thread. [`resume`] folds a whole journal, whichever program wrote it.

mod block;
mod command;
mod dynamic;
mod evaluate;
mod fold;
mod form;
mod illegal;
mod job;
mod outstanding;
mod path;
mod resume;
mod state;
mod stop;
#[cfg(test)]
mod tests;

pub(crate) use command::Command;
pub use illegal::Illegal;
pub(crate) use job::{Machine, Shape};
pub(crate) use resume::{Resumed, Unfit, resume};
pub(crate) use state::{Kind, Task};
