//! Having something done, by whoever works on the store: one thing, or the same with many jobs.

use std::io::{self, BufRead};

use serde::Serialize;

use super::arguments::{ActCommand, Chosen, Which};
use super::output::Output;
use super::refusal::{Exit, Refusal};
use super::run::{Told, read_json};
use super::stores::Stores;
use super::strays::warn_of_act;
use crate::act::{Act, Done};
use crate::builder::RuntimeBuilder;
use crate::job_id::JobId;
use crate::queued::each as each_job;
use crate::state::JobState;
use crate::store::{Filter, StoreError};

/// What is to be done.
pub(super) enum Wanted {
    /// One thing.
    One(Act),
    /// The same with some jobs, each by itself.
    Each(Many),
}

/// Something that is done with some jobs.
pub(super) struct Many {
    /// In a word, for who is asked whether it is meant.
    word: &'static str,
    chosen: Chosen,
    /// With which jobs it can be done, if all are chosen.
    can: fn(JobState) -> bool,
    /// It is done with dead letters alone.
    dead: bool,
    act: Box<dyn Fn(JobId) -> Act>,
}

/// Has it done, and says what came of it.
pub(super) fn act(
    builder: RuntimeBuilder,
    stores: &Stores,
    wanted: Wanted,
    output: &mut Output<'_>,
    told: &mut Told<'_>,
) -> Result<Exit, Refusal> {
    match wanted {
        Wanted::One(act) => one(builder, stores, act, output, told),
        Wanted::Each(many) => match &many.chosen.checked()?.jobs[..] {
            [job] => one(builder, stores, (many.act)(*job), output, told),
            _ => each(builder, stores, &many, output, told),
        },
    }
}

fn one(
    builder: RuntimeBuilder,
    stores: &Stores,
    act: Act,
    output: &mut Output<'_>,
    told: &mut Told<'_>,
) -> Result<Exit, Refusal> {
    warn_of_act(&*builder.registered()?, stores, &act, told)?;
    let done = stores.act(builder, act)?;
    output.show(&done, |output| output.line(in_words(&done)))?;
    Ok(Exit::Done)
}

fn in_words(done: &Done) -> String {
    match done {
        Done::So => "done".to_owned(),
        Done::Already => "it was so already".to_owned(),
        Done::Job { job } => job.to_string(),
        Done::Forgot { jobs } => format!("{jobs} forgotten"),
    }
}

/// What came of one of many.
#[derive(Serialize)]
struct Came<'a> {
    job: JobId,
    #[serde(flatten)]
    done: Option<&'a Done>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn each(
    builder: RuntimeBuilder,
    stores: &Stores,
    many: &Many,
    output: &mut Output<'_>,
    told: &mut Told<'_>,
) -> Result<Exit, Refusal> {
    let jobs = many.jobs(stores)?;
    if jobs.is_empty() {
        if !output.json {
            output.line("there are no such jobs")?;
        }
        return Ok(Exit::Done);
    }
    if many.chosen.all {
        told.confirm(many.chosen.yes, &format!("{} {}", many.word, counted(jobs.len())))?;
    }
    let acts = jobs.iter().map(|job| (many.act)(*job)).collect();
    let (mut jobs, mut worst) = (jobs.iter(), Exit::Done);
    stores.act_each(builder, acts, &mut |came| {
        let Some(job) = jobs.next() else { return Ok(()) };
        if let Err(refusal) = &came {
            worst = worst.max(refusal.exit);
        }
        if output.json {
            let error = came.as_ref().err().map(|refusal| &*refusal.message);
            return output.in_a_line(&Came { job: *job, done: came.as_ref().ok(), error });
        }
        let words = came.as_ref().map_or_else(|refusal| refusal.message.clone(), in_words);
        Ok(output.line(format!("{job}  {words}"))?)
    })?;
    Ok(worst)
}

impl Chosen {
    /// Some are chosen, and nothing is said that means nothing.
    fn checked(&self) -> Result<&Self, Refusal> {
        if !self.all && self.jobs.is_empty() {
            return Err(Refusal::new(Exit::Misused, "say which jobs: their ids, or --all"));
        }
        self.meant().map(|()| self)
    }

    fn meant(&self) -> Result<(), Refusal> {
        if self.all || self.sought.is_all() {
            return Ok(());
        }
        let message = "--name, --state, --tag, --text, --since and --until say which of all jobs are meant: they go \
                       with --all";
        Err(Refusal::new(Exit::Misused, message))
    }
}

pub(super) fn counted(jobs: usize) -> String {
    if jobs == 1 { "1 job".to_owned() } else { format!("{jobs} jobs") }
}

impl Many {
    fn jobs(&self, stores: &Stores) -> Result<Vec<JobId>, Refusal> {
        if !self.chosen.all {
            return Ok(self.chosen.jobs.clone());
        }
        let sought = self.chosen.sought.clone();
        let sought = if self.dead { sought } else { sought.or_in(self.can) };
        let filter = Filter { dead: self.dead, ..sought.filter() };
        let mut jobs = Vec::new();
        each_job(&*stores.look()?, filter, |head| {
            jobs.extend((self.can)(head.state).then_some(head.id));
            Ok::<(), StoreError>(())
        })?;
        Ok(jobs)
    }
}

impl Told<'_> {
    /// Asks who sits there whether it is meant; nobody is asked where nobody sits.
    pub(super) fn confirm(&mut self, yes: bool, what: &str) -> Result<(), Refusal> {
        if yes || !self.asks {
            return Ok(());
        }
        write!(self.to, "{what}? [y/N] ")?;
        self.to.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        match matches!(answer.trim(), "y" | "Y" | "yes") {
            true => Ok(()),
            false => Err(Refusal::new(Exit::Interrupted, "nothing was done")),
        }
    }
}

fn many(
    word: &'static str,
    chosen: Chosen,
    can: fn(JobState) -> bool,
    act: impl Fn(JobId) -> Act + 'static,
) -> Wanted {
    Wanted::Each(Many { word, chosen, can, dead: false, act: Box::new(act) })
}

fn letters(word: &'static str, chosen: Chosen, act: impl Fn(JobId) -> Act + 'static) -> Wanted {
    Wanted::Each(Many { word, chosen, can: JobState::is_over, dead: true, act: Box::new(act) })
}

impl ActCommand {
    pub(super) fn into_wanted(self) -> Result<Wanted, Refusal> {
        Ok(match self {
            Self::Submit { name, input, how } => {
                Wanted::One(Act::Submit { name, input: input.read()?, how: how.into_how() })
            }
            Self::Cancel { jobs, why } => {
                let can = |state: JobState| !state.is_over();
                many("cancel", jobs, can, move |job| Act::Cancel { job, why: why.clone() })
            }
            Self::Pause(which) => which.checked()?.pause(),
            Self::Resume(which) => which.checked()?.resume(),
            Self::Signal { job, event, value } => {
                Wanted::One(Act::Signal { job, event, value: read_json(&value, "the value")? })
            }
            Self::Retry { jobs, from_start, input } => {
                let input = input.read_any()?;
                letters("retry", jobs, move |job| Act::Retry { job, from_start, input: input.clone() })
            }
            Self::Discard { jobs } => letters("discard", jobs, |job| Act::Discard { job }),
            Self::Rerun { job, from, input } => {
                Wanted::One(Act::Rerun { job, from, input: input.read_any()? })
            }
            Self::Trigger { schedule } => Wanted::One(Act::Trigger { schedule }),
        })
    }
}

impl Which {
    /// Something is chosen, and nothing is said that means nothing.
    fn checked(self) -> Result<Self, Refusal> {
        self.jobs.meant()?;
        if self.queue.is_none() && self.schedule.is_none() && !self.jobs.all && self.jobs.jobs.is_empty() {
            let message = "say which: jobs by their ids, --all, --queue or --schedule";
            return Err(Refusal::new(Exit::Misused, message));
        }
        Ok(self)
    }

    fn pause(self) -> Wanted {
        match self {
            Self { queue: Some(queue), .. } => Wanted::One(Act::PauseQueue { queue }),
            Self { schedule: Some(schedule), .. } => Wanted::One(Act::PauseSchedule { schedule }),
            Self { jobs, .. } => {
                let can = |state: JobState| !state.is_over() && state != JobState::Paused;
                many("pause", jobs, can, |job| Act::Pause { job })
            }
        }
    }

    fn resume(self) -> Wanted {
        match self {
            Self { queue: Some(queue), .. } => Wanted::One(Act::ResumeQueue { queue }),
            Self { schedule: Some(schedule), .. } => Wanted::One(Act::ResumeSchedule { schedule }),
            Self { jobs, .. } => {
                many("resume", jobs, |state| state == JobState::Paused, |job| Act::Resume { job })
            }
        }
    }
}
