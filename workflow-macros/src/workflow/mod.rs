//! `workflow!`: parse → check → expand.
//!
//! [`syntax`] is what was written, [`model`] is what it means; [`check`] turns the one into the other and
//! generates nothing, [`expand`] turns a model into code and cannot fail.

mod attributes;
mod check;
mod docs;
mod expand;
mod expression;
mod model;
mod names;
mod order;
mod parse;
mod picture;
mod syntax;

pub(crate) use expand::expand;
