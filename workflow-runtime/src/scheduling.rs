//! A schedule that is about to be set.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{JobWork, Order, RunOptions, Unedited, Waits};
use crate::options::Priority;
use crate::record::Work;
use crate::runtime::Runtime;
use crate::schedule::{Missed, Overlap, Rule, Schedule};
use crate::schedules::{ScheduleError, ScheduleStatus};
use crate::submission::{IntoDuration, SubmitError};
use crate::timestamp::Timestamp;

/// A schedule that is about to be set: `.await` does it, and gives it as it stands then.
#[must_use = "a schedule is set when this is awaited"]
#[derive(Debug)]
pub struct Scheduling {
    runtime: Runtime,
    rule: Rule,
    schedule: Schedule,
    work: Result<JobWork, SubmitError>,
    options: RunOptions,
    problem: Option<String>,
}

impl Scheduling {
    pub(crate) fn new(
        runtime: Runtime,
        name: Arc<str>,
        rule: Rule,
        work: Result<JobWork, SubmitError>,
    ) -> Self {
        let now = runtime.engine.clock.of_day();
        let schedule = Schedule::new(&*name, rule.clone(), now);
        let problem = name.trim().is_empty().then(|| "it needs a name".to_owned());
        Self { runtime, rule, schedule, work, options: RunOptions::default(), problem }
    }

    fn lasting(mut self, time: impl IntoDuration, set: impl FnOnce(&mut Self, Duration)) -> Self {
        match time.into_duration() {
            Ok(time) => set(&mut self, time),
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// Sets what becomes of ticks that were not seen in time; [one run](Missed::Once) makes up for them otherwise.
    pub fn missed(mut self, missed: Missed) -> Self {
        self.schedule.missed = missed;
        self
    }

    /// Sets what becomes of a tick while a run is not over; it [does not run](Overlap::Skip) otherwise.
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.schedule.overlap = overlap;
        self
    }

    /// Nothing is due before this moment.
    pub fn starts(mut self, moment: Timestamp) -> Self {
        self.schedule.starts = Some(moment);
        self
    }

    /// Nothing is due from this moment on.
    pub fn ends(mut self, moment: Timestamp) -> Self {
        self.schedule.ends = Some(moment);
        self
    }

    /// Lets ticks run up to so much later than their moment, each by a time of its own: `"5m"`, or a [`Duration`].
    pub fn jitter(self, time: impl IntoDuration) -> Self {
        self.lasting(time, |own, time| own.schedule.jitter = time)
    }

    /// Sets for how long after a tick was due seeing it is in time; a minute otherwise.
    pub fn tolerance(self, time: impl IntoDuration) -> Self {
        self.lasting(time, |own, time| own.schedule.tolerance = time)
    }

    /// Sets the queue of its runs, as [of a job](crate::Submission::queue).
    pub fn queue(mut self, queue: impl Into<Arc<str>>) -> Self {
        self.options.queue = Some(queue.into());
        self
    }

    /// Sets the priority of its runs.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// Sets what its runs share a queue's `per_key` limit with.
    pub fn key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.options.key = Some(key.into());
        self
    }

    /// Adds a word to find its runs by, besides `schedule:` and its name.
    pub fn tag(mut self, tag: impl Into<Arc<str>>) -> Self {
        self.options.tags.push(tag.into());
        self
    }

    /// Gives a run up so long after it was handed in: `"1h"`, or a [`Duration`].
    pub fn deadline(self, time: impl IntoDuration) -> Self {
        self.lasting(time, |own, time| own.options.deadline = time)
    }

    async fn put(self) -> Result<ScheduleStatus, ScheduleError> {
        let Self { runtime, rule, schedule, work, options, problem } = self;
        let name: Arc<str> = Arc::from(&*schedule.name);
        if let Some(problem) = problem {
            return Err(ScheduleError::BadSetting { name: name.to_string(), problem });
        }
        let unrunnable = |problem: SubmitError| {
            let problem = problem.to_string();
            ScheduleError::Unrunnable { name: name.to_string(), problem }
        };
        let (engine, schedules) = (&runtime.engine, runtime.schedules());
        let work = kept(&engine.asked(&work.map_err(unrunnable)?));
        let work = work.map_err(|problem| ScheduleError::BadSetting { name: name.to_string(), problem })?;
        let mut wanted = Order::new(schedule, work, options);
        let setting = engine.config.schedules.get(&name);
        wanted.configure(setting, schedules.now());
        let wrong = |unedited| schedules.error(&name, unedited);
        while !engine.make_order(&name, &wanted).await.map_err(wrong)? {
            let now = schedules.now();
            let renew = |order: &mut Order| {
                let is_new = order.renew(&wanted, &rule, now);
                (order.configure(setting, now) || is_new).then_some(())
            };
            match engine.edit_order(&name, Waits::AWhile, renew).await {
                Ok(_) => break,
                // It was taken away meanwhile.
                Err(Unedited::Gone) => {}
                Err(unedited) => return Err(wrong(unedited)),
            }
        }
        engine.look_at(&name);
        schedules.get(&name).await
    }
}

/// What is to be run, as it is when it is read again.
fn kept(work: &Work) -> Result<Work, String> {
    serde_json::to_value(work).and_then(serde_json::from_value).map_err(|error| error.to_string())
}

impl IntoFuture for Scheduling {
    type Output = Result<ScheduleStatus, ScheduleError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.put())
    }
}
