//! Graphs, levels, cycles and pictures of workflows, without a dependency: what the macros and the runtime share.
//!
//! The macros use it while a program compiles, the runtime while it runs, so that both agree on what runs before
//! what, on how a picture looks, and on how durations, rates and suggestions are written.

mod critical;
mod cycle;
mod dot;
mod duration;
mod graph;
mod layout;
mod levels;
mod mermaid;
mod nearest;
mod picture;
mod rate;
mod svg;
mod text;

pub use critical::CriticalPath;
pub use cycle::Cycle;
pub use duration::{DurationError, format_duration, parse_duration};
pub use graph::{Edge, EdgeKind, EdgeOutOfRange, Graph};
pub use levels::Levels;
pub use nearest::nearest;
pub use picture::{Block, Item, Link, LinkKind, Picture, Shape};
pub use rate::{Rate, RateError, parse_rate};
