//! What of a schedule is due.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::definition::Schedule;
use super::jitter::jitter;
use super::policy::Missed;
use super::tick::{Cause, Tick};
use crate::timestamp::Timestamp;

/// How far a schedule has come.
///
/// It only ever grows: where two are at hand, the greater one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// All ticks up to this moment were handed over or skipped.
    pub handled: Timestamp,
}

/// What of a schedule is due.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Due {
    /// What is to run now, the earliest first.
    pub ticks: Vec<Tick>,
    /// How many missed ticks are left out.
    pub skipped: u64,
    /// When to ask again: a moment that is over, if more is due already than could be given at a time. None if nothing
    /// comes any more.
    pub next: Option<Timestamp>,
    /// How far the schedule has come when these ticks are written.
    pub state: State,
}

/// So many ticks are given at a time, unless [`Missed::All`] says less.
const AT_A_TIME: usize = 1000;

impl Schedule {
    /// What is due now, of what is not handled yet.
    ///
    /// A tick is on time if it is seen within the schedule's tolerance, otherwise it was missed, and the policy says
    /// what becomes of it. What was handled is never due again, whatever the clock does: when it jumps back, nothing
    /// is due until it has come to where it was; when it jumps ahead, what lies between was missed.
    ///
    /// # One run per tick, ever
    ///
    /// Whoever acts on this writes the ticks under their [keys](Tick::key), each of which is accepted once, and then, or
    /// together with them, the new state. So a crash between the two, a state that is out of date, and several nodes
    /// that work out the same at once all end the same way: the ticks come up again, and their keys are taken.
    pub fn due(&self, state: &State, now: Timestamp) -> Due {
        let handled = state.handled.max(self.since);
        let nothing = |next| Due { ticks: Vec::new(), skipped: 0, next, state: *state };
        if self.paused {
            return nothing(None);
        }
        let Some(first) = self.tick_after(handled) else { return nothing(None) };
        if first.due > now {
            return nothing(Some(first.due));
        }
        let given = self.given(first, now);
        let handled = given.ticks.last().map_or(given.passed, |last| last.moment);
        Due {
            ticks: given.ticks,
            skipped: given.skipped,
            next: self.tick_after(handled).map(|next| next.due),
            state: State { handled },
        }
    }

    /// What the policy makes of the ticks from `first` on that are due; there is at least this one.
    fn given(&self, first: Tick, now: Timestamp) -> Given {
        let most = match self.missed {
            Missed::All { at_a_time } => usize::try_from(at_a_time.get()).unwrap_or(AT_A_TIME).min(AT_A_TIME),
            _ => AT_A_TIME,
        };
        let late = self.last_due_before(now - self.tolerance).filter(|last| *last >= first.moment);
        let Some(last) = late else {
            return Given { skipped: 0, passed: first.moment, ticks: self.run(Some(first), now, most) };
        };
        if let Missed::All { .. } = self.missed {
            let mut ticks = self.run(Some(first), now, most);
            for tick in ticks.iter_mut().take_while(|tick| tick.moment <= last) {
                tick.cause = Cause::Missed;
            }
            return Given { ticks, skipped: 0, passed: last };
        }
        let missed = self.rule.count(first.moment, last + Duration::from_micros(1));
        let on_time = self.run(self.tick_after(last), now, most);
        if on_time.is_empty() && self.missed == Missed::Once {
            let made_up = Tick { cause: Cause::Missed, ..self.tick(last) };
            return Given { ticks: vec![made_up], skipped: missed - 1, passed: last };
        }
        Given { ticks: on_time, skipped: missed, passed: last }
    }

    /// The ticks from one on that are due.
    fn run(&self, first: Option<Tick>, now: Timestamp, most: usize) -> Vec<Tick> {
        let ticks = std::iter::successors(first, |last| self.tick_after(last.moment));
        ticks.take_while(|tick| tick.due <= now).take(most).collect()
    }

    /// The moment of the last tick that was due before another moment.
    fn last_due_before(&self, moment: Timestamp) -> Option<Timestamp> {
        let end = self.ends.map_or(moment, |ends| ends.min(moment));
        let last = self.rule.previous(end)?;
        if self.tick(last).due < moment { Some(last) } else { self.rule.previous(last) }
    }

    fn tick_after(&self, moment: Timestamp) -> Option<Tick> {
        self.next_moment(moment).map(|next| self.tick(next))
    }

    /// The tick of a moment of the rule. It is due before the next moment, so that ticks are due in their order.
    fn tick(&self, moment: Timestamp) -> Tick {
        let due = if self.jitter.is_zero() {
            moment
        } else {
            let most = self.rule.next(moment).map_or(self.jitter, |next| self.jitter.min(next.since(moment)));
            moment + jitter(&self.name, moment, most)
        };
        Tick { schedule: self.name.clone(), moment, due, cause: Cause::OnTime }
    }
}

/// What a policy makes of what is due.
struct Given {
    ticks: Vec<Tick>,
    skipped: u64,
    /// Up to here all is handled, if no tick is given.
    passed: Timestamp,
}
