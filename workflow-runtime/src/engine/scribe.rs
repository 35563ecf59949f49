//! Who writes to the store: one at a time, and at once whatever came while the last of it was written.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::core::Engine;
use super::executor::{Executor, lock};
use super::wait::Sleep;
use crate::store::{Entry, Store, StoreError, StoreErrorKind, Term, Verdict};

/// How long after a failure it is tried again: at first, and at most.
const FIRST: Duration = Duration::from_millis(10);
const MOST: Duration = Duration::from_secs(1);

/// How often it is tried when nothing more comes.
const LAST: u32 = 8;

/// Who writes to the store.
pub(crate) struct Scribe {
    /// None once all is written and nothing more will be: others may have it then.
    store: Mutex<Option<Arc<dyn Store>>>,
    name: String,
    pub(crate) term: Term,
    desk: Mutex<Desk>,
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
}

/// Who waits for a verdict.
enum Waiting {
    One(oneshot::Sender<Verdict>),
    /// The last of many, and the verdicts of those before it.
    Many(usize, oneshot::Sender<Vec<Verdict>>),
}

impl fmt::Debug for Scribe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Scribe({})", self.name)
    }
}

impl Scribe {
    pub(crate) fn new(store: Arc<dyn Store>, term: Term) -> Arc<Self> {
        Arc::new(Self {
            name: store.describe(),
            store: Mutex::new(Some(store)),
            term,
            desk: Mutex::default(),
            bell: Condvar::new(),
            note: Notify::new(),
            closed: Notify::new(),
        })
    }

    /// The store.
    ///
    /// # Errors
    /// When it was let go of, for the runtime was shut down.
    pub(crate) fn store(&self) -> Result<Arc<dyn Store>, StoreError> {
        lock(&self.store).clone().ok_or_else(|| {
            let message = format!("{}: the runtime was shut down", self.name);
            StoreError::new(StoreErrorKind::Unavailable, message)
        })
    }

    /// What the store is called.
    pub(crate) fn store_name(&self) -> &str {
        &self.name
    }

    /// Lets go of the store.
    pub(super) fn let_go(&self) {
        let store = lock(&self.store).take();
        drop(store);
    }

    /// Has something written; the verdict comes when it is durable.
    pub(super) fn write(&self, entry: Entry) -> oneshot::Receiver<Verdict> {
        let (told, answer) = oneshot::channel();
        self.put(std::iter::once(entry), Waiting::One(told));
        answer
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
                // Who waits hears that there is no answer.
                return;
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

    /// Takes back a new job that is not written yet; says whether it was there.
    pub(crate) fn withdraw(&self, job: crate::job_id::JobId) -> bool {
        let mut desk = lock(&self.desk);
        let is_it = |entry: &Entry| matches!(entry, Entry::New { head, .. } if head.id == job);
        let Some(place) = desk.entries.iter().position(is_it) else { return false };
        // Entries and answers stand in the same order, but one answer may be for many entries.
        let mut first = 0;
        for number in 0..desk.answers.len() {
            match &desk.answers[number] {
                Waiting::One(_) if first == place => {
                    desk.entries.remove(place);
                    desk.answers.remove(number);
                    return true;
                }
                Waiting::One(_) => first += 1,
                Waiting::Many(count, _) => first += count,
            }
        }
        false
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
    fn attempt(&self, mut entries: Vec<Entry>, mut answers: Vec<Waiting>) -> bool {
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
        if lock(&self.desk).trouble.take().is_some() {
            tracing::info!(store = self.name, "the store can be written again");
        }
        let mut verdicts = verdicts.into_iter();
        for answer in answers.drain(..) {
            match answer {
                Waiting::One(told) => drop(verdicts.next().map(|verdict| told.send(verdict))),
                Waiting::Many(count, told) => drop(told.send(verdicts.by_ref().take(count).collect())),
            }
        }
        entries.clear();
        true
    }

    fn put_back(&self, mut entries: Vec<Entry>, mut answers: Vec<Waiting>, error: StoreError) -> bool {
        let mut desk = lock(&self.desk);
        if desk.trouble.as_ref() != Some(&error) {
            tracing::error!(store = self.name, "nothing can be written, and what waits waits: {error}");
        }
        desk.trouble = Some(error);
        if let Some(tries) = &mut desk.closing {
            if *tries == 0 {
                // Who waits hears that there is no answer. The store has what it had.
                return true;
            }
            *tries -= 1;
        }
        entries.append(&mut desk.entries);
        answers.append(&mut desk.answers);
        desk.entries = entries;
        desk.answers = answers;
        false
    }
}
