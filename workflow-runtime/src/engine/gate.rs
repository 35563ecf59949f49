//! Gates: limits beyond a queue's places. Who finds one shut waits at it, and holds no place meanwhile.

use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::breaker::{Breaker, Circuit};
use super::executor::lock;
use super::queue::Entry;
use crate::options::Rate;
use crate::timestamp::Timestamp;

/// What a gate is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum GateKey {
    /// An agent, by its place in the registry.
    Agent(u32),
    /// The jobs of a workflow, by its place in the registry.
    Workflow(u32),
    /// A queue's rate.
    Queue(u16),
    /// The jobs of one key in one queue.
    Key(u16, Arc<str>),
}

/// What is asked of a gate.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) key: GateKey,
    pub(crate) limit: Option<u32>,
    pub(crate) rate: Option<Rate>,
    pub(crate) breaker: Option<Breaker>,
    /// It passed as the one that tries whether the circuit can close.
    pub(crate) tries: bool,
}

#[derive(Debug, Default)]
struct Gate {
    running: u32,
    /// When the last ones started: as many as the rate lets start in its time.
    starts: VecDeque<Timestamp>,
    circuit: Circuit,
    waiting: BinaryHeap<Entry>,
    /// Somebody looks again at a moment.
    alarmed: bool,
}

impl Gate {
    /// Whether one may pass; if not, when to look again, or none to wait until one comes back.
    fn lets(&self, ask: &Ask, now: Timestamp) -> Result<(), Option<Timestamp>> {
        if ask.breaker.is_some() {
            self.circuit.lets(now)?;
        }
        if ask.limit.is_some_and(|limit| self.running >= limit) {
            return Err(None);
        }
        if let Some(rate) = ask.rate
            && let Some(place) = self.starts.len().checked_sub(rate.count.get() as usize)
        {
            let earliest = self.starts[place] + rate.per;
            if now < earliest {
                return Err(Some(earliest));
            }
        }
        Ok(())
    }

    fn pass(&mut self, ask: &mut Ask, now: Timestamp) {
        self.running += 1;
        if ask.breaker.is_some() {
            ask.tries = self.circuit.start();
        }
        if let Some(rate) = ask.rate {
            while self.starts.front().is_some_and(|start| *start + rate.per <= now) {
                self.starts.pop_front();
            }
            self.starts.push_back(now);
        }
    }

    fn is_idle(&self) -> bool {
        self.running == 0
            && self.waiting.is_empty()
            && self.circuit == Circuit::default()
            && self.starts.is_empty()
            && !self.alarmed
    }
}

/// How it went at the gates.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    pub(crate) passed: bool,
    /// When somebody must look at a gate again.
    pub(crate) again: Vec<(GateKey, Timestamp)>,
    /// Who may try next.
    pub(crate) next: Vec<Entry>,
}

impl Passage {
    fn look_again(&mut self, gate: &mut Gate, ask: &Ask, at: Option<Timestamp>) {
        if let Some(at) = at.filter(|_| !gate.alarmed) {
            gate.alarmed = true;
            self.again.push((ask.key.clone(), at));
        }
    }
}

/// All gates.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    gates: Mutex<HashMap<GateKey, Gate>>,
}

impl Gates {
    /// Passes all that are asked, or waits at the first that is shut.
    pub(crate) fn pass(&self, asks: &mut [Ask], now: Timestamp, entry: Entry) -> Passage {
        let mut gates = lock(&self.gates);
        let mut passage = Passage::default();
        for (place, ask) in asks.iter().enumerate() {
            let gate = gates.entry(ask.key.clone()).or_default();
            let lets =
                if gate.waiting.is_empty() || entry.returning { gate.lets(ask, now) } else { Err(None) };
            if let Err(again) = lets {
                gate.waiting.push(Entry { returning: true, ..entry });
                passage.look_again(gate, ask, again);
                // Nobody waits at a gate behind one who waits at another.
                for earlier in &asks[..place] {
                    let gate = gates.get_mut(&earlier.key).filter(|gate| gate.lets(earlier, now).is_ok());
                    passage.next.extend(gate.and_then(|gate| gate.waiting.pop()));
                }
                return passage;
            }
        }
        passage.passed = true;
        for ask in asks.iter_mut() {
            let Some(gate) = gates.get_mut(&ask.key) else { continue };
            gate.pass(ask, now);
            if !gate.waiting.is_empty() {
                match gate.lets(ask, now) {
                    Ok(()) => passage.next.extend(gate.waiting.pop()),
                    Err(again) => passage.look_again(gate, ask, again),
                }
            }
        }
        passage
    }

    /// How many wait at them.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.gates).values().map(|gate| gate.waiting.len()).sum()
    }

    /// Comes back through the gates; gives those who may try now.
    pub(crate) fn leave(&self, asks: &[Ask], now: Timestamp, success: Option<bool>) -> Vec<Entry> {
        let mut gates = lock(&self.gates);
        let mut freed = Vec::new();
        for ask in asks {
            let Some(gate) = gates.get_mut(&ask.key) else { continue };
            gate.running = gate.running.saturating_sub(1);
            let mut closed = false;
            if let (Some(breaker), Some(success)) = (ask.breaker, success) {
                closed = gate.circuit.end(success, ask.tries, breaker, now);
            } else if ask.tries && gate.circuit == Circuit::HalfOpen {
                // Who tried was stopped before it knew: another tries.
                gate.circuit = Circuit::Open(now);
            }
            if closed {
                freed.extend(std::mem::take(&mut gate.waiting));
            } else {
                freed.extend(gate.waiting.pop());
            }
            if gate.is_idle() {
                gates.remove(&ask.key);
            }
        }
        freed
    }

    /// A moment at which a gate may have opened: gives who may try, and whether others still wait.
    pub(crate) fn open(&self, key: &GateKey) -> Option<Entry> {
        let mut gates = lock(&self.gates);
        let gate = gates.get_mut(key)?;
        gate.alarmed = false;
        gate.waiting.pop()
    }

    /// One who waited at a gate came back and did not want to pass any more: the next may try.
    pub(crate) fn next_at(&self, key: &GateKey) -> Option<Entry> {
        let mut gates = lock(&self.gates);
        let gate = gates.get_mut(key)?;
        if gate.alarmed { None } else { gate.waiting.pop() }
    }

    /// One who lent its passages takes them back.
    pub(crate) fn retake(&self, asks: &[Ask]) {
        let mut gates = lock(&self.gates);
        for ask in asks {
            gates.entry(ask.key.clone()).or_default().running += 1;
        }
    }

    /// All who wait.
    pub(crate) fn clear(&self) {
        let gates = std::mem::take(&mut *lock(&self.gates));
        drop(gates);
    }
}
