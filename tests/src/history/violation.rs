//! What a history can show that must not be.

use std::fmt;

use serde_json::Value as Json;
use workflow_runtime::{JobId, JobState};

use super::event::{Outcome, Tick, Wish};

/// An attempt of a task of a job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effect {
    /// The job.
    pub job: JobId,
    /// The task, by its path.
    pub task: String,
    /// The attempt's number.
    pub attempt: u32,
}

impl fmt::Display for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "attempt {} of `{}` of job {}", self.attempt, self.task, self.job)
    }
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum Violation {
    /// A job was accepted, or called by another, and is not there.
    Lost { job: JobId, whose: String },
    /// A job is not over though everything is.
    NeverEnded { job: JobId, state: JobState },
    /// A job ended twice, or something followed its end.
    EndedTwice { job: JobId },
    /// A task has two outcomes.
    TwoOutcomes { job: JobId, task: String },
    /// An outcome was written that its attempt did not give.
    NotItsOutcome { effect: Effect, given: Option<Outcome>, kept: Json },
    /// An attempt ran that is not written.
    NotWritten { effect: Effect },
    /// An attempt began before what it reads was written.
    Early { effect: Effect, read: String },
    /// An attempt read what is not the outcome of who made it.
    WrongInput { effect: Effect, read: String, seen: Json, kept: Option<Json> },
    /// An attempt does not find what an earlier one has saved.
    Forgot { job: JobId, task: String, saved: u64, found: Option<u64> },
    /// What somebody wanted is not done, though he was told that it is written down.
    Unheeded { job: JobId, wish: Wish },
    /// A task ran though its outcome was written.
    RanAgain { effect: Effect, why: &'static str },
    /// An attempt has the number of an earlier one, or a smaller one.
    Repeated { effect: Effect, before: u32 },
    /// Two attempts of one task ran at once.
    AtOnce { effect: Effect, other: u32 },
    /// A task's key is not what it was.
    KeyChanged { effect: Effect, before: String, now: String },
    /// Two tasks have one key.
    KeyShared { effect: Effect, other: Effect, key: String },
    /// Something was taken back before something that was done later.
    UndoOrder { job: JobId, first: String, then: String },
    /// Something was taken back that was not done.
    UndoOfNothing { job: JobId, task: String },
    /// Somebody was told another result than is kept.
    WrongResult { job: JobId, told: Option<Outcome>, kept: Option<Outcome> },
    /// A job ended otherwise than it would have if nothing had happened.
    Unexpected { job: JobId, request: String, outcome: Outcome },
    /// A tick has more than one job.
    TickTwice { tick: Tick, jobs: Vec<JobId> },
    /// A tick has no job.
    TickMissed { tick: Tick },
    /// A job was made for a tick that is none.
    TickUnasked { tick: Tick, job: JobId },
    /// More attempts ran at once than may.
    OverLimit { queue: String, limit: usize, effect: Effect },
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { job, whose } => write!(out, "job {job} is lost: {whose}"),
            Self::NeverEnded { job, state } => write!(out, "job {job} never ends: it is {state}"),
            Self::EndedTwice { job } => write!(out, "job {job} ended twice, or went on after its end"),
            Self::TwoOutcomes { job, task } => write!(out, "`{task}` of job {job} has two outcomes"),
            Self::NotItsOutcome { effect, given, kept } => {
                write!(out, "{effect} gave {}, but {kept} is written", shown(given.as_ref()))
            }
            Self::NotWritten { effect } => write!(out, "{effect} ran, but it is not written that it began"),
            Self::Early { effect, read } => {
                write!(out, "{effect} began before the outcome of `{read}` was written")
            }
            Self::WrongInput { effect, read, seen, kept } => {
                let kept = kept.as_ref().map_or("nothing".to_owned(), Json::to_string);
                write!(out, "{effect} was given {seen} of `{read}`, but {kept} is written")
            }
            Self::Forgot { job, task, saved, found } => {
                let found = found.map_or("nothing".to_owned(), |found| found.to_string());
                write!(out, "`{task}` of job {job} had saved {saved}, and found {found}")
            }
            Self::Unheeded { job, wish } => {
                write!(out, "of job {job} {wish:?} was wanted and said to be written down, and is not done")
            }
            Self::RanAgain { effect, why } => write!(out, "{effect} began again: {why}"),
            Self::Repeated { effect, before } => write!(out, "{effect} began after attempt {before}"),
            Self::AtOnce { effect, other } => write!(out, "{effect} began while attempt {other} ran"),
            Self::KeyChanged { effect, before, now } => {
                write!(out, "{effect} has the key {now}, and an earlier one had {before}")
            }
            Self::KeyShared { effect, other, key } => write!(out, "{effect} has the key {key} of {other}"),
            Self::UndoOrder { job, first, then } => {
                write!(out, "job {job} took back `{first}` before `{then}`, which was done later")
            }
            Self::UndoOfNothing { job, task } => {
                write!(out, "job {job} took back `{task}`, which was not done, or though it succeeded")
            }
            Self::WrongResult { job, told, kept } => {
                let (told, kept) = (shown(told.as_ref()), shown(kept.as_ref()));
                write!(out, "of job {job} {told} was told, but {kept} is kept")
            }
            Self::Unexpected { job, request, outcome } => {
                let outcome = shown(Some(outcome));
                write!(out, "job {job}, asked for by `{request}`, ended with {outcome}, which is not right")
            }
            Self::TickTwice { tick, jobs } => write!(out, "{tick} has the jobs {jobs:?}"),
            Self::TickMissed { tick } => write!(out, "{tick} has no job"),
            Self::TickUnasked { tick, job } => write!(out, "job {job} was made for {tick}, which is none"),
            Self::OverLimit { queue, limit, effect } => {
                write!(out, "{effect} began when {limit} ran in queue `{queue}`, which are all that may")
            }
        }
    }
}

fn shown(outcome: Option<&Outcome>) -> String {
    match outcome {
        Some(Outcome::Done(value)) => value.to_string(),
        Some(Outcome::Failed(why)) => format!("the failure `{why}`"),
        None => "nothing".to_owned(),
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the tick of `{}` at {:?}", self.schedule, self.at)
    }
}
