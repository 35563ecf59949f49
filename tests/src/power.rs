//! The runtime on a disk whose power goes at one operation of the workload, and once more while what was
//! left is recovered; and what became of its promises.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fault_disk::{Disk, Image, Loss};
use workflow_runtime::JobId;
use workflow_runtime::store::{
    Claimed, Entry, Expiry, Filter, Head, Kept, Most, Note, SqliteStore, Store, StoreError, StoreErrorKind,
    Term, Verdict,
};
use workflow_runtime::testing::TestRuntime;

use crate::history::{Event, Line, Recorder, check};
use crate::workload::{self, Outside};

/// How long agents take, at most.
const PACE: Duration = Duration::from_millis(20);

/// A power cut to be tried.
#[derive(Debug, Clone)]
pub struct Cut<'a> {
    /// A folder in which nothing is.
    pub folder: &'a Path,
    /// Decides who goes first of those that are ready.
    pub seed: u64,
    /// The operation of the disk at which the power goes, the first after the runtime has begun being 1.
    pub operation: u64,
    /// What the cut takes; each is tried.
    pub losses: Vec<Loss>,
    /// The operation, of those that follow, at which it goes again.
    pub again: Option<u64>,
    /// Whether the disk says that it has synced what it has not.
    pub lies: bool,
}

/// What was seen.
#[derive(Debug, Default, Clone, Copy)]
pub struct Seen {
    /// How many operations the workload takes, if it was over before the power went.
    pub operations: u64,
    /// How often a history was judged.
    pub judged: usize,
    /// How many jobs had been accepted when the power went.
    pub accepted: usize,
    /// How many attempts were made again after it.
    pub again: usize,
}

impl Cut<'_> {
    /// Tries it.
    ///
    /// # Errors
    /// Names what was promised and is not kept.
    pub async fn run(&self) -> Result<Seen, String> {
        let socket = Arc::new(Socket::default());
        let seen = self.run_on(&socket).await;
        // Jobs that are left may keep the runtime, but not the file.
        *socket.plugged() = Plugged::default();
        seen
    }

    async fn run_on(&self, socket: &Arc<Socket>) -> Result<Seen, String> {
        let (recorder, disk) = (Recorder::in_memory(1), Disk::new());
        socket.plug(&disk, self.folder).map_err(|error| error.to_string())?;
        let builder = workload::builder(&recorder, PACE);
        let runtime = TestRuntime::on(builder, self.seed, Arc::clone(socket) as Arc<dyn Store>);
        disk.lie(self.lies);
        let begun = disk.operations();
        disk.stop_at(begun.saturating_add(self.operation));
        let mut outside = Outside::new(&recorder);
        match outside.do_everything(&runtime).await {
            None if !disk.is_off() => return Err("something was refused though the power is on".to_owned()),
            _ => outside.end(&runtime, || disk.is_off()).await?,
        }
        let before = recorder.parsed().lines;
        if !disk.is_off() {
            judge(&before)?;
            return Ok(Seen { operations: disk.operations() - begun, judged: 1, ..Seen::default() });
        }
        let is_accepted = |line: &&Line| matches!(line.event, Event::Accepted { .. });
        let accepted = before.iter().filter(is_accepted).count();
        let mut seen = Seen { accepted, ..Seen::default() };
        for loss in &self.losses {
            let known = recorder.parsed().lines.len();
            recorder.reborn();
            self.go_on(&runtime, socket, &recorder, outside.clone(), disk.image(*loss))
                .await
                .map_err(|problem| format!("{loss:?}: {problem}"))?;
            let after = recorder.parsed().lines.split_off(known);
            let is_again = |line: &&Line| matches!(&line.event, Event::Began(began) if began.attempt > 1);
            seen.again += after.iter().filter(is_again).count();
            seen.judged += 1;
            // Of several losses, each is a history of its own.
            let died = Line { process: 1, event: Event::Died };
            let history: Vec<Line> = before.iter().cloned().chain([died]).chain(after).collect();
            judge(&history).map_err(|problem| format!("{loss:?}: {problem}"))?;
        }
        Ok(seen)
    }

    /// Goes on with what is left on the disk, as another process.
    async fn go_on(
        &self,
        first: &TestRuntime,
        socket: &Socket,
        recorder: &Recorder,
        mut outside: Outside,
        mut image: Image,
    ) -> Result<(), String> {
        let (mut last, mut again) = (None, self.again);
        loop {
            let disk = Disk::holding(&image);
            again.into_iter().for_each(|operation| disk.stop_at(operation));
            let before = last.as_ref().unwrap_or(first);
            let plugged = socket.plug(&disk, self.folder).map_err(|error| error.to_string());
            let next =
                plugged.and_then(|()| before.try_restart_at(before.now()).map_err(|error| error.to_string()));
            match next {
                Err(_) if disk.is_off() => {}
                Err(error) => return Err(format!("it cannot be opened: {error}")),
                Ok(next) => {
                    outside.end(&next, || disk.is_off()).await?;
                    if !disk.is_off() {
                        return Ok(());
                    }
                    recorder.reborn();
                    last = Some(next);
                }
            }
            image = disk.image(Loss::Seeded(self.operation));
            again = None;
        }
    }
}

fn judge(history: &[Line]) -> Result<(), String> {
    let found = check(history, &workload::rules());
    match &found[..] {
        [] => Ok(()),
        [first, ..] => Err(format!("{first} (the first of {})", found.len())),
    }
}

/// The store of a runtime, which becomes another when the power is back.
#[derive(Default)]
struct Socket(Mutex<Plugged>);

#[derive(Default)]
struct Plugged {
    store: Option<Arc<SqliteStore>>,
    disk: Disk,
    /// How often the store was asked in vain since its power is off.
    failed: u32,
}

/// How often a store without power fails before it is given up.
const TRIES: u32 = 3;

impl Socket {
    /// Lets go of the store, and opens the one on this disk.
    fn plug(&self, disk: &Disk, folder: &Path) -> Result<(), StoreError> {
        *self.plugged() = Plugged { store: None, disk: disk.clone(), failed: 0 };
        let unavailable =
            |error: std::io::Error| StoreError::new(StoreErrorKind::Unavailable, error.to_string());
        disk.mount(folder).map_err(unavailable)?;
        let store = SqliteStore::open(folder.join("jobs.db"))?;
        self.plugged().store = Some(Arc::new(store));
        Ok(())
    }

    fn plugged(&self) -> MutexGuard<'_, Plugged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the store. One whose power is off fails, and is given up after a while: nobody waits for it for ever.
    fn ask<T>(&self, ask: impl FnOnce(&SqliteStore) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let gone = || StoreError::new(StoreErrorKind::Superseded, "the power is off");
        let Some(store) = self.plugged().store.clone() else { return Err(gone()) };
        let answer = ask(&store);
        let mut plugged = self.plugged();
        if answer.is_ok() || !plugged.disk.is_off() {
            return answer;
        }
        plugged.failed += 1;
        if plugged.failed < TRIES { answer } else { Err(gone()) }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Socket({:?})", self.plugged().disk)
    }
}

impl Store for Socket {
    fn describe(&self) -> String {
        "a store whose power may go".to_owned()
    }

    fn begin(&self, node: &str) -> Result<Term, StoreError> {
        // Who cannot begin does not start at all; here he starts, and can do nothing.
        self.ask(|store| store.begin(node))
            .or_else(|error| if self.plugged().disk.is_off() { Ok(Term(0)) } else { Err(error) })
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        self.ask(|store| store.write(entries))
    }

    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        self.ask(|store| store.claim(term, most))
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        self.ask(|store| store.read(job))
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        self.ask(|store| store.list(filter))
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        self.ask(|store| store.taker(once))
    }

    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        self.ask(|store| store.notes(topic))
    }

    fn expired(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        self.ask(|store| store.expired(rule))
    }

    fn forget(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        self.ask(|store| store.forget(jobs))
    }
}
