//! How a job goes on after the process that ran it ended: its journal is folded, and the machine asked what is to be
//! done.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::Engine;
use super::drive::Turn;
use super::event::{Event, Joined};
use super::job::{Hold, Job, Live, Stored, Unwritten};
use crate::error::Advice;
use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::machine::{Kind, Machine, Resumed, Unfit};
use crate::record::{Fact, Line, Record, Submission, TaskId};
use crate::state::JobState;
use crate::store::{Epoch, Kept, StoreError, StoreErrorKind};
use crate::upgrade::{Restored, begin};

impl Engine {
    /// Takes a job in from its journal; from a store, with the epoch under which it is held now.
    ///
    /// # Errors
    /// When this program could not have written the journal; of a job that is over, only when it does not know what that
    /// ran.
    pub(crate) fn restore(
        self: &Arc<Self>,
        journal: &[Line],
        epoch: Option<Epoch>,
    ) -> Result<Arc<Job>, Unfit> {
        let restored = match self.read(journal) {
            Ok(restored) => restored,
            Err(unfit) => return self.restore_bare(journal).ok_or(unfit),
        };
        let Restored { submission, resumed, replan, .. } = restored;
        let job = self.job_of(&submission)?;
        let Resumed { machine, records, .. } = resumed;
        let (state, result) = (machine.state(), result_of(&machine));
        if let (Some(key), name) = (&submission.options.unique, self.name_of(&job))
            && result.is_none()
        {
            super::executor::lock(&self.unique).insert((name, Arc::clone(key)), job.id);
        }
        let replan = replan.filter(|_| result.is_none());
        replan.iter().for_each(|_| self.keep_plan(&job));
        let count = records.len();
        {
            let mut inner = job.lock();
            let written = u32::try_from(journal.len()).unwrap_or(u32::MAX);
            inner.stored = Stored { epoch, count: written, state };
            let live = inner.live();
            live.lines = self.scribe.as_ref().map(|_| Unwritten::default());
            live.machine = Some(machine);
            live.journal = records;
            live.result = result;
            live.replan = replan;
            if has_begun(state) {
                // Whatever comes before it goes on, as news of a child, comes after this.
                live.inbox.push_back(Event::Recovered);
                inner.driving = true;
            }
        }
        self.take_back_in(&job, state, count);
        Ok(job)
    }

    /// A job that is over and whose steps this program does not know: what it gave is in its last record.
    fn restore_bare(self: &Arc<Self>, journal: &[Line]) -> Option<Arc<Job>> {
        let (submission, _) = begin(journal).ok()?;
        let (result, state, records) = self.bare(journal)?;
        let (job, count) = (self.job_of(submission).ok()?, records.len());
        {
            let mut inner = job.lock();
            inner.state = state;
            inner.stored = Stored { epoch: None, count: u32::try_from(journal.len()).ok()?, state };
            let live = inner.live();
            live.lines = self.scribe.as_ref().map(|_| Unwritten::default());
            (live.journal, live.result) = (records, Some(result));
        }
        self.take_back_in(&job, state, count);
        Some(job)
    }

    /// What a job gave that is over, how it ended, and its records but the first: all that can be known of it by a program
    /// that does not know its steps.
    pub(super) fn bare(&self, journal: &[Line]) -> Option<(Joined, JobState, Vec<Record>)> {
        let (_, lines) = begin(journal).ok()?;
        let (result, state) = match &lines.last()?.record.fact {
            Fact::JobSucceeded { output } => (Ok(output.clone()), JobState::Succeeded),
            Fact::JobFailed { failure } => (Err(Arc::clone(failure)), failure.kind.state_of_job()),
            _ => return None,
        };
        Some((result, state, lines.iter().map(|line| line.record.clone()).collect()))
    }

    pub(super) fn job_of(&self, submission: &Submission) -> Result<Arc<Job>, Unfit> {
        let work = self.work_of_submission(submission)?;
        Ok(Arc::new(Job::new(submission.id, work, Some(Box::new(submission.options.clone())), false)))
    }

    fn take_back_in(&self, job: &Arc<Job>, state: JobState, records: usize) {
        self.index.add(Arc::clone(job));
        if state.is_over() {
            self.index.over(job.id, records);
        }
    }

    /// A job that is over, as the store has it, in memory again.
    pub(crate) fn remember(self: &Arc<Self>, kept: &Kept) -> Result<Option<Arc<Job>>, StoreError> {
        if !kept.head.state.is_over() {
            return Ok(None);
        }
        self.restore(&kept.records()?, None).map(Some).map_err(|unfit| {
            StoreError::new(
                StoreErrorKind::Foreign,
                format!("this program cannot read job {}: {unfit}", kept.head.id),
            )
        })
    }

    /// Counts a record that is about to be written; says whether a test wants no more of them.
    pub(super) fn is_crashed(&self) -> bool {
        let left = self.crash_after.load(Ordering::Relaxed);
        if left == usize::MAX {
            return false;
        }
        if left > 0 {
            self.crash_after.store(left - 1, Ordering::Relaxed);
        }
        left == 0
    }

    /// If a test has had the runtime crash: drops what runs.
    pub(super) fn halt_if_crashed(&self) {
        if self.has_crashed()
            && let Some(local) = self.executor.local()
        {
            local.halt();
            for job in self.index.all() {
                // Who waits for an answer hears that there is none.
                let unheard = std::mem::take(&mut job.lock().live().inbox);
                drop(unheard);
            }
            if let Some(scribe) = &self.scribe {
                scribe.crash();
            }
        }
    }

    /// Whether a test has had the runtime crash.
    pub(super) fn has_crashed(&self) -> bool {
        self.crash_after.load(Ordering::Relaxed) == 0
    }

    /// Checks that folding a job's journal gives the state that it has.
    pub(crate) fn check_journal(&self, job: &Job) -> Result<(), String> {
        let wrong = |what: String| Err(format!("job {}: {what}", job.id));
        let first = Line::bare(self.first_record(job));
        let lines = match job.lock().live_ref() {
            Some(live) if live.machine.is_some() => {
                std::iter::once(first).chain(live.lines(&live.journal)).collect()
            }
            _ => Vec::new(),
        };
        if lines.is_empty() {
            return Ok(());
        }
        let folded = match self.read(&lines) {
            Ok(restored) => restored.resumed.machine,
            Err(unfit) => return wrong(format!("{unfit}, in {lines:?}")),
        };
        let inner = job.lock();
        let Some(machine) = inner.live_ref().and_then(|live| live.machine.as_ref()) else { return Ok(()) };
        if folded.state() != machine.state() {
            return wrong(format!("it is {}, but folded it is {}", machine.state(), folded.state()));
        }
        let tasks = |machine: &Machine| -> Vec<_> {
            machine.tasks().iter().map(|task| (task.state, task.attempt, task.choice)).collect()
        };
        if tasks(&folded) != tasks(machine) {
            return wrong(format!(
                "its tasks are {:?}, but folded they are {:?}",
                tasks(machine),
                tasks(&folded)
            ));
        }
        Ok(())
    }

    /// Lets a job that was taken in go on.
    pub(crate) fn go_on(self: &Arc<Self>, job: &Arc<Job>) {
        let (state, hold) = {
            let inner = job.lock();
            (inner.state(), inner.hold)
        };
        match state {
            state if state.is_over() || hold == Hold::Other => {}
            JobState::Pending | JobState::Scheduled => {
                if self.launch_job(job) {
                    self.executor.spawn(Arc::clone(self).drive_on(Arc::clone(job)));
                }
            }
            _ => {
                if let Some(deadline) = job.options().deadline {
                    let alarm = super::alarm::Alarm::JobDeadline(Arc::downgrade(job));
                    let key = self.timers.set(deadline, alarm);
                    job.lock().live().alarms.push(key);
                }
                let begun = {
                    let inner = job.lock();
                    let machine = inner.live_ref().and_then(|live| live.machine.as_ref());
                    machine.is_some_and(|machine| machine.begun().is_some())
                };
                if begun {
                    // It has passed already; whoever comes now waits for it.
                    let asks = self.asks_of_job(job);
                    self.retake_gates(&asks);
                    job.lock().live().passed = asks;
                }
                self.executor.spawn(Arc::clone(self).drive_on(Arc::clone(job)));
            }
        }
    }
}

/// What a job gave, if it is over.
pub(super) fn result_of(machine: &Machine) -> Option<Joined> {
    match (machine.state(), machine.output(), machine.failure()) {
        (JobState::Succeeded, Some(output), _) => Some(Ok(output.clone())),
        (state, _, Some(failure)) if state.is_over() => Some(Err(Arc::clone(failure))),
        _ => None,
    }
}

/// Whether a job that was read has something to go on with.
fn has_begun(state: JobState) -> bool {
    !state.is_over() && !matches!(state, JobState::Pending | JobState::Scheduled)
}

impl Turn<'_> {
    /// Attempts that ended with their process are lost and made again, unless they were to stop; all else that is to be
    /// done is done.
    pub(super) fn recovered(&mut self, live: &mut Live) {
        self.recovering = true;
        self.limit_job(live);
        let Some(machine) = live.machine.as_mut() else { return };
        while machine.command().is_some() {}
        let waits = machine.state() == JobState::Paused && machine.begun().is_none();
        let later = self.job.options().not_before.filter(|moment| *moment > self.now);
        match later.filter(|_| waits) {
            Some(moment) => {
                let alarm = super::alarm::Alarm::Begin(Arc::downgrade(self.job));
                live.alarms.push(self.engine.timers.set(moment, alarm));
            }
            None => live.held_begin = waits,
        }
        let Some(machine) = live.machine.as_mut() else { return };
        let outstanding = machine.outstanding();
        let (lost, limited, calling) = (machine.lost(), machine.limited(), machine.calling());
        self.open_trace(live);
        calling.iter().for_each(|(task, _)| self.trace_task(live, *task));
        lost.iter().for_each(|task| self.trace_task(live, *task));
        for task in limited {
            self.limit_again(live, task);
        }
        for task in lost {
            self.lose(live, task, true);
        }
        for (task, child) in calling {
            self.ask_child(live, task, child);
        }
        for command in outstanding {
            self.perform(live, command);
        }
        self.follow(live);
        self.recovering = false;
    }

    fn lose(&mut self, live: &mut Live, task: TaskId, killed: bool) {
        let Some(machine) = live.machine.as_ref() else { return };
        if machine.is_stopping(task) {
            let why = "its process ended while it was told to stop";
            return self.fail_task(live, task, Failure::new(FailureKind::Cancelled, why));
        }
        if killed {
            let is_death =
                |fact: &Fact| matches!(fact, Fact::Lost { task: lost, killed: true } if *lost == task);
            let before = live.journal.iter().filter(|record| is_death(&record.fact)).count();
            let deaths = u32::try_from(before + 1).unwrap_or(u32::MAX);
            if deaths >= self.engine.config.deaths {
                let message =
                    format!("its process was killed {deaths} times while it ran; it is not tried again");
                let failure = Failure::new(FailureKind::Deadly, message);
                return self.attempt_failed(live, task, failure, Advice::Permanent);
            }
        }
        self.note(live, Fact::Lost { task, killed });
    }

    fn limit_again(&mut self, live: &mut Live, task: TaskId) {
        let Some(machine) = live.machine.as_ref() else { return };
        match machine.task(task).map(|task| task.kind) {
            Some(Kind::Form | Kind::Sleep | Kind::Signal) => self.limit_wait(live, task),
            Some(_) => {
                let options = self.engine.options_for(self.job, machine, task);
                let deadline = options.and_then(|options| options.deadline);
                self.limit_task(live, task, deadline);
            }
            None => {}
        }
    }

    /// A child job may have ended without its parent having heard of it; or never have come to be.
    fn ask_child(&mut self, live: &mut Live, task: TaskId, child: JobId) {
        let stopping = live.machine.as_ref().is_some_and(|machine| machine.is_stopping(task));
        match self.engine.index.get(child) {
            Some(job) => {
                if let Some(done) = job.result() {
                    live.inbox.push_back(Event::Child { task, child, done });
                } else if stopping {
                    let why = "the job that waits for it will not succeed".to_owned();
                    self.effects.posts.push((child, Event::Cancel(why, None)));
                }
            }
            // It stays as it is until somebody decides about it, and is waited for: this program could not take back what
            // it did.
            None if self.engine.is_parked(child) => {}
            // Another node has it.
            None if self.engine.elsewhere.is_called(child) => {
                if stopping {
                    let why = "the job that waits for it will not succeed".to_owned();
                    self.effects.posts.push((child, Event::Cancel(why, None)));
                }
            }
            None => self.lose(live, task, false),
        }
    }
}
