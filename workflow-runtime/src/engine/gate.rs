//! Gates: limits beyond a queue's places. Who finds one shut waits at it, and holds no place meanwhile.

use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::breaker::{Breaker, Circuit};
use super::executor::lock;
use super::meter::Limit;
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
    /// What it is about is switched off: nobody passes.
    pub(crate) shut: bool,
    /// It passed as the one that tries whether the circuit can close.
    pub(crate) tries: bool,
}

/// What a gate is asked about that all nodes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) limit: Option<u32>,
    pub(crate) rate: Option<Rate>,
}

impl Ask {
    /// What asks for nothing yet.
    pub(super) fn of(key: GateKey) -> Self {
        Self { key, limit: None, rate: None, breaker: None, shut: false, tries: false }
    }

    /// What of it all nodes share, if anything.
    fn bounds(&self) -> Option<Bounds> {
        let is_bounded = !self.shut && (self.limit.is_some() || self.rate.is_some());
        is_bounded.then_some(Bounds { limit: self.limit, rate: self.rate })
    }
}

/// What a gate has to do with those of other nodes.
#[derive(Debug, Default)]
struct Shared {
    /// What was asked about last.
    bounds: Option<Bounds>,
    /// Leave that was given, and that nobody has made use of yet.
    spare: u32,
    /// When leave was given last.
    given: Timestamp,
    /// There is something to ask, or to give back.
    news: bool,
}

#[derive(Debug, Default)]
struct Gate {
    running: u32,
    shared: Shared,
    /// When the last ones started: as many as the rate lets start in its time.
    starts: VecDeque<Timestamp>,
    circuit: Circuit,
    waiting: BinaryHeap<Entry>,
    /// Somebody looks again at a moment.
    alarmed: bool,
}

impl Gate {
    /// Whether one may pass; if not, when to look again, or none to wait until one comes back.
    fn lets(&self, ask: &Ask, now: Timestamp, is_shared: bool) -> Result<(), Option<Timestamp>> {
        if ask.shut {
            return Err(None);
        }
        if ask.breaker.is_some() {
            self.circuit.lets(now)?;
        }
        if is_shared {
            return if ask.bounds().is_some() && self.shared.spare == 0 { Err(None) } else { Ok(()) };
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

    fn pass(&mut self, ask: &mut Ask, now: Timestamp, is_shared: bool) {
        self.running += 1;
        if is_shared && ask.bounds().is_some() {
            self.shared.spare = self.shared.spare.saturating_sub(1);
        }
        if ask.breaker.is_some() {
            ask.tries = self.circuit.start();
        }
        if let Some(rate) = ask.rate.filter(|_| !is_shared) {
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
            && !self.shared.news
            && self.shared.spare == 0
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
    /// There is something to ask of what all nodes share.
    pub(crate) asks: bool,
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
    /// Other nodes have the same limits, and the store knows what is left of them.
    is_shared: bool,
    /// How many had to wait, by what for.
    waits: [AtomicU64; Limit::ALL.len()],
}

/// For how long leave that was given for one is passed on here to the next: then others come first who wait elsewhere.
const OWN: Duration = Duration::from_millis(100);

/// How many are asked for at once.
const AT_ONCE: usize = 1000;

impl Gates {
    pub(crate) fn new(is_shared: bool) -> Self {
        Self { is_shared, ..Self::default() }
    }

    /// What there is to ask of what all nodes share; of all that somebody waits at, or only where there is news.
    pub(crate) fn tolls(&self, all: bool, now: Timestamp) -> Vec<(GateKey, Bounds, u32, u32)> {
        let mut gates = lock(&self.gates);
        let mut tolls = Vec::new();
        for (key, gate) in gates.iter_mut() {
            let Some(bounds) = gate.shared.bounds else { continue };
            let is_forgotten =
                gate.waiting.is_empty() && gate.shared.spare > 0 && gate.shared.given + OWN < now;
            if is_forgotten {
                // Who it was given for does not come any more.
                gate.shared.spare = 0;
            }
            if gate.shared.news || is_forgotten || (all && !gate.waiting.is_empty()) {
                gate.shared.news = false;
                // While a circuit is open, nobody would make use of leave, and others may.
                let is_open = gate.circuit.lets(now).is_err();
                let wants = if is_open { 0 } else { gate.waiting.len().min(AT_ONCE) };
                let wants = u32::try_from(wants).unwrap_or(u32::MAX);
                tolls.push((key.clone(), bounds, gate.running + gate.shared.spare, wants));
            }
        }
        if !all {
            gates.retain(|_, gate| !gate.is_idle());
        }
        tolls
    }

    /// Nothing came of asking: it is asked again.
    pub(crate) fn ask_again(&self, keys: impl Iterator<Item = GateKey>) {
        let mut gates = lock(&self.gates);
        for key in keys {
            gates.entry(key).or_default().shared.news = true;
        }
    }

    /// So many may start; gives those who may try.
    pub(crate) fn give(&self, key: &GateKey, given: u32, now: Timestamp) -> Vec<Entry> {
        let mut gates = lock(&self.gates);
        let Some(gate) = gates.get_mut(key).filter(|_| given > 0) else { return Vec::new() };
        gate.shared.given = now;
        gate.shared.spare += given;
        (0..given).map_while(|_| gate.waiting.pop()).collect()
    }

    /// Somebody looks at a gate again at a moment; says whether nobody does yet.
    pub(crate) fn alarm(&self, key: &GateKey) -> bool {
        lock(&self.gates).get_mut(key).is_some_and(|gate| !std::mem::replace(&mut gate.alarmed, true))
    }

    /// All that was given is others' now, but for what runs.
    pub(crate) fn begin_anew(&self) {
        for gate in lock(&self.gates).values_mut() {
            gate.shared.spare = 0;
            gate.shared.news = gate.shared.bounds.is_some();
        }
    }

    /// Passes all that are asked, or waits at the first that is shut.
    pub(crate) fn pass(&self, asks: &mut [Ask], now: Timestamp, entry: Entry) -> Passage {
        let mut gates = lock(&self.gates);
        let mut passage = Passage::default();
        for (place, ask) in asks.iter().enumerate() {
            let gate = gates.entry(ask.key.clone()).or_default();
            let is_first = gate.waiting.is_empty() || entry.returning;
            let lets = if is_first { gate.lets(ask, now, self.is_shared) } else { Err(None) };
            if let Err(again) = lets {
                if !entry.returning {
                    let is_open = ask.breaker.is_some() && gate.circuit.lets(now).is_err();
                    self.waits[Limit::of(ask, is_open, again.is_some()) as usize].fetch_add(1, Relaxed);
                }
                gate.waiting.push(Entry { returning: true, ..entry });
                passage.look_again(gate, ask, again);
                if let Some(bounds) = ask.bounds().filter(|_| self.is_shared) {
                    gate.shared.bounds = Some(bounds);
                    gate.shared.news = true;
                    passage.asks = true;
                }
                // Nobody waits at a gate behind one who waits at another.
                for earlier in &asks[..place] {
                    let lets = |gate: &&mut Gate| gate.lets(earlier, now, self.is_shared).is_ok();
                    let gate = gates.get_mut(&earlier.key).filter(lets);
                    passage.next.extend(gate.and_then(|gate| gate.waiting.pop()));
                }
                return passage;
            }
        }
        passage.passed = true;
        for ask in asks.iter_mut() {
            let Some(gate) = gates.get_mut(&ask.key) else { continue };
            gate.pass(ask, now, self.is_shared);
            // Of what all nodes share, those come whom leave was given for.
            if !gate.waiting.is_empty() && (!self.is_shared || ask.bounds().is_none()) {
                match gate.lets(ask, now, self.is_shared) {
                    Ok(()) => passage.next.extend(gate.waiting.pop()),
                    Err(again) => passage.look_again(gate, ask, again),
                }
            }
        }
        passage
    }

    /// How many had to wait at them, by what for.
    pub(crate) fn waits(&self) -> BTreeMap<&'static str, u64> {
        Limit::ALL.iter().map(|(limit, name)| (*name, self.waits[*limit as usize].load(Relaxed))).collect()
    }

    /// How many wait at them.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.gates).values().map(|gate| gate.waiting.len()).sum()
    }

    /// Comes back through the gates; gives those who may try now, and whether there is something to give back of what all
    /// nodes share.
    pub(crate) fn leave(&self, asks: &[Ask], now: Timestamp, success: Option<bool>) -> (Vec<Entry>, bool) {
        let mut gates = lock(&self.gates);
        let (mut freed, mut gives_back) = (Vec::new(), false);
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
            let bounds = ask.bounds().filter(|_| self.is_shared);
            if closed {
                freed.extend(std::mem::take(&mut gate.waiting));
            } else if let Some(Bounds { rate, .. }) = bounds {
                let is_own = rate.is_none() && now < gate.shared.given + OWN;
                match if is_own { gate.waiting.pop() } else { None } {
                    Some(next) => {
                        gate.shared.spare += 1;
                        freed.push(next);
                    }
                    None => {
                        gate.shared.bounds = bounds;
                        gate.shared.news = true;
                        gives_back = true;
                    }
                }
            } else {
                freed.extend(gate.waiting.pop());
            }
            if gate.is_idle() {
                gates.remove(&ask.key);
            }
        }
        (freed, gives_back)
    }

    /// A moment at which a gate may have opened: gives who may try, and whether others still wait.
    pub(crate) fn open(&self, key: &GateKey) -> Option<Entry> {
        let mut gates = lock(&self.gates);
        let gate = gates.get_mut(key)?;
        gate.alarmed = false;
        if self.is_shared && gate.shared.bounds.is_some() && gate.shared.spare == 0 {
            gate.shared.news = true;
            return None;
        }
        gate.waiting.pop()
    }

    /// One who waited at a gate came back and did not want to pass any more: the next may try.
    pub(crate) fn next_at(&self, key: &GateKey) -> Option<Entry> {
        let mut gates = lock(&self.gates);
        let gate = gates.get_mut(key)?;
        let is_shut = match gate.shared.bounds {
            Some(_) => gate.shared.spare == 0,
            None => gate.alarmed,
        };
        if is_shut { None } else { gate.waiting.pop() }
    }

    /// One who lent its passages takes them back; says whether other nodes are to hear of it.
    pub(crate) fn retake(&self, asks: &[Ask]) -> bool {
        let mut gates = lock(&self.gates);
        let mut is_news = false;
        for ask in asks {
            let gate = gates.entry(ask.key.clone()).or_default();
            gate.running += 1;
            if let Some(bounds) = ask.bounds().filter(|_| self.is_shared) {
                gate.shared.bounds = Some(bounds);
                gate.shared.news = true;
                is_news = true;
            }
        }
        is_news
    }

    /// All who wait.
    pub(crate) fn clear(&self) {
        let gates = std::mem::take(&mut *lock(&self.gates));
        drop(gates);
    }
}
