//! The places of a queue: one that is free is taken by one addition; who finds none waits, the greatest first.
//!
//! This file is also a part of a test that tries every order in which threads can meet here.

use std::collections::BinaryHeap;

use super::sync::{AtomicBool, AtomicU32, Mutex, MutexGuard, Ordering::SeqCst, in_one_order, unpoisoned};

/// The places of a queue, and those who wait for one.
#[derive(Debug)]
pub(crate) struct Places<T> {
    limit: u32,
    running: AtomicU32,
    waiting: AtomicU32,
    paused: AtomicBool,
    heap: Mutex<BinaryHeap<T>>,
}

impl<T: Ord> Places<T> {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            limit,
            running: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            paused: AtomicBool::new(false),
            heap: Mutex::new(BinaryHeap::new()),
        }
    }

    fn heap(&self) -> MutexGuard<'_, BinaryHeap<T>> {
        unpoisoned(self.heap.lock())
    }

    /// Takes a place, if one is free and nobody waits for it.
    pub(crate) fn try_take(&self) -> bool {
        self.waiting.load(SeqCst) == 0 && !self.paused.load(SeqCst) && self.take()
    }

    fn take(&self) -> bool {
        if self.running.fetch_add(1, SeqCst) < self.limit {
            return true;
        }
        self.running.fetch_sub(1, SeqCst);
        false
    }

    /// Waits for a place; gives who gets one now, if one has become free meanwhile.
    pub(crate) fn wait(&self, entry: T) -> Option<T> {
        {
            let mut heap = self.heap();
            heap.push(entry);
            // One is counted before it looks for a free place, and a place is freed before its owner looks for one
            // who waits: whichever comes second sees the other.
            self.waiting.fetch_add(1, SeqCst);
        }
        in_one_order();
        self.next()
    }

    /// Gives a place back; gives who gets it.
    pub(crate) fn release(&self) -> Option<T> {
        self.running.fetch_sub(1, SeqCst);
        in_one_order();
        self.next()
    }

    /// Who gets a place that is free, if anybody waits.
    pub(crate) fn next(&self) -> Option<T> {
        if self.waiting.load(SeqCst) == 0 || self.paused.load(SeqCst) {
            return None;
        }
        let mut heap = self.heap();
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

    /// Lets nobody wait any more who is one of these.
    pub(crate) fn forget(&self, is_one: impl Fn(&T) -> bool) {
        let mut heap = self.heap();
        let before = heap.len();
        heap.retain(|entry| !is_one(entry));
        let gone = u32::try_from(before - heap.len()).unwrap_or(0);
        self.waiting.fetch_sub(gone, SeqCst);
    }

    /// The least that any of those who wait has of something.
    pub(crate) fn least<K: Ord>(&self, of: impl Fn(&T) -> K) -> Option<K> {
        if self.waiting() == 0 {
            return None;
        }
        self.heap().iter().map(of).min()
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
        in_one_order();
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
