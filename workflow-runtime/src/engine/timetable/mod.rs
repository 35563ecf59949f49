//! The timetable: which schedules there are, what of them is due, and how ticks become jobs.

mod agenda;
mod busy;
mod edit;
mod hand_in;
mod load;
mod look;
mod order;
mod page;
mod setting;

pub(crate) use edit::{Unedited, Waits};
pub(crate) use hand_in::Handed;
#[cfg(feature = "acting")]
pub(crate) use load::orders;
pub(super) use order::schedule_of;
pub(crate) use order::{Order, RunOptions};
pub(crate) use page::{Page, Timetable};
pub(crate) use setting::ScheduleSetting;
