//! `#[task_agent]`: parse → model → expand.

mod docs;
mod expand;
mod model;
mod parse;

pub(crate) use expand::expand;
pub(crate) use parse::check_name;
