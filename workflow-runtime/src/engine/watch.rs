//! Who watches: events for all who listen, and observers. Neither can hold a job up.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{broadcast, mpsc};

use super::core::Engine;
use super::executor::Executor;
use super::job::{Job, Progress};
use crate::job_id::JobId;
use crate::panics::caught;
use crate::record::{Fact, Record};
use crate::timestamp::Timestamp;

/// Something that happened to a job.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The job.
    pub job: JobId,
    /// What the job runs.
    pub name: Arc<str>,
    /// The step it is about, by its path.
    pub step: Option<Arc<str>>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum What {
    /// A fact of the job's journal.
    Fact(Fact),
    /// An agent said how far it is.
    Progress(Progress),
    /// So many events were missed here, for whoever listens was too slow.
    Missed(u64),
}

/// Sees what happens to all jobs, whatever started them.
///
/// It is called in a task of its own, one event after the other; a slow one holds no job up. It has room for 65,536
/// events that it has not seen; what does not fit is counted, and told by [`missed`](Self::missed).
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, event: &Event);

    /// So many events could not wait for it.
    fn missed(&self, events: u64) {
        tracing::warn!(events, "an observer is too slow and missed events");
    }
}

impl<F: Fn(&Event) + Send + Sync + 'static> Observer for F {
    fn observe(&self, event: &Event) {
        self(event);
    }
}

/// How many events wait for an observer at most, and for whoever listens to a stream.
const ROOM: usize = 65_536;
const STREAM_ROOM: usize = 4096;

/// Who watches.
pub(crate) struct Watch {
    live: broadcast::Sender<Event>,
    observers: Vec<Observed>,
    /// How many events were missed, by all together.
    missed: AtomicU64,
}

struct Observed {
    events: mpsc::Sender<Event>,
    missed: Arc<AtomicU64>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Watch({} observers)", self.observers.len())
    }
}

impl Watch {
    pub(crate) fn new(observers: Vec<Arc<dyn Observer>>, executor: &Executor) -> Self {
        let (live, _) = broadcast::channel(STREAM_ROOM);
        let observers = observers.into_iter().map(|observer| watch(observer, executor)).collect();
        Self { live, observers, missed: AtomicU64::new(0) }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.live.subscribe()
    }

    /// So many events were missed by one who listens.
    pub(crate) fn miss(&self, events: u64) {
        self.missed.fetch_add(events, Ordering::Relaxed);
    }

    /// How many events were missed.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    pub(crate) fn is_watched(&self) -> bool {
        !self.observers.is_empty() || self.live.receiver_count() > 0
    }

    fn publish(&self, event: Event) {
        for observed in &self.observers {
            if observed.events.try_send(event.clone()).is_err() {
                observed.missed.fetch_add(1, Ordering::Relaxed);
                self.miss(1);
            }
        }
        // No receiver is no error.
        let _ = self.live.send(event);
    }
}

fn watch(observer: Arc<dyn Observer>, executor: &Executor) -> Observed {
    let (events, mut inbox) = mpsc::channel::<Event>(ROOM);
    let missed = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&missed);
    executor.spawn(async move {
        while let Some(event) = inbox.recv().await {
            let seen = caught(|| {
                observer.observe(&event);
                match counted.swap(0, Ordering::Relaxed) {
                    0 => {}
                    missed => observer.missed(missed),
                }
            });
            if let Err(panic) = seen {
                tracing::warn!("an observer {panic}");
            }
        }
    });
    Observed { events, missed }
}

impl Engine {
    pub(super) fn publish(&self, job: &Job, record: &Record, step: Option<String>) {
        self.watch.publish(Event {
            at: record.at,
            job: job.id,
            name: self.name_of(job),
            step: step.map(Arc::from),
            what: What::Fact(record.fact.clone()),
        });
    }

    pub(super) fn publish_progress(&self, job: &Job, progress: Progress) {
        if !self.watch.is_watched() {
            return;
        }
        let (at, name) = (self.clock.now(), self.name_of(job));
        let (step, what) = (Some(Arc::clone(&progress.step)), What::Progress(progress));
        self.watch.publish(Event { at, job: job.id, name, step, what });
    }
}
