//! Schedules: when something runs, again and again.
//!
//! A [`Schedule`] is plain data: a [`Rule`], which is a [`Cron`] pattern in a time zone or an interval ([`every`]), and
//! what holds when a run is [missed](Missed) or [meets another](Overlap). [`Schedule::due`] works out what is to run,
//! from the schedule, from how far it has come, and from what time it is; it reads no clock and writes nothing. Each
//! [`Tick`] has a [key](Tick::key) that is the same whoever works it out, so that a store can see to it that it runs
//! once, ever.

mod cron;
mod cron_error;
mod definition;
mod due;
pub(crate) mod duration_text;
mod every;
mod field;
mod jitter;
mod moments;
mod parse;
mod pattern;
mod policy;
mod rule;
mod tick;
mod walk;
mod wall;
mod words;
mod zone;

pub use cron::Cron;
pub use cron_error::CronError;
pub use definition::Schedule;
pub use due::{Due, State};
pub use every::{Every, TooOften, every};
pub use field::CronField;
pub use policy::{Meeting, Missed, Overlap};
pub use rule::Rule;
pub use tick::{Cause, Tick};
pub use zone::UnknownZone;
