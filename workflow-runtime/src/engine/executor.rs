//! Who polls futures: tokio, or, in a test, whoever waits for the runtime, in an order that a seed decides.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future that gives nothing.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who polls futures.
#[derive(Debug, Clone)]
pub(crate) enum Executor {
    Tokio(tokio::runtime::Handle),
    Local(Arc<Local>),
}

impl Executor {
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Tokio(handle) => drop(handle.spawn(work)),
            Self::Local(local) => local.spawn(Box::pin(work)),
        }
    }

    /// Runs what may hold a thread for long.
    pub(crate) fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) {
        match self {
            Self::Tokio(handle) => drop(handle.spawn_blocking(work)),
            Self::Local(local) => local.spawn(Box::pin(async move { work() })),
        }
    }

    pub(crate) fn local(&self) -> Option<&Arc<Local>> {
        match self {
            Self::Tokio(_) => None,
            Self::Local(local) => Some(local),
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under our locks but what is caught there.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An executor without threads: it works when somebody calls [`turn`](Self::turn).
#[derive(Debug)]
pub(crate) struct Local {
    state: Mutex<LocalState>,
    /// Somebody is in the middle of a turn.
    busy: AtomicBool,
}

#[derive(Debug)]
struct LocalState {
    ready: VecDeque<Arc<LocalTask>>,
    /// All that are not done, and some that are.
    all: Vec<std::sync::Weak<LocalTask>>,
    /// Nothing is polled any more.
    halted: bool,
    /// Whoever waits for something to be ready.
    outer: Option<Waker>,
    /// Decides which of those that are ready goes first; 0 for the one that came first.
    seed: u64,
}

struct LocalTask {
    work: Mutex<Option<Work>>,
    queued: AtomicBool,
    executor: std::sync::Weak<Local>,
}

impl std::fmt::Debug for LocalTask {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("LocalTask")
    }
}

impl Wake for LocalTask {
    fn wake(self: Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(executor) = self.executor.upgrade() {
            executor.push(self);
        }
    }
}

impl Local {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        let state = LocalState { ready: VecDeque::new(), all: Vec::new(), halted: false, outer: None, seed };
        Arc::new(Self { state: Mutex::new(state), busy: AtomicBool::new(false) })
    }

    fn spawn(self: &Arc<Self>, work: Work) {
        let task = Arc::new(LocalTask {
            // Tokio's primitives let others go first after so many polls in one turn of a tokio task; here all turns are
            // one.
            work: Mutex::new(Some(Box::pin(tokio::task::coop::unconstrained(work)))),
            queued: AtomicBool::new(true),
            executor: Arc::downgrade(self),
        });
        {
            let mut state = lock(&self.state);
            if state.all.len() == state.all.capacity() {
                state.all.retain(|task| task.strong_count() > 0);
            }
            state.all.push(Arc::downgrade(&task));
        }
        self.push(task);
    }

    fn push(&self, task: Arc<LocalTask>) {
        let outer = {
            let mut state = lock(&self.state);
            state.ready.push_back(task);
            state.outer.take()
        };
        if let Some(outer) = outer {
            outer.wake();
        }
    }

    /// Whether somebody is in the middle of a turn, who goes on by himself.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Polls one that is ready; says whether there was one.
    pub(crate) fn turn(&self) -> bool {
        if self.busy.swap(true, Ordering::AcqRel) {
            return false;
        }
        let worked = self.turn_alone();
        self.busy.store(false, Ordering::Release);
        worked
    }

    fn turn_alone(&self) -> bool {
        let task = {
            let mut state = lock(&self.state);
            match state.ready.len() {
                0 => return false,
                _ if state.halted => return false,
                count => {
                    let place = state.pick(count);
                    state.ready.swap(0, place);
                    state.ready.pop_front()
                }
            }
        };
        let Some(task) = task else { return false };
        task.queued.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&task));
        let mut place = lock(&task.work);
        if let Some(work) = place.as_mut()
            && work.as_mut().poll(&mut Context::from_waker(&waker)) != Poll::Pending
        {
            *place = None;
        }
        true
    }

    pub(crate) fn is_halted(&self) -> bool {
        lock(&self.state).halted
    }

    /// Polls nothing any more, and drops all that is not done; as when a process ends.
    pub(crate) fn halt(&self) {
        let (ready, all) = {
            let mut state = lock(&self.state);
            state.halted = true;
            (std::mem::take(&mut state.ready), std::mem::take(&mut state.all))
        };
        for task in all.iter().filter_map(std::sync::Weak::upgrade) {
            // The one that is polled just now goes on until it waits.
            if let Ok(mut work) = task.work.try_lock() {
                let work = work.take();
                let _ = crate::panics::caught(|| drop(work));
            }
        }
        drop(ready);
    }

    /// Wakes whoever waits when something is ready; says whether nothing is.
    pub(crate) fn listen(&self, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        state.outer = Some(waker.clone());
        state.ready.is_empty()
    }
}

impl LocalState {
    fn pick(&mut self, count: usize) -> usize {
        if self.seed == 0 {
            return 0;
        }
        // SplitMix64.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % count as u64).unwrap_or(0)
    }
}
