//! Where a history is written while it happens.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use workflow_runtime::{JobId, TaskContext};

use super::event::{Began, Event, Outcome, Read};
use super::line::{Line, Parsed};

/// Writes a history to a file, a pipe or memory. Agents receive it as `State<Recorder>`.
#[derive(Clone)]
pub struct Recorder(Arc<Inside>);

struct Inside {
    process: AtomicU32,
    to: Mutex<Box<dyn Write + Send>>,
    memory: Option<Memory>,
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Recorder {
    /// To this, which must not keep anything back.
    pub fn to(process: u32, to: impl Write + Send + 'static) -> Self {
        Self::of(process, Box::new(to), None)
    }

    /// To the end of a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn append(process: u32, path: &Path) -> io::Result<Self> {
        Ok(Self::to(process, OpenOptions::new().create(true).append(true).open(path)?))
    }

    /// To memory.
    pub fn in_memory(process: u32) -> Self {
        let memory = Memory::default();
        Self::of(process, Box::new(memory.clone()), Some(memory))
    }

    fn of(process: u32, to: Box<dyn Write + Send>, memory: Option<Memory>) -> Self {
        let recorder =
            Self(Arc::new(Inside { process: AtomicU32::new(process), to: Mutex::new(to), memory }));
        recorder.note(Event::Born);
        recorder
    }

    /// Writes an event, before this returns. A process that cannot is of no use and ends.
    pub fn note(&self, event: Event) {
        self.write(self.0.process.load(Ordering::SeqCst), event);
    }

    fn write(&self, process: u32, event: Event) {
        let bytes = Line { process, event }.to_bytes();
        let mut to = self.0.to.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = to.write_all(&bytes).and_then(|()| to.flush()) {
            eprintln!("the history cannot be written: {error}");
            std::process::exit(3);
        }
    }

    /// Says that the process of a simulation is gone, and goes on as the next one.
    pub fn reborn(&self) {
        self.note(Event::Died);
        self.0.process.fetch_add(1, Ordering::SeqCst);
        self.note(Event::Born);
    }

    /// A task has saved where it stands.
    ///
    /// # Panics
    /// As [`begin`](Self::begin) does.
    pub fn saved(&self, context: &TaskContext, mark: u64) {
        let job = context.job_id().parse().expect("a runtime runs it");
        self.note(Event::Saved { job, task: context.task_id().to_owned(), mark });
    }

    /// An attempt has looked at what was saved.
    ///
    /// # Panics
    /// As [`begin`](Self::begin) does.
    pub fn restored(&self, context: &TaskContext, mark: Option<u64>) {
        let job = context.job_id().parse().expect("a runtime runs it");
        self.note(Event::Restored { job, task: context.task_id().to_owned(), mark });
    }

    /// An attempt begins; if its queue is named, its places are counted.
    ///
    /// # Panics
    /// When the attempt's job has no id of this library's.
    pub fn begin(&self, context: &TaskContext, queue: Option<&str>, reads: Vec<Read>) -> Running {
        let job: JobId = context.job_id().parse().expect("a runtime runs it");
        let running = Running {
            recorder: self.clone(),
            process: self.0.process.load(Ordering::SeqCst),
            job,
            task: context.task_id().to_owned(),
            attempt: context.attempt(),
            is_over: false,
        };
        let (key, queue) = (context.idempotency_key(), queue.map(str::to_owned));
        let began = Began { job, task: running.task.clone(), attempt: running.attempt, key, queue, reads };
        self.write(running.process, Event::Began(began));
        running
    }

    /// What was written to memory.
    pub fn parsed(&self) -> Parsed {
        let Some(memory) = &self.0.memory else { return Parsed::default() };
        Parsed::of(&memory.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Recorder({:?})", self.0.process)
    }
}

/// An attempt that runs. When it is dropped, it has ended.
#[derive(Debug)]
pub struct Running {
    recorder: Recorder,
    process: u32,
    job: JobId,
    task: String,
    attempt: u32,
    is_over: bool,
}

impl Running {
    /// It ends so.
    pub fn end<T: Serialize, E: ToString>(mut self, result: Result<T, E>) {
        self.over(Some(Outcome::of(result)));
    }

    fn over(&mut self, outcome: Option<Outcome>) {
        if !std::mem::replace(&mut self.is_over, true) {
            let (job, task, attempt) = (self.job, self.task.clone(), self.attempt);
            self.recorder.write(self.process, Event::Ended { job, task, attempt, outcome });
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.over(None);
    }
}
