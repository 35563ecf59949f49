//! How queues did over the last hour, in this process, and when something has changed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::watch;

use super::desk::Desk;
use crate::metrics::{Metrics, QueueMetrics};

/// How often it is looked whether something has changed.
const LOOK: Duration = Duration::from_secs(1);

/// How many looks are between two numbers of a history, and how much time; and how many numbers are kept.
const LOOKS: u32 = 5;
pub(super) const EVERY: Duration = Duration::from_secs(5);
const KEPT: usize = 720;

/// How a queue did: for each time a number, the oldest first.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub(super) struct History {
    /// How many waited at its end.
    waiting: VecDeque<u32>,
    /// How many ran at its end.
    running: VecDeque<u32>,
    /// How many attempts began in it.
    started: VecDeque<u64>,
    /// How many ended.
    ended: VecDeque<u64>,
    /// How long half of those that began had waited at most, in milliseconds.
    p50: VecDeque<Option<f64>>,
    /// The same of 95 of 100.
    p95: VecDeque<Option<f64>>,
}

impl History {
    fn push(&mut self, now: &QueueMetrics, before: Option<&QueueMetrics>) {
        let started = before.map_or(0, |before| now.started.saturating_sub(before.started));
        let waits = before.map(|before| now.start_latency.since(&before.start_latency));
        let quantile = |share| {
            let wait = waits.as_ref().filter(|waits| waits.count > 0)?.quantile(share)?;
            Some(wait.as_secs_f64() * 1000.0)
        };
        push(&mut self.waiting, now.waiting);
        push(&mut self.running, now.running);
        push(&mut self.started, started);
        push(&mut self.ended, before.map_or(0, |before| now.ended.saturating_sub(before.ended)));
        push(&mut self.p50, quantile(0.5));
        push(&mut self.p95, quantile(0.95));
    }
}

fn push<T>(numbers: &mut VecDeque<T>, number: T) {
    numbers.push_back(number);
    if numbers.len() > KEPT {
        numbers.pop_front();
    }
}

/// What is known over time.
#[derive(Debug)]
pub(super) struct Trend {
    queues: Mutex<BTreeMap<String, History>>,
    /// Counts up when something has changed.
    changes: watch::Sender<u64>,
}

impl Default for Trend {
    fn default() -> Self {
        Self { queues: Mutex::default(), changes: watch::channel(0).0 }
    }
}

impl Trend {
    pub(super) fn of(&self, queue: &str) -> History {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.get(queue).cloned().unwrap_or_default()
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn note(&self, now: &Metrics, before: &Metrics) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in &now.queues {
            let earlier = before.queues.iter().find(|earlier| earlier.queue == queue.queue);
            queues.entry(queue.queue.to_string()).or_default().push(queue, earlier);
        }
    }
}

/// What changes whenever something else does.
fn sum(metrics: &Metrics) -> u64 {
    let of_queue = |queue: &QueueMetrics| {
        queue.started + queue.ended + u64::from(queue.waiting) + (u64::from(queue.paused) << 32)
    };
    let of_jobs = |job: &crate::metrics::JobMetrics| {
        let outcomes = &job.outcomes;
        job.submitted + outcomes.succeeded + outcomes.failed + outcomes.cancelled + outcomes.expired
    };
    let queues = metrics.queues.iter().map(of_queue).fold(0, u64::wrapping_add);
    let jobs = metrics.jobs.iter().map(of_jobs).fold(0, u64::wrapping_add);
    let store = metrics.store.as_ref().map_or(0, |store| store.commits);
    queues
        .wrapping_mul(31)
        .wrapping_add(jobs.wrapping_mul(17))
        .wrapping_add(store)
        .wrapping_add(metrics.parked)
}

/// Looks at what a runtime has counted, for as long as the desk is there; often only while somebody listens.
pub(super) async fn keep(desk: Weak<Desk>) {
    let (mut noted, mut seen) = (None::<Metrics>, 0);
    loop {
        for look in 1..=LOOKS {
            tokio::time::sleep(LOOK).await;
            let Some(desk) = desk.upgrade() else { return };
            let trend = &desk.trend;
            let is_heard = trend.changes.receiver_count() > 0;
            if look < LOOKS && !is_heard {
                continue;
            }
            let metrics = desk.behind.runtime().map(|runtime| runtime.metrics());
            // What another process does is not counted here: something may have changed.
            let now = metrics.as_ref().map_or(seen + 1, sum);
            if is_heard && now != seen {
                trend.changes.send_modify(|changes| *changes += 1);
            }
            seen = now;
            if let (LOOKS, Some(metrics)) = (look, metrics) {
                if let Some(before) = &noted {
                    trend.note(&metrics, before);
                }
                noted = Some(metrics);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Queue;
    use crate::context::TaskContext;
    use crate::runtime::Runtime;
    use crate::testing::TestRuntime;

    /// Works for so many seconds.
    #[workflow_macros::task_agent]
    async fn work_for(seconds: u64, ctx: &TaskContext) -> u64 {
        ctx.sleep(Duration::from_secs(seconds)).await;
        seconds
    }

    #[tokio::test]
    async fn a_history_tells_of_each_time_by_itself() {
        let runtime = TestRuntime::of(Runtime::builder().queue(Queue::new("narrow").concurrency(1)));
        let trend = Trend::default();
        for time in [2, 4, 8] {
            runtime.submit(work_for::with(time)).queue("narrow").await.expect("there is room");
        }
        let mut before = runtime.metrics();
        for _ in 0..4 {
            runtime.advance(EVERY);
            let now = runtime.metrics();
            trend.note(&now, &before);
            before = now;
        }
        let history = trend.of("narrow");
        assert_eq!(history.waiting, [1, 0, 0, 0]);
        assert_eq!(history.running, [1, 1, 0, 0]);
        assert_eq!(history.started.iter().sum::<u64>(), 3);
        assert_eq!(history.ended, [1, 1, 1, 0]);
        // The first did not wait, the second for two seconds, and the third for six.
        let near = |told: Option<f64>, millis: f64| {
            told.is_some_and(|told| told >= millis && told < millis * 1.13 + 0.001)
        };
        for (waits, wanted) in [(history.p50, [0.0, 6000.0]), (history.p95, [2000.0, 6000.0])] {
            assert!(near(waits[0], wanted[0]) && near(waits[1], wanted[1]), "{waits:?}");
            assert_eq!([waits[2], waits[3]], [None, None]);
        }
        assert_eq!(trend.of("default").waiting, [0; 4]);
    }

    #[test]
    fn a_history_is_of_an_hour() {
        let mut numbers = VecDeque::new();
        (0..2 * KEPT).for_each(|number| push(&mut numbers, number));
        assert_eq!((numbers.len(), numbers.back()), (KEPT, Some(&(2 * KEPT - 1))));
    }
}
