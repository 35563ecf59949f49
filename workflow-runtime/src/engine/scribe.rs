//! Who writes to the store: one at a time, and at once whatever came while the last of it was written.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::core::Engine;
use super::executor::{Executor, lock};
use super::in_use::{InUse, Usable};
use super::meter::StoreMeter;
use super::ready::{Handed, Told, Verdicts};
use super::wait::Sleep;
use crate::job_id::JobId;
use crate::store::{Entry, Offer, Store, StoreError, StoreErrorKind, Term, Verdict};

/// How long after a failure it is tried again: at first, and at most.
pub(super) const FIRST: Duration = Duration::from_millis(10);
pub(super) const MOST: Duration = Duration::from_secs(1);

/// How often it is tried when nothing more comes.
const LAST: u32 = 8;

/// Who writes to the store.
pub(crate) struct Scribe {
    /// Let go of once all is written and nothing more will be: others may have it then.
    store: Arc<Usable>,
    name: String,
    /// What this node is called.
    node: String,
    /// What it can do.
    offer: Offer,
    lease: Option<Duration>,
    /// The term of this node: another, if it was over and a new one had to begin.
    term: AtomicU64,
    desk: Mutex<Desk>,
    pub(super) meter: StoreMeter,
    /// For a scribe with a thread of its own.
    bell: Condvar,
    /// For one without.
    note: Notify,
    /// Told when the last is written.
    closed: Notify,
}

/// What lies before the scribe.
#[derive(Default)]
struct Desk {
    entries: Vec<Entry>,
    answers: Vec<Waiting>,
    /// It waits for more.
    idle: bool,
    /// Nothing more comes; and how often it is tried yet to write what is there.
    closing: Option<u32>,
    /// All is written, and nothing more will be.
    closed: bool,
    /// What the store said last, if it fails.
    trouble: Option<StoreError>,
    /// New jobs for which nobody waits any longer, if they cannot be written now.
    unwanted: HashSet<JobId>,
}

impl Desk {
    /// Takes out what is unwanted: new jobs that are not written.
    fn take_unwanted(&mut self) -> Vec<Waiting> {
        if self.unwanted.is_empty() {
            return Vec::new();
        }
        let (mut entries, mut answers) = (Vec::new(), Vec::new());
        let mut refused = Vec::new();
        let mut all = std::mem::take(&mut self.entries).into_iter();
        for answer in self.answers.drain(..) {
            let own: Vec<Entry> = all.by_ref().take(answer.count()).collect();
            let is_unwanted =
                |entry: &Entry| matches!(entry, Entry::New { head, .. } if self.unwanted.contains(&head.id));
            if own.first().is_some_and(is_unwanted) {
                for job in own.iter().filter_map(Entry::job) {
                    self.unwanted.remove(&job);
                }
                refused.push(answer);
            } else {
                entries.extend(own);
                answers.push(answer);
            }
        }
        (self.entries, self.answers) = (entries, answers);
        refused
    }
}

/// Who waits for a verdict.
enum Waiting {
    One(oneshot::Sender<Verdict>),
    /// For so many.
    Many(usize, oneshot::Sender<Vec<Verdict>>),
    /// A driver, who goes on then.
    Driver(Box<Handed>),
}

impl Waiting {
    /// For how many entries.
    fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(count, _) => *count,
            Self::Driver(handed) => handed.count(),
        }
    }

    /// It is not written, and will not be.
    fn refuse(self) {
        // Others hear that there is no answer.
        if let Self::Driver(handed) = self {
            handed.give_up();
        }
    }
}

impl fmt::Debug for Scribe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Scribe({})", self.name)
    }
}

impl Scribe {
    pub(crate) fn new(store: Arc<dyn Store>, node: &str, offer: Offer, term: Term) -> Arc<Self> {
        Arc::new(Self {
            name: store.describe(),
            node: node.to_owned(),
            offer,
            lease: store.lease(),
            store: Usable::new(store),
            term: AtomicU64::new(term.0),
            desk: Mutex::default(),
            meter: StoreMeter::default(),
            bell: Condvar::new(),
            note: Notify::new(),
            closed: Notify::new(),
        })
    }

    /// The store.
    ///
    /// # Errors
    /// When it was let go of, for the runtime was shut down.
    pub(crate) fn store(&self) -> Result<InUse, StoreError> {
        self.store.take().ok_or_else(|| {
            let message = format!("{}: the runtime was shut down", self.name);
            StoreError::new(StoreErrorKind::Unavailable, message)
        })
    }

    /// What this node is called.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// What this node can do.
    pub(super) fn offer(&self) -> &Offer {
        &self.offer
    }

    /// How long nothing may be heard of this node, where others share the store.
    pub(super) fn lease(&self) -> Option<Duration> {
        self.lease
    }

    /// The term in whose name is written.
    pub(crate) fn term(&self) -> Term {
        Term(self.term.load(Ordering::SeqCst))
    }

    /// Writes in the name of another term from now on.
    pub(super) fn begin_term(&self, term: Term) {
        self.term.store(term.0, Ordering::SeqCst);
    }

    /// What the store is called.
    pub(crate) fn store_name(&self) -> &str {
        &self.name
    }

    /// Lets go of the store, and waits until nobody asks it any more.
    pub(super) async fn let_go(&self) {
        self.store.let_go().await;
    }

    /// Has something written; the verdict comes when it is durable.
    pub(super) fn write(&self, entry: Entry) -> oneshot::Receiver<Verdict> {
        let (told, answer) = oneshot::channel();
        self.put(std::iter::once(entry), Waiting::One(told));
        answer
    }

    /// Has something written for a driver, who goes on when it is.
    pub(super) fn write_for(&self, handed: Handed, entries: impl Iterator<Item = Entry>) {
        self.put(entries, Waiting::Driver(Box::new(handed)));
    }

    /// Has many things written at once.
    pub(crate) fn write_all(&self, entries: Vec<Entry>) -> oneshot::Receiver<Vec<Verdict>> {
        let (told, answer) = oneshot::channel();
        let count = entries.len();
        self.put(entries.into_iter(), Waiting::Many(count, told));
        answer
    }

    fn put(&self, entries: impl Iterator<Item = Entry>, answer: Waiting) {
        let wake = {
            let mut desk = lock(&self.desk);
            if desk.closed {
                drop(desk);
                return answer.refuse();
            }
            desk.entries.extend(entries);
            desk.answers.push(answer);
            std::mem::take(&mut desk.idle)
        };
        if wake {
            self.bell.notify_one();
            self.note.notify_one();
        }
    }

    /// Why nothing can be written, if that is so now.
    pub(crate) fn trouble(&self) -> Option<StoreError> {
        lock(&self.desk).trouble.clone()
    }

    /// Takes back new jobs that are not written: at once, or, if the store has them in its hands, when it fails. Who waits
    /// for them hears that there is no answer.
    pub(crate) fn withdraw(&self, jobs: &[JobId]) {
        let refused = {
            let mut desk = lock(&self.desk);
            desk.unwanted.extend(jobs);
            desk.take_unwanted()
        };
        refused.into_iter().for_each(Waiting::refuse);
    }

    /// Forgets what is not written, as when the process ends. Who waits for it hears that there is no answer.
    pub(super) fn crash(&self) {
        let (entries, answers) = {
            let mut desk = lock(&self.desk);
            (std::mem::take(&mut desk.entries), std::mem::take(&mut desk.answers))
        };
        drop((entries, answers));
    }

    /// Lets the scribe write what is there, and end.
    pub(crate) fn close(&self) {
        lock(&self.desk).closing.get_or_insert(LAST);
        self.bell.notify_one();
        self.note.notify_one();
    }

    /// Waits until all is written, and nothing more will be.
    pub(super) async fn wait_until_closed(&self) {
        loop {
            let told = self.closed.notified();
            if lock(&self.desk).closed {
                return;
            }
            told.await;
        }
    }

    /// Begins to write, as the executor does things: on a thread, or, in a test, when others wait.
    pub(crate) fn begin(self: &Arc<Self>, engine: &Arc<Engine>) -> std::io::Result<()> {
        let scribe = Arc::clone(self);
        match &engine.executor {
            Executor::Tokio(_) => {
                let thread = std::thread::Builder::new().name("workflow-scribe".to_owned());
                thread.spawn(move || scribe.work()).map(drop)
            }
            Executor::Local(_) => {
                let weak = Arc::downgrade(engine);
                engine.executor.spawn(async move { scribe.work_with_others(weak).await });
                Ok(())
            }
        }
    }

    /// What has come, or nothing if nothing will.
    fn take(desk: &mut Desk) -> Option<(Vec<Entry>, Vec<Waiting>)> {
        if desk.entries.is_empty() {
            desk.closed = desk.closing.is_some();
            desk.idle = true;
            return None;
        }
        Some((std::mem::take(&mut desk.entries), std::mem::take(&mut desk.answers)))
    }

    fn work(&self) {
        let mut pause = FIRST;
        loop {
            let (entries, answers) = {
                let mut desk = lock(&self.desk);
                loop {
                    match Self::take(&mut desk) {
                        Some(taken) => break taken,
                        None if desk.closed => {
                            drop(desk);
                            return self.closed.notify_waiters();
                        }
                        None => desk = self.bell.wait(desk).unwrap_or_else(PoisonError::into_inner),
                    }
                }
            };
            if self.attempt(entries, answers) {
                pause = FIRST;
            } else {
                std::thread::sleep(pause);
                pause = (pause * 2).min(MOST);
            }
        }
    }

    async fn work_with_others(&self, engine: Weak<Engine>) {
        let mut pause = FIRST;
        loop {
            let taken = {
                let mut desk = lock(&self.desk);
                let taken = Self::take(&mut desk);
                if taken.is_none() && desk.closed {
                    drop(desk);
                    return self.closed.notify_waiters();
                }
                taken
            };
            let Some((entries, answers)) = taken else {
                self.note.notified().await;
                continue;
            };
            if self.attempt(entries, answers) {
                pause = FIRST;
                // Others may have something to write, too.
                super::drive::yield_now().await;
            } else {
                let Some(sleep) =
                    engine.upgrade().map(|engine| Sleep::new(&engine, engine.clock.now() + pause))
                else {
                    return;
                };
                sleep.await;
                pause = (pause * 2).min(MOST);
            }
        }
    }

    /// Writes; says whether it could. What could not be written is first again.
    fn attempt(&self, entries: Vec<Entry>, answers: Vec<Waiting>) -> bool {
        let began = Instant::now();
        let written = crate::panics::caught(|| self.store()?.write(&entries));
        let written = written.unwrap_or_else(|panic| {
            Err(StoreError::new(StoreErrorKind::Unavailable, format!("the store {panic}")))
        });
        let verdicts = match written {
            Ok(verdicts) if verdicts.len() == entries.len() => verdicts,
            Ok(verdicts) => {
                let message = format!("{} gave {} verdicts for {}", self.name, verdicts.len(), entries.len());
                return self.put_back(
                    entries,
                    answers,
                    StoreError::new(StoreErrorKind::Unavailable, message),
                );
            }
            Err(error) if error.kind() == StoreErrorKind::Superseded => vec![Verdict::Stale; entries.len()],
            Err(error) => return self.put_back(entries, answers, error),
        };
        self.meter.commit(entries.len(), began);
        {
            let mut desk = lock(&self.desk);
            desk.unwanted.clear();
            if desk.trouble.take().is_some() {
                tracing::info!(store = self.name, "the store can be written again");
            }
        }
        self.tell(answers, verdicts);
        true
    }

    /// Tells everybody what the store says.
    fn tell(&self, answers: Vec<Waiting>, verdicts: Vec<Verdict>) {
        let mut verdicts = verdicts.into_iter();
        let mut drivers = Vec::with_capacity(answers.len());
        for answer in answers {
            match answer {
                Waiting::One(told) => drop(verdicts.next().map(|verdict| told.send(verdict))),
                Waiting::Many(count, told) => drop(told.send(verdicts.by_ref().take(count).collect())),
                Waiting::Driver(handed) => {
                    let count = handed.count();
                    let own = match verdicts.next() {
                        Some(verdict) if count == 1 => Verdicts::One(verdict),
                        first => Verdicts::Many(
                            first.into_iter().chain(verdicts.by_ref().take(count - 1)).collect(),
                        ),
                    };
                    drivers.push(handed.told(own));
                }
            }
        }
        // All of them are of one engine.
        if let Some(engine) = drivers.first().map(Told::engine) {
            engine.let_go_on(drivers.into_iter());
        }
    }

    fn put_back(&self, mut entries: Vec<Entry>, mut answers: Vec<Waiting>, error: StoreError) -> bool {
        self.meter.fail();
        let (refused, is_over) = {
            let mut desk = lock(&self.desk);
            if desk.trouble.as_ref() != Some(&error) {
                tracing::error!(store = self.name, "nothing can be written, and what waits waits: {error}");
            }
            desk.trouble = Some(error);
            let is_over = desk.closing == Some(0);
            if let Some(tries) = &mut desk.closing {
                *tries = tries.saturating_sub(1);
            }
            if is_over {
                // The store has what it had.
                (answers, true)
            } else {
                entries.append(&mut desk.entries);
                answers.append(&mut desk.answers);
                desk.entries = entries;
                desk.answers = answers;
                (desk.take_unwanted(), false)
            }
        };
        refused.into_iter().for_each(Waiting::refuse);
        is_over
    }
}
