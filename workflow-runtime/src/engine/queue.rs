//! Queues: so many attempts at once, and the most urgent first.
//!
//! A task that finds a place free takes it with one atomic addition. Only those that must wait meet at the heap.

use std::cmp::Ordering as Order;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::event::{Event, Placed};
use super::executor::lock;
use super::job::Job;
use super::settings::Queue;
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
        let Self { task, queue, deadline, returning, .. } = *self;
        Event::Placed(Placed { task, queue, deadline, returning })
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

/// A queue at work.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) place: u16,
    pub(crate) settings: Queue,
    /// What a whole job waits for before it is taken in, where the room is bounded.
    pub(crate) room: Option<Semaphore>,
    limit: AtomicU32,
    running: AtomicU32,
    waiting: AtomicU32,
    paused: AtomicBool,
    heap: Mutex<BinaryHeap<Entry>>,
}

impl Waiting {
    pub(crate) fn new(place: u16, settings: Queue) -> Self {
        let room = settings.capacity.map(|capacity| Semaphore::new(capacity.min(Semaphore::MAX_PERMITS)));
        Self {
            place,
            limit: AtomicU32::new(settings.concurrency),
            room,
            settings,
            running: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            paused: AtomicBool::new(false),
            heap: Mutex::new(BinaryHeap::new()),
        }
    }

    /// Whether what starts here must also ask a gate.
    pub(crate) fn is_gated(&self) -> bool {
        self.settings.rate.is_some() || self.settings.per_key.is_some()
    }

    /// Takes a place, if one is free and nobody waits for it.
    pub(crate) fn try_take(&self) -> bool {
        self.waiting.load(SeqCst) == 0 && !self.paused.load(SeqCst) && self.take()
    }

    fn take(&self) -> bool {
        if self.running.fetch_add(1, SeqCst) < self.limit.load(SeqCst) {
            return true;
        }
        self.running.fetch_sub(1, SeqCst);
        false
    }

    /// Waits for a place; gives who gets one now, if one has become free meanwhile.
    pub(crate) fn wait(&self, entry: Entry) -> Option<Entry> {
        {
            let mut heap = lock(&self.heap);
            heap.push(entry);
            // One is counted before it looks for a free place, and a place is freed before its owner looks for one
            // who waits: whichever comes second sees the other.
            self.waiting.fetch_add(1, SeqCst);
        }
        self.next()
    }

    /// Gives a place back; gives who gets it.
    pub(crate) fn release(&self) -> Option<Entry> {
        self.running.fetch_sub(1, SeqCst);
        self.next()
    }

    /// Who gets a place that is free, if anybody waits.
    pub(crate) fn next(&self) -> Option<Entry> {
        if self.waiting.load(SeqCst) == 0 || self.paused.load(SeqCst) {
            return None;
        }
        let mut heap = lock(&self.heap);
        if heap.is_empty() || !self.take() {
            return None;
        }
        let entry = heap.pop();
        self.waiting.fetch_sub(1, SeqCst);
        if heap.capacity() > 1024 && heap.len() * 4 < heap.capacity() {
            let wanted = heap.len() * 2;
            heap.shrink_to(wanted);
        }
        entry
    }

    /// Takes a place though there may be none: for one who gave it back only while it waited.
    pub(crate) fn retake(&self) {
        self.running.fetch_add(1, SeqCst);
    }

    pub(crate) fn pause(&self) {
        self.paused.store(true, SeqCst);
    }

    /// Goes on; whoever calls gives places to those who wait, by [`next`](Self::next).
    pub(crate) fn resume(&self) {
        self.paused.store(false, SeqCst);
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(SeqCst)
    }

    pub(crate) fn running(&self) -> u32 {
        self.running.load(SeqCst)
    }

    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(SeqCst)
    }
}
