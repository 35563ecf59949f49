//! When to look at which schedule: one alarm for all of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::page::Page;
use crate::engine::alarm::Alarm;
use crate::engine::core::Engine;
use crate::engine::executor::lock;
use crate::engine::timers::AlarmKey;
use crate::timestamp::Timestamp;

/// The clock of a runtime does not notice that the system's is set. Schedules go by the system's, so that it is read
/// this often though nothing is due.
const NOTICE: Duration = Duration::from_secs(60);

/// When to look at which schedule, by the system's clock.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    moments: BTreeSet<(Timestamp, Arc<str>)>,
    by_name: HashMap<Arc<str>, Timestamp>,
    alarm: Option<AlarmKey>,
}

impl Agenda {
    fn set(&mut self, name: &Arc<str>, at: Option<Timestamp>) {
        let known = match at {
            Some(at) => self.by_name.insert(Arc::clone(name), at),
            None => self.by_name.remove(name),
        };
        known.map(|known| self.moments.remove(&(known, Arc::clone(name))));
        self.moments.extend(at.map(|at| (at, Arc::clone(name))));
    }

    fn take_due(&mut self, now: Timestamp) -> Vec<Arc<str>> {
        let mut due = Vec::new();
        while self.moments.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, name)) = self.moments.pop_first()
        {
            self.by_name.remove(&name);
            due.push(name);
        }
        due
    }
}

impl Engine {
    /// Sets when a schedule is looked at next, unless it was taken away: there may be another of its name by now.
    pub(super) fn look_at_in_time(&self, page: &Arc<Page>, at: Option<Timestamp>) {
        let mut agenda = lock(&self.timetable.agenda);
        if self.timetable.page(&page.name).is_some_and(|known| Arc::ptr_eq(&known, page)) {
            agenda.set(&page.name, at);
            self.set_alarm(&mut agenda);
        }
    }

    /// The alarm rings: looks at what is due.
    pub(in crate::engine) fn ring(self: &Arc<Self>) {
        let due = {
            let mut agenda = lock(&self.timetable.agenda);
            let due = agenda.take_due(self.clock.of_day());
            self.set_alarm(&mut agenda);
            due
        };
        due.iter().for_each(|name| self.look_at(name));
    }

    fn set_alarm(&self, agenda: &mut Agenda) {
        agenda.alarm.take().into_iter().for_each(|key| self.timers.cancel(key));
        let Some((first, _)) = agenda.moments.first() else { return };
        let wait = first.since(self.clock.of_day());
        let wait = if self.clock.is_virtual() { wait } else { wait.min(NOTICE) };
        agenda.alarm = Some(self.timers.set(self.clock.now() + wait, Alarm::Schedules));
    }

    /// Sets what stands for the system's clock in a test, which is noticed as the system's is.
    pub(crate) fn set_of_day(&self, to: Timestamp) {
        self.clock.set_of_day(to);
        self.timers.set(self.clock.now() + NOTICE, Alarm::Schedules);
    }
}
