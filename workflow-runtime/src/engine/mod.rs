//! The engine: the only owner of running machines. It feeds them events, and does what they command.

mod accept;
mod alarm;
mod attempt;
mod breaker;
mod callee;
mod clock;
mod core;
mod deeds;
mod drive;
mod effects;
mod elsewhere;
mod event;
mod executor;
mod gate;
mod glance;
mod host;
mod in_use;
mod index;
mod job;
mod keep;
mod launch;
mod learned;
mod lend;
mod letter;
mod made;
mod measure;
mod meter;
mod news;
mod opened;
#[cfg(feature = "classic")]
mod outside;
mod park;
mod part;
mod perform;
mod places;
mod plan;
mod presence;
mod queue;
mod ready;
mod recover;
mod report;
mod rerun;
mod retain;
mod scribe;
mod settings;
mod share;
mod sync;
mod take;
mod takeover;
mod task;
mod timers;
mod timetable;
mod trace;
mod turnstile;
mod wait;
mod watch;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod within;
mod words;

pub use breaker::Breaker;
pub(crate) use clock::Clock;
pub(crate) use core::{Config, Engine, Override, Parts};
#[cfg(feature = "http")]
pub(crate) use deeds::DEEDS;
pub(crate) use event::Event as JobEvent;
pub(crate) use executor::{Executor, Local, lock};
pub(crate) use glance::caught_result;
pub use job::Progress;
pub(crate) use job::{Job, JobWork};
pub(crate) use keep::Unkept;
pub(crate) use letter::{Spot, submission_of};
pub(crate) use opened::Opened;
#[cfg(feature = "cli")]
pub(crate) use opened::paused;
#[cfg(feature = "classic")]
pub(crate) use outside::{Outside, Sighting};
pub use park::ParkedJob;
pub(crate) use rerun::{Unrepeatable, Unrun};
pub(crate) use retain::PRUNED;
pub use settings::{AgentLimits, Queue, StallAction};
#[cfg(feature = "acting")]
pub(crate) use timetable::orders;
pub(crate) use timetable::{Handed, Order, Page, RunOptions, Unedited, Waits};
pub(crate) use watch::Watch;
pub use watch::{Event, Observer, What};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) use within::NotWithin;
pub(crate) use words::Said;
