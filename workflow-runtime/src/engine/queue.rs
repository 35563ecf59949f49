//! Queues: so many attempts at once, and the most urgent first.

use std::cmp::Ordering as Order;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::event::{Event, Placed};
use super::job::Job;
use super::meter::QueueMeter;
use super::places::Places;
use super::settings::Queue;
use crate::apart::Apart;
use crate::options::Priority;
use crate::record::TaskId;
use crate::timestamp::Timestamp;

/// In an [`Entry`], the job itself, which has not begun.
pub(crate) const WHOLE: TaskId = TaskId::MAX;

/// What waits for a place.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The moment by which it should run, so to speak; the earliest goes first.
    pub(crate) deadline: Timestamp,
    /// Since when it waits.
    pub(crate) since: Timestamp,
    pub(crate) job: Arc<Job>,
    pub(crate) task: TaskId,
    /// The queue that it waits for a place in, or has one in.
    pub(crate) queue: u16,
    /// It has waited at a gate, and goes before those who have not.
    pub(crate) returning: bool,
}

impl Entry {
    /// The entry has got a place.
    pub(crate) fn placed(&self) -> Event {
        let Self { task, queue, deadline, since, returning, .. } = *self;
        Event::Placed(Placed { task, queue, deadline, since, returning })
    }
}

impl Ord for Entry {
    /// The greatest is the one with the earliest deadline, as a heap wants it.
    fn cmp(&self, other: &Self) -> Order {
        let key = |entry: &Self| (entry.deadline, entry.job.id, entry.task);
        key(other).cmp(&key(self))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Order::Equal
    }
}

impl Eq for Entry {}

/// How long a task of this priority can wait before it is as urgent as the most urgent that has just come.
pub(crate) const fn slack(priority: Priority) -> Duration {
    match priority {
        Priority::Critical => Duration::ZERO,
        Priority::High => Duration::from_secs(10),
        Priority::Normal => Duration::from_secs(60),
        Priority::Low => Duration::from_secs(600),
    }
}

/// A queue at work. It lies apart from the counter of those who hold it.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Waiting {
    pub(crate) place: u16,
    pub(crate) settings: Queue,
    /// What a whole job waits for before it is taken in, where the room is bounded.
    pub(crate) room: Option<Semaphore>,
    pub(crate) meter: QueueMeter,
    places: Apart<Places<Entry>>,
}

impl Waiting {
    pub(crate) fn new(place: u16, settings: Queue) -> Self {
        let room = settings.capacity.map(|capacity| Semaphore::new(capacity.min(Semaphore::MAX_PERMITS)));
        let (meter, places) = (QueueMeter::default(), Apart(Places::new(settings.concurrency)));
        Self { place, room, meter, places, settings }
    }

    /// Whether what starts here must also ask a gate.
    pub(crate) fn is_gated(&self) -> bool {
        self.settings.rate.is_some() || self.settings.per_key.is_some()
    }
}

impl Deref for Waiting {
    type Target = Places<Entry>;

    fn deref(&self) -> &Places<Entry> {
        &self.places
    }
}
