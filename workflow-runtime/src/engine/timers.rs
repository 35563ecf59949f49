//! What is to happen at a moment. Whoever waits sleeps until the next, and is woken when an earlier one is set.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::alarm::Alarm;
use super::core::Engine;
use super::executor::lock;
use crate::timestamp::Timestamp;

/// A moment, and what tells it from others at the same.
pub(crate) type AlarmKey = (Timestamp, u64);

/// What is to happen at a moment.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    state: Mutex<State>,
    earlier: Notify,
}

#[derive(Debug, Default)]
struct State {
    alarms: BTreeMap<AlarmKey, Alarm>,
    count: u64,
}

impl Timers {
    pub(crate) fn set(&self, at: Timestamp, alarm: Alarm) -> AlarmKey {
        let (key, first) = {
            let mut state = lock(&self.state);
            state.count += 1;
            let key = (at, state.count);
            let first = state.alarms.first_key_value().is_none_or(|(next, _)| key < *next);
            state.alarms.insert(key, alarm);
            (key, first)
        };
        if first {
            self.earlier.notify_one();
        }
        key
    }

    pub(crate) fn cancel(&self, key: AlarmKey) {
        let alarm = lock(&self.state).alarms.remove(&key);
        // What it holds is let go of without the lock.
        drop(alarm);
    }

    /// The next moment.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        lock(&self.state).alarms.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next moment for which somebody waits, or may.
    pub(crate) fn next_awaited(&self) -> Option<Timestamp> {
        let state = lock(&self.state);
        let awaited =
            state.alarms.iter().find(|(_, alarm)| !matches!(alarm, Alarm::Retain | Alarm::Presence));
        awaited.map(|((at, _), _)| *at)
    }

    /// What is due.
    pub(crate) fn take_due(&self, now: Timestamp) -> Vec<Alarm> {
        let mut state = lock(&self.state);
        let later = state.alarms.split_off(&(now, u64::MAX));
        std::mem::replace(&mut state.alarms, later).into_values().collect()
    }

    pub(crate) fn clear(&self) {
        let alarms = std::mem::take(&mut lock(&self.state).alarms);
        drop(alarms);
    }
}

/// Fires alarms as long as there is an engine, which there is as long as there are alarms.
pub(crate) async fn keep_time(timers: Arc<Timers>, engine: Weak<Engine>) {
    loop {
        {
            let Some(engine) = engine.upgrade() else { return };
            engine.fire_due();
            while let Some(next) = timers.next() {
                // A microsecond more, so that the moment has passed and not nearly so.
                let wait = engine.clock.until(next) + Duration::from_micros(1);
                let _ = tokio::time::timeout(wait, timers.earlier.notified()).await;
                engine.fire_due();
            }
        }
        timers.earlier.notified().await;
    }
}
