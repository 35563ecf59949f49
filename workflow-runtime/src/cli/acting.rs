//! Having something done, by whoever works on the store.

use super::arguments::{ActCommand, Which};
use super::output::Output;
use super::refusal::{Exit, Refusal};
use super::run::read_json;
use super::stores::Stores;
use crate::act::{Act, Done};
use crate::builder::RuntimeBuilder;

/// Has it done, and says what came of it.
pub(super) fn act(
    builder: RuntimeBuilder,
    stores: &Stores,
    act: &Act,
    output: &mut Output<'_>,
) -> Result<Exit, Refusal> {
    let done = stores.act(builder, act)?;
    output.show(&done, |output| match done {
        Done::So => output.line("done"),
        Done::Already => output.line("it was so already"),
        Done::Job { job } => output.line(job.to_string()),
    })?;
    Ok(Exit::Done)
}

impl ActCommand {
    pub(super) fn into_act(self) -> Result<Act, Refusal> {
        Ok(match self {
            Self::Submit { name, input, how } => {
                Act::Submit { name, input: input.read()?, how: how.into_how() }
            }
            Self::Cancel { job, why } => Act::Cancel { job, why },
            Self::Pause(which) => which.pause()?,
            Self::Resume(which) => which.resume()?,
            Self::Signal { job, event, value } => {
                Act::Signal { job, event, value: read_json(&value, "the value")? }
            }
            Self::Retry { job, from_start, input } => {
                Act::Retry { job, from_start, input: input.read_any()? }
            }
            Self::Discard { job } => Act::Discard { job },
            Self::Rerun { job, from, input } => Act::Rerun { job, from, input: input.read_any()? },
            Self::Trigger { schedule } => Act::Trigger { schedule },
        })
    }
}

impl Which {
    pub(super) fn pause(self) -> Result<Act, Refusal> {
        match self {
            Self { job: Some(job), .. } => Ok(Act::Pause { job }),
            Self { queue: Some(queue), .. } => Ok(Act::PauseQueue { queue }),
            Self { schedule: Some(schedule), .. } => Ok(Act::PauseSchedule { schedule }),
            Self { .. } => Err(nothing()),
        }
    }

    pub(super) fn resume(self) -> Result<Act, Refusal> {
        match self {
            Self { job: Some(job), .. } => Ok(Act::Resume { job }),
            Self { queue: Some(queue), .. } => Ok(Act::ResumeQueue { queue }),
            Self { schedule: Some(schedule), .. } => Ok(Act::ResumeSchedule { schedule }),
            Self { .. } => Err(nothing()),
        }
    }
}

fn nothing() -> Refusal {
    Refusal::new(Exit::Misused, "say which: a job, --queue or --schedule")
}
