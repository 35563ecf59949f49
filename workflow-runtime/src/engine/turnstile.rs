//! Limits that all nodes share: the store is asked for leave, for all who wait at once, one asking after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::alarm::Alarm;
use super::core::Engine;
use super::gate::{Ask, GateKey};
use super::queue::Entry;
use crate::store::{Asking, Leave, StoreError, Toll};

/// Who asks the store for leave.
#[derive(Debug, Default)]
pub(crate) struct Turnstile {
    /// Somebody asks.
    asks: AtomicBool,
    /// There is news that whoever asks may not have seen.
    news: AtomicBool,
    /// How many askings there were.
    number: AtomicU64,
}

impl Engine {
    /// There is something to ask, or to give back.
    pub(super) fn ask_at_gates(self: &Arc<Self>) {
        self.turnstile.news.store(true, Ordering::SeqCst);
        if self.turnstile.asks.swap(true, Ordering::SeqCst) {
            return;
        }
        let engine = Arc::clone(self);
        self.executor.spawn(async move {
            loop {
                while engine.turnstile.news.swap(false, Ordering::SeqCst) {
                    if let Err(error) = engine.ask_for_leave().await {
                        // Each beat asks again.
                        tracing::warn!("what all nodes share a limit of waits: {error}");
                    }
                }
                engine.turnstile.asks.store(false, Ordering::SeqCst);
                let is_news = engine.turnstile.news.load(Ordering::SeqCst);
                if !is_news || engine.turnstile.asks.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        });
    }

    /// There may be room where there was none.
    pub(super) fn look_at_gates(self: &Arc<Self>) {
        let waiting = self.gates.tolls(true, self.clock.now());
        if !waiting.is_empty() {
            self.gates.ask_again(waiting.into_iter().map(|(key, ..)| key));
            self.ask_at_gates();
        }
    }

    async fn ask_for_leave(self: &Arc<Self>) -> Result<(), StoreError> {
        let Some(scribe) = &self.scribe else { return Ok(()) };
        let (term, at) = (scribe.term(), self.clock.now());
        let asked = self.gates.tolls(false, at);
        if asked.is_empty() {
            return Ok(());
        }
        let tolls = asked.iter().map(|(key, bounds, held, wants)| Toll {
            gate: self.gate_name(key),
            held: *held,
            wants: *wants,
            limit: bounds.limit,
            rate: bounds.rate,
        });
        let number = self.turnstile.number.fetch_add(1, Ordering::SeqCst) + 1;
        let asking = Asking { term, number, at, tolls: tolls.collect() };
        let leaves = self.ask_store(move |store| store.pass(&asking)).await;
        // What was given to a term that is over is nobody's.
        let is_over = scribe.term() != term;
        let leaves = match leaves {
            Ok(Some(leaves)) if !is_over => leaves,
            other => {
                self.gates.ask_again(asked.into_iter().map(|(key, ..)| key));
                return other.map(drop);
            }
        };
        let mut granted = Vec::new();
        for ((key, ..), Leave { given, again }) in asked.into_iter().zip(leaves) {
            for entry in self.gates.give(&key, given, self.clock.now()) {
                self.come_back(entry, &mut granted);
            }
            if let Some(again) = again.filter(|_| self.gates.alarm(&key)) {
                self.timers.set(self.clock.now() + again, Alarm::Gate(key));
            }
        }
        granted.into_iter().for_each(|entry| self.grant(entry));
        Ok(())
    }

    /// What a gate is called by all nodes.
    fn gate_name(&self, key: &GateKey) -> Arc<str> {
        match key {
            GateKey::Agent(agent) => format!("agent {}", self.agent(*agent).name()),
            GateKey::Workflow(workflow) => {
                format!("workflow {}", self.registry.workflows()[*workflow as usize].name())
            }
            GateKey::Queue(queue) => format!("queue {}", self.queue_at(*queue).settings.name),
            GateKey::Key(queue, key) => {
                // A queue's name may have any letters.
                let queue = &self.queue_at(*queue).settings.name;
                format!("key {} {queue} {key}", queue.len())
            }
        }
        .into()
    }

    /// Comes back through gates; gives those who may try now.
    pub(super) fn leave_gates(self: &Arc<Self>, asks: &[Ask], success: Option<bool>) -> Vec<Entry> {
        if asks.is_empty() {
            return Vec::new();
        }
        let (freed, gives_back) = self.gates.leave(asks, self.clock.now(), success);
        if gives_back {
            self.ask_at_gates();
        }
        freed
    }

    /// Takes back what was lent, or what a job has that has passed already.
    pub(super) fn retake_gates(self: &Arc<Self>, asks: &[Ask]) {
        if self.gates.retake(asks) {
            self.ask_at_gates();
        }
    }
}
