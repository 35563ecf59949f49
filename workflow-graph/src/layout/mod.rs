//! Where everything in a picture goes: measure → rows → order → place.
//!
//! A block is laid out on its own: its items stand in rows by what leads to what, and links that pass a row go
//! through a gap that is kept free for them. An item that holds blocks is as large as their layouts.

mod measure;
mod order;
mod place;
mod rows;

#[cfg(test)]
mod tests;

pub(crate) use measure::{Inner, LINE, PADDING, shorten};
pub(crate) use place::{Layout, Rect, Route, layout};
pub(crate) use rows::levels;
