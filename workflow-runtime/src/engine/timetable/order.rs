//! An order: a schedule, what it runs, and how far it has come. It is one note in the store.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::setting::Overruled;
use crate::job_id::JobId;
use crate::options::Priority;
use crate::record::{JobOptions, Work};
use crate::schedule::{Meeting, Overlap, Rule, Schedule, State, Tick, duration_text};
use crate::timestamp::Timestamp;

/// The version of orders that this library writes; it reads those up to it.
pub(super) const FORMAT: u32 = 1;

/// So many ticks wait to be handed in at most: while there are so many, no more are taken from the schedule.
const MOST: usize = 1000;

/// A schedule, what it runs, and how far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(super) format: u32,
    pub(crate) schedule: Schedule,
    pub(crate) work: Work,
    #[serde(default, skip_serializing_if = "RunOptions::are_none")]
    pub(crate) options: RunOptions,
    #[serde(default)]
    pub(crate) state: State,
    /// The tick that runs when no other run is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) waiting: Option<Tick>,
    /// The runs that may not be over. They are here before their jobs are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) runs: Vec<Run>,
    /// What the configuration has set otherwise.
    #[serde(default, skip_serializing_if = "Overruled::is_nothing")]
    pub(super) overruled: Overruled,
    /// The moment of the last run by hand, so that no two have the same.
    #[serde(default)]
    pub(super) by_hand: Timestamp,
}

/// How its runs are run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RunOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<Arc<str>>,
    /// How long after it is handed in a run is given up; never, if this is no time.
    #[serde(skip_serializing_if = "Duration::is_zero", with = "duration_text")]
    pub(crate) deadline: Duration,
}

impl RunOptions {
    fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A tick, and the job that runs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) job: JobId,
    pub(crate) tick: Tick,
    /// Another takes its place: it is cancelled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) replaced: bool,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is no job yet, and nobody here is about to hand it in.
    Missing,
    /// Somebody here is about to hand it in.
    Pending,
    Running,
    Over,
}

/// What is to be done once an order is written.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) starts: Vec<Run>,
    pub(super) stops: Vec<JobId>,
    /// Whether there is something to write.
    pub(super) is_changed: bool,
    /// When to look again.
    pub(super) next: Option<Timestamp>,
    /// Nothing more is taken from the schedule before some are handed in.
    pub(super) is_full: bool,
}

/// Whether a rule says what is kept already. An interval that does not say from when on it counts goes on as it does.
pub(super) fn is_as_kept(rule: &Rule, kept: &Rule) -> bool {
    match (rule, kept) {
        (Rule::Every(new), Rule::Every(kept)) if new.anchor().is_none() => new.interval() == kept.interval(),
        _ => rule == kept,
    }
}

/// The key of a tick among all keys that are for ever.
pub(super) fn key_of(tick: &Tick) -> Arc<str> {
    Arc::from(format!("schedule:{}", tick.key()))
}

/// The schedule whose tick has a key.
pub(in crate::engine) fn schedule_of(key: &str) -> Option<&str> {
    key.strip_prefix("schedule:")?.rsplit_once('@').map(|(schedule, _)| schedule)
}

impl Order {
    /// An order that is made now, and has come nowhere yet.
    pub(crate) fn new(schedule: Schedule, work: Work, options: RunOptions) -> Self {
        Self {
            format: FORMAT,
            schedule,
            work,
            options,
            state: State::default(),
            waiting: None,
            runs: Vec::new(),
            overruled: Overruled::default(),
            by_hand: Timestamp::EPOCH,
        }
    }

    /// Takes over what a program wants it to be; says whether that is anything new. How far it has come, and whether it is
    /// paused, stays.
    pub(crate) fn renew(&mut self, wanted: &Self, rule: &Rule, now: Timestamp) -> bool {
        let before = self.clone();
        match &mut self.overruled.rule {
            // The configuration has set another: this one is for when it says so no more.
            Some(kept) if is_as_kept(rule, kept) => {}
            Some(kept) => kept.clone_from(rule),
            None if is_as_kept(rule, &self.schedule.rule) => {}
            None => self.schedule.change(rule.clone(), now),
        }
        let (own, new) = (&mut self.schedule, &wanted.schedule);
        (own.missed, own.overlap) = (new.missed, new.overlap);
        (own.starts, own.ends) = (new.starts, new.ends);
        (own.jitter, own.tolerance) = (new.jitter, new.tolerance);
        self.work.clone_from(&wanted.work);
        self.options.clone_from(&wanted.options);
        let is_new = *self != before;
        if is_new && self.schedule.version == before.schedule.version {
            self.schedule.version += 1;
        }
        is_new
    }

    /// Goes on to a moment: takes what is due from the schedule, and decides what becomes of it.
    pub(super) fn advance(
        &mut self,
        now: Timestamp,
        standing: impl Fn(JobId) -> Standing,
        mut make: impl FnMut() -> JobId,
    ) -> Step {
        let stays = self.schedule.overlap != Overlap::Allow;
        self.runs.retain(|run| match standing(run.job) {
            Standing::Missing | Standing::Pending => true,
            Standing::Running => stays || run.replaced,
            Standing::Over => false,
        });
        let mut step = Step::default();
        if !self.schedule.paused && self.running() == 0 {
            let waited = self.waiting.take();
            waited.into_iter().for_each(|tick| self.start(tick, make(), &mut step));
        }
        let open = self.runs.iter().filter(|run| standing(run.job) != Standing::Running).count();
        if open >= MOST {
            step.is_full = true;
            return step;
        }
        let due = self.schedule.due(&self.state, now);
        step.is_changed |= due.state != self.state;
        (self.state, step.next) = (due.state, due.next);
        for tick in due.ticks {
            match self.schedule.overlap.decide(self.running(), usize::from(self.waiting.is_some())) {
                Meeting::Run => self.start(tick, make(), &mut step),
                Meeting::Wait => self.waiting = Some(tick),
                Meeting::Drop => {
                    tracing::info!(schedule = self.schedule.name, tick = %tick.moment, "it does not run beside another");
                }
                Meeting::Replace => {
                    for run in self.runs.iter_mut().filter(|run| !run.replaced) {
                        run.replaced = true;
                        step.stops.push(run.job);
                    }
                    self.start(tick, make(), &mut step);
                }
            }
        }
        step
    }

    /// A run now, whatever the rule says.
    pub(crate) fn trigger(&mut self, now: Timestamp, job: JobId) -> Run {
        let moment = now.max(self.by_hand + Duration::from_micros(1));
        self.by_hand = moment;
        let run = Run { job, tick: self.schedule.trigger(moment), replaced: false };
        self.runs.push(run.clone());
        run
    }

    /// How the job of a tick is run.
    pub(super) fn options_of(&self, tick: &Tick, now: Timestamp) -> JobOptions {
        let RunOptions { queue, priority, key, tags, deadline } = self.options.clone();
        let mut own = vec![Arc::from(format!("schedule:{}", self.schedule.name))];
        own.extend(tags);
        JobOptions {
            queue,
            priority,
            key,
            tags: own,
            deadline: (!deadline.is_zero()).then(|| now + deadline),
            once: Some(key_of(tick)),
            tick: Some(Arc::new(tick.clone())),
            ..JobOptions::default()
        }
    }

    /// How many runs are not over and are to go on.
    fn running(&self) -> usize {
        self.runs.iter().filter(|run| !run.replaced).count()
    }

    fn start(&mut self, tick: Tick, job: JobId, step: &mut Step) {
        let run = Run { job, tick, replaced: false };
        self.runs.push(run.clone());
        step.starts.push(run);
        step.is_changed = true;
    }
}
