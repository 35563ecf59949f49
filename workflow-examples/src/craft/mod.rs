//! Agents at work, each as what its role may: a model plans, a coder writes, a tester tests, a critic judges by a script, and
//! is refused what is none of his business. `cargo run -p workflow-examples --features agents --bin craft -- serve` shows it.

mod crafted;
mod plan;
mod setting;
mod stand_in;
mod workflow;

pub use crafted::{Crafted, Judgement, tell};
pub use plan::{File, Plan, read_plan};
pub use setting::{models, policy};
pub use workflow::Craft;
