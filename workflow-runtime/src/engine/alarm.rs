//! What happens when a moment comes.

use std::sync::{Arc, Weak};
use std::task::Waker;

use super::attempt::Attempt;
use super::core::Engine;
use super::event::Event;
use super::gate::GateKey;
use super::job::Job;
use crate::record::TaskId;

/// What happens when a moment comes.
#[derive(Debug)]
pub(crate) enum Alarm {
    /// A job that was to begin later may begin.
    Begin(Weak<Job>),
    /// A retry is due, or a timer rings.
    Wake(Weak<Job>, TaskId),
    /// A task took too long, all in all.
    TaskDeadline(Weak<Job>, TaskId),
    /// A job took too long.
    JobDeadline(Weak<Job>),
    /// An attempt took too long.
    Timeout(Weak<Attempt>),
    /// An attempt may have been silent for too long.
    Silence(Weak<Attempt>),
    /// An attempt was told to stop and had time to.
    Grace(Weak<Attempt>),
    /// A gate may open.
    Gate(GateKey),
    /// It is looked whether jobs are to be forgotten, under a clock that stands still.
    Retain,
    /// It lets itself be heard, under a clock that stands still.
    Presence,
    /// Somebody sleeps.
    Sleeper(Waker),
    /// Something of a schedule is due.
    Schedules,
}

impl Engine {
    /// Does what is due.
    pub(crate) fn fire_due(self: &Arc<Self>) {
        for alarm in self.timers.take_due(self.clock.now()) {
            self.fire(alarm);
        }
    }

    fn fire(self: &Arc<Self>, alarm: Alarm) {
        let post = |job: Weak<Job>, event: Event| {
            if let Some(job) = job.upgrade() {
                self.post(&job, event);
            }
        };
        match alarm {
            Alarm::Begin(job) => {
                if let Some(job) = job.upgrade() {
                    self.enqueue(&job);
                }
            }
            Alarm::Wake(job, task) => post(job, Event::Due(task)),
            Alarm::TaskDeadline(job, task) => post(job, Event::TaskExpired(task)),
            Alarm::JobDeadline(job) => post(job, Event::Expired),
            Alarm::Timeout(attempt) => {
                if let Some(attempt) = attempt.upgrade() {
                    attempt.timed_out();
                }
            }
            Alarm::Silence(attempt) => {
                if let Some(attempt) = attempt.upgrade() {
                    attempt.check_heartbeat();
                }
            }
            Alarm::Grace(attempt) => {
                if let Some(attempt) = attempt.upgrade() {
                    attempt.kill();
                }
            }
            Alarm::Gate(key) => self.open_gate(&key),
            Alarm::Retain => self.retain_by_alarm(),
            Alarm::Presence => self.be_present_by_alarm(),
            Alarm::Sleeper(waker) => waker.wake(),
            Alarm::Schedules => self.ring(),
        }
    }
}
