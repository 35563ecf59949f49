//! A job as it goes, on a terminal: what runs moves, what has ended stays.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value as Json;

use super::output::{one_line, took};
use crate::engine::{Event, Progress, What};
use crate::handle::JobHandle;
use crate::record::Fact;
use crate::secret::Secrets;
use crate::state::TaskState;
use crate::timestamp::Timestamp;

/// How often what moves is drawn.
const TICK: Duration = Duration::from_millis(100);

/// How many steps move at once; the others are counted.
const MOST: usize = 24;

/// A step of which nothing is known but that it runs, and one that says how far it is.
const MOVES: &str = "  {spinner} {prefix}  {wide_msg}";
const MORE: &str = "    {wide_msg}";
const FAR: &str = "  {spinner} {prefix}  {bar:20} {percent:>3} %  {wide_msg}";

/// The picture of a job on a terminal.
pub(super) struct Live<'a> {
    secrets: &'a Secrets<'a>,
    screen: MultiProgress,
    going: HashMap<Arc<str>, Going>,
    /// How many of them are seen.
    seen: usize,
    more: Option<ProgressBar>,
    /// When all tasks are looked at the next time, if something has happened.
    look: Instant,
    steps: usize,
    retries: usize,
}

struct Going {
    bar: ProgressBar,
    since: Timestamp,
    is_seen: bool,
    /// It waits for something from outside, of whose end nothing is written but what came.
    is_told: bool,
}

impl<'a> Live<'a> {
    pub(super) fn new(secrets: &'a Secrets<'a>) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let look = Instant::now();
        Self { secrets, screen, going: HashMap::new(), seen: 0, more: None, look, steps: 0, retries: 0 }
    }

    /// What somebody wrote, as it may be seen.
    fn shown(&self, text: &str) -> String {
        one_line(&self.secrets.without(text)).into_owned()
    }

    /// Draws what has happened.
    pub(super) fn event(&mut self, event: &Event) -> io::Result<()> {
        let What::Fact(fact) = &event.what else { return Ok(()) };
        let step = event.step.as_ref().unwrap_or(&event.name);
        match fact {
            Fact::Started { attempt, .. } => {
                self.going(step, event.at).bar.set_message(match attempt {
                    1 => String::new(),
                    attempt => format!("attempt {attempt}"),
                });
            }
            Fact::Called { job, .. } => self.going(step, event.at).bar.set_message(format!("is job {job}")),
            Fact::Retrying { due, failure, .. } => {
                self.retries += 1;
                let again = took(event.at, *due);
                let message = format!("{}; again in {again}", self.shown(&failure.message));
                self.going(step, event.at).bar.set_message(message);
            }
            Fact::Fell { failure, .. } => {
                let message = format!("{}; what stands in for it is tried", self.shown(&failure.message));
                self.going(step, event.at).bar.set_message(message);
            }
            Fact::Slept { until, .. } => {
                self.going(step, event.at).bar.set_message(format!("waits {}", took(event.at, *until)));
            }
            Fact::Logged { message, .. } => {
                self.screen.println(format!("  · {}  {}", one_line(step), self.shown(message)))?;
            }
            Fact::Succeeded { .. } => self.done(step, event.at)?,
            Fact::Failed { failure, .. } => {
                self.ended(step);
                self.screen.println(format!("  ✗ {}  {}", one_line(step), self.shown(&failure.message)))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// When all tasks are to be looked at again: seldom, if there are many.
    pub(super) fn look_at(&self) -> Instant {
        self.look
    }

    /// Draws what nothing is written down of: what begins to wait for something from outside, and what has heard of it.
    pub(super) fn look(&mut self, job: &JobHandle<Json>) -> io::Result<()> {
        let began = Instant::now();
        let now = Timestamp::now();
        for task in job.tasks() {
            match (task.state, self.going.get(&*task.path)) {
                (TaskState::Waiting, None) => {
                    let step = Arc::from(task.path);
                    self.going(&step, now).bar.set_message("waits to be told");
                    self.going.entry(step).and_modify(|going| going.is_told = true);
                }
                (TaskState::Succeeded, Some(Going { is_told: true, .. })) => self.done(&task.path, now)?,
                _ => {}
            }
        }
        self.look = began + TICK.max(10 * began.elapsed());
        Ok(())
    }

    /// Draws how far a step is.
    pub(super) fn progress(&mut self, progress: &Progress) {
        if let Some(Going { bar, .. }) = self.going.get(&progress.step) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is between 0 and 1000"
            )]
            let far = (progress.fraction.clamp(0.0, 1.0) * 1000.0) as u64;
            bar.set_style(style(FAR));
            bar.set_position(far);
            bar.set_message(self.shown(&progress.message));
        }
    }

    /// Says in a line what has been.
    pub(super) fn end(self, state: &str, took: &str) -> io::Result<()> {
        let count = |number: usize, one: &str, many: &str| match number {
            1 => format!("1 {one}"),
            number => format!("{number} {many}"),
        };
        let mut line = format!("{state} after {took}: {}", count(self.steps, "step", "steps"));
        if self.retries > 0 {
            line.push_str(", ");
            line.push_str(&count(self.retries, "retry", "retries"));
        }
        self.screen.println(line)
    }

    fn going(&mut self, step: &Arc<str>, since: Timestamp) -> &Going {
        let is_seen = self.seen < MOST;
        if !self.going.contains_key(step) {
            let bar = if is_seen { self.screen.add(ProgressBar::new(1000)) } else { ProgressBar::hidden() };
            if is_seen {
                bar.set_style(style(MOVES));
                bar.set_prefix(one_line(step).into_owned());
                bar.enable_steady_tick(TICK);
                self.seen += 1;
            }
            self.going.insert(Arc::clone(step), Going { bar, since, is_seen, is_told: false });
            self.count_more();
        }
        &self.going[step]
    }

    /// Says how many steps go on that are not seen.
    fn count_more(&mut self) {
        let more = self.going.len() - self.seen;
        if more == 0 {
            return self.more.take().into_iter().for_each(|bar| bar.finish_and_clear());
        }
        let add = || self.screen.add(ProgressBar::no_length().with_style(style(MORE)));
        self.more.get_or_insert_with(add).set_message(format!("and {more} more"));
    }

    fn done(&mut self, step: &str, at: Timestamp) -> io::Result<()> {
        self.steps += 1;
        let time = self.ended(step).map(|since| took(since, at)).unwrap_or_default();
        self.screen.println(format!("  ✓ {}  {time}", one_line(step)))
    }

    fn ended(&mut self, step: &str) -> Option<Timestamp> {
        let Going { bar, since, is_seen, .. } = self.going.remove(step)?;
        bar.finish_and_clear();
        self.seen -= usize::from(is_seen);
        self.count_more();
        Some(since)
    }
}

/// What moves is taken away, whether it has ended or not.
impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.going.values().for_each(|going| going.bar.finish_and_clear());
        self.more.iter().for_each(ProgressBar::finish_and_clear);
        // Nobody can be told that it cannot be drawn.
        let _ = self.screen.clear();
    }
}

/// The templates are ours, and right.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
