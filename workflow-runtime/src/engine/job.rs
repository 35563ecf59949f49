//! A job, small while it waits: a million of them may.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::Waker;

use serde_json::Value as Json;
use tokio::sync::oneshot;

use super::attempt::{Attempt, Start};
use super::event::{Event, Joined};
use super::executor::lock;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::job_id::JobId;
use crate::machine::{Command, Illegal, Machine};
use crate::program::Place;
use crate::record::{Fact, JobOptions, Record, TaskId, Tasks};
use crate::small_map::SmallMap;
use crate::state::JobState;
use crate::store::{Epoch, Lines};
use crate::timestamp::Timestamp;
use crate::value::Value;

/// What a job runs.
#[derive(Debug, Clone)]
pub(crate) enum JobWork {
    Call(Place, Value),
    Tasks(Arc<Tasks>),
}

/// A job.
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) work: JobWork,
    pub(crate) options: Option<Box<JobOptions>>,
    pub(super) inner: Mutex<Inner>,
}

/// What changes of a job.
#[derive(Debug)]
pub(crate) struct Inner {
    /// Somebody takes events out of the inbox until it is empty.
    pub(super) driving: bool,
    /// It holds a place in a bounded queue's room.
    pub(super) roomed: bool,
    /// Whose it is.
    pub(super) hold: Hold,
    /// What it is while there is no machine.
    pub(super) state: JobState,
    /// Where the store is with it, if there is one.
    pub(super) stored: Stored,
    pub(super) live: Option<Box<Live>>,
}

/// Whose a job is, where several nodes share a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// This node's, as far as it knows.
    Own,
    /// This node has it written, and nobody's then: it is free.
    Left,
    /// This node had it written, and began anew before it heard whether it is.
    Lost,
    /// Another node's, or nobody's: what is known of it here is what was so once.
    Other,
}

/// Where a store is with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    /// Under which epoch it is held; none before it was written at all.
    pub(super) epoch: Option<Epoch>,
    /// How many records are written.
    pub(super) count: u32,
    /// The state that the store knows.
    pub(super) state: JobState,
}

/// What a job has once something has happened to it.
#[derive(Default)]
pub(crate) struct Live {
    pub(super) machine: Option<Machine>,
    pub(super) inbox: VecDeque<Event>,
    /// Attempts that have a place, and whose future nobody has polled yet.
    pub(super) starts: VecDeque<Start>,
    pub(super) journal: Vec<Record>,
    /// The last records of the journal, as they are to be written; none without a store.
    pub(super) lines: Option<Unwritten>,
    /// What its plan means in this program, if it was begun under another; written down before anything else is.
    pub(super) replan: Option<Fingerprint>,
    /// Who waits for something to happen to it.
    pub(super) watchers: Vec<Waker>,
    /// Attempts that did not end at their first poll.
    pub(super) attempts: SmallMap<TaskId, Arc<Attempt>>,
    /// Places and passages that attempts hold, but for a plain place in the default queue.
    pub(super) places: SmallMap<TaskId, super::attempt::Held>,
    pub(super) joins: SmallMap<TaskId, Vec<oneshot::Sender<Joined>>>,
    pub(super) callbacks: Vec<Callback>,
    pub(super) progress: SmallMap<TaskId, Progress>,
    /// Rises with every progress.
    pub(super) progressed: u64,
    pub(super) last_progress: Option<Progress>,
    pub(super) cache: HashMap<String, Json>,
    /// What tasks have cost, in cents.
    pub(super) costs: SmallMap<TaskId, f64>,
    /// What the machine wants done and a pause holds back.
    pub(super) held: Vec<Command>,
    /// It was to begin while it was paused.
    pub(super) held_begin: bool,
    pub(super) result: Option<Joined>,
    /// The dead letter in whose place it comes.
    pub(super) settles: Option<JobId>,
    /// It is a dead letter that asks for nothing any more; known here only where there is no store.
    pub(super) settled: bool,
    /// When its tasks are woken: retries and timers.
    pub(super) wakes: SmallMap<TaskId, super::timers::AlarmKey>,
    /// What is to happen to it at a moment, unless it is over before.
    pub(super) alarms: Vec<super::timers::AlarmKey>,
    /// Its spans, if somebody listened when it began.
    pub(super) trace: Option<Box<super::trace::Trace>>,
    /// What its workflow's limits let it hold while it runs.
    pub(super) passed: Vec<super::gate::Ask>,
}

/// Records that are folded and not written.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// Those that the scribe has not got yet: an array of JSON that is not closed.
    bytes: Vec<u8>,
    new: u32,
    /// How many there are, those that the scribe has got included.
    pub(super) count: u32,
}

impl Unwritten {
    /// Adds a record; gives where it begins, to [take it back](Self::take_back).
    pub(super) fn add(
        &mut self,
        record: &Record,
        step: Option<&str>,
        after: &[Arc<str>],
    ) -> Result<usize, String> {
        let before = self.bytes.len();
        if before == 0 {
            self.bytes.reserve(USUAL);
        }
        self.bytes.push(if before == 0 { b'[' } else { b',' });
        if let Err(error) = self.write(record, step, after) {
            self.bytes.truncate(before);
            return Err(error.to_string());
        }
        self.new += 1;
        self.count += 1;
        Ok(before)
    }

    /// A [line](crate::record::Line): the moment, the step, what it comes after, and then the fields of the fact itself.
    fn write(
        &mut self,
        record: &Record,
        step: Option<&str>,
        after: &[Arc<str>],
    ) -> Result<(), serde_json::Error> {
        self.bytes.extend_from_slice(b"{\"at\":\"");
        self.bytes.extend_from_slice(record.at.write(&mut [0; 27]).as_bytes());
        self.bytes.push(b'"');
        if let Some(step) = step {
            self.bytes.extend_from_slice(b",\"step\":");
            serde_json::to_writer(&mut self.bytes, step)?;
        }
        if !after.is_empty() {
            self.bytes.extend_from_slice(b",\"after\":");
            serde_json::to_writer(&mut self.bytes, after)?;
        }
        serde_json::to_writer(Continued { bytes: &mut self.bytes, is_begun: false }, &record.fact)
    }

    /// Takes the last record back.
    fn take_back(&mut self, before: usize) {
        self.bytes.truncate(before);
        self.new -= 1;
        self.count -= 1;
    }

    /// What is to be written now.
    pub(super) fn take(&mut self) -> Option<Lines> {
        if self.new == 0 {
            return None;
        }
        self.bytes.push(b']');
        // What serde_json writes is UTF-8, always.
        let json = String::from_utf8(std::mem::take(&mut self.bytes)).unwrap_or_default();
        Some(Lines { count: std::mem::take(&mut self.new), json })
    }
}

/// How many bytes what one turn brings about usually has.
const USUAL: usize = 400;

/// Writes an object behind the fields of another: in the place of its brace comes a comma.
struct Continued<'a> {
    bytes: &'a mut Vec<u8>,
    is_begun: bool,
}

impl std::io::Write for Continued<'_> {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        self.write_all(more).map(|()| more.len())
    }

    fn write_all(&mut self, mut more: &[u8]) -> std::io::Result<()> {
        if !self.is_begun && !more.is_empty() {
            self.is_begun = true;
            self.bytes.push(b',');
            more = &more[1..];
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Is called when a job ends.
pub(crate) type Callback = Box<dyn FnOnce(&Joined) + Send>;

/// Why a fact was not folded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The machine cannot take it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// A value in it cannot be written as JSON.
    #[error("it cannot be written as JSON: {0}")]
    Unwritable(String),
}

/// How far a task says it is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The step, by its path.
    pub step: Arc<str>,
    /// From 0 to 1.
    pub fraction: f64,
    /// In words.
    pub message: Arc<str>,
}

impl fmt::Debug for Job {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Job({})", self.id)
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Live({} records)", self.journal.len())
    }
}

static PLAIN: OnceLock<JobOptions> = OnceLock::new();

impl Job {
    pub(crate) fn new(id: JobId, work: JobWork, options: Option<Box<JobOptions>>, roomed: bool) -> Self {
        let later = options.as_ref().is_some_and(|options| options.not_before.is_some());
        let state = if later { JobState::Scheduled } else { JobState::Pending };
        let stored = Stored { epoch: None, count: 0, state };
        let inner = Inner { driving: false, roomed, hold: Hold::Own, state, stored, live: None };
        Self { id, work, options, inner: Mutex::new(inner) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// The input of what it calls, as JSON.
    pub(crate) fn input_json(&self) -> Option<Json> {
        match &self.work {
            JobWork::Call(_, input) => input.json().ok(),
            JobWork::Tasks(_) => None,
        }
    }

    /// Wakes whoever waits for something of it.
    pub(crate) fn wake(&self) {
        let wakers = self.lock().live().wake_watchers();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn lock_state(&self) -> JobState {
        self.lock().state()
    }

    pub(crate) fn options(&self) -> &JobOptions {
        match &self.options {
            Some(options) => options,
            None => PLAIN.get_or_init(JobOptions::default),
        }
    }
}

impl Inner {
    pub(super) fn live(&mut self) -> &mut Live {
        self.live.get_or_insert_with(Box::default)
    }

    pub(super) fn live_ref(&self) -> Option<&Live> {
        self.live.as_deref()
    }

    /// Where the job stands.
    pub(super) fn state(&self) -> JobState {
        match self.live.as_ref().and_then(|live| live.machine.as_ref()) {
            Some(machine) => machine.state(),
            None => self.state,
        }
    }
}

impl Live {
    /// Folds a fact into the machine, and writes it down.
    pub(super) fn note(&mut self, at: Timestamp, fact: Fact) -> Result<(), Refused> {
        if let Some(plan) = self.replan.take() {
            self.note(at, Fact::Replanned { plan })?;
        }
        let record = Record { at, fact };
        let Some(machine) = &mut self.machine else { return Err(Refused::Illegal(Illegal::Submission)) };
        match &mut self.lines {
            None => machine.apply(&record)?,
            Some(unwritten) => {
                let (step, after) = machine.paths_of(&record.fact);
                let before = unwritten.add(&record, step.as_deref(), &after).map_err(Refused::Unwritable)?;
                machine.apply(&record).inspect_err(|_| unwritten.take_back(before))?;
            }
        }
        self.journal.push(record);
        Ok(())
    }

    /// The records that all may see: those that are written, if there is a store.
    pub(super) fn written(&self) -> &[Record] {
        let unwritten = self.lines.as_ref().map_or(0, |lines| lines.count as usize);
        &self.journal[..self.journal.len().saturating_sub(unwritten)]
    }

    /// The result, once all may know it.
    pub(super) fn told_result(&self) -> Option<&Joined> {
        self.result.as_ref().filter(|_| self.lines.as_ref().is_none_or(|lines| lines.count == 0))
    }

    /// What was to happen to it at some moment.
    pub(super) fn take_alarms(&mut self) -> Vec<super::timers::AlarmKey> {
        self.alarms.drain(..).chain(self.wakes.drain().map(|(_, key)| key)).collect()
    }

    pub(super) fn wake_watchers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.watchers)
    }

    pub(super) fn watch(&mut self, waker: &Waker) {
        if !self.watchers.iter().any(|known| known.will_wake(waker)) {
            self.watchers.push(waker.clone());
        }
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.result = Some(Err(Arc::new(failure)));
    }
}
