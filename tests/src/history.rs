//! What really happened, kept outside of the process that may be killed; and a judge who knows nothing but that.
//!
//! Agents of a workload tell a [`Recorder`] when an attempt begins, with what it was given, and when it ends. Whoever
//! submits tells it what he asked for, what was accepted, and which results he was told. When everything is over, each
//! job is told with its journal, as [`Kept`]. [`check`] reads all of it and names every [`Violation`] of what is
//! promised. It does not know the runtime: it compares what was seen with what was written.

mod attempts;
mod case;
mod event;
mod limits;
mod line;
mod reads;
mod recorder;
mod saves;
mod submissions;
mod ticks;
mod undo;
mod violation;
mod wishes;

pub use case::{Rules, check};
pub use event::{Began, Event, Kept, Outcome, Read, Tick, Wish};
pub use line::{Line, Parsed};
pub use recorder::{Recorder, Running};
pub use violation::{Effect, Violation};
