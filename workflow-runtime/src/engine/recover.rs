//! How a job goes on after the process that ran it ended: its journal is folded, and the machine asked what is to be
//! done.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::Engine;
use super::drive::Turn;
use super::event::Event;
use super::job::{Job, Live, Stored, Unwritten};
use crate::error::Advice;
use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::machine::{Kind, Machine};
use crate::record::{Fact, Line, Record, TaskId};
use crate::state::JobState;
use crate::store::{Claimed, Epoch, Kept, StoreError, StoreErrorKind};

/// A job that waits for child jobs, and those.
type Calling = (Arc<Job>, Vec<JobId>);

/// How many jobs are read from the store at once.
const PAGE: usize = 1000;

impl Engine {
    /// Takes a job in from its journal; from a store, with the epoch under which it is held now. Gives the steps that
    /// the records are about, too.
    ///
    /// # Errors
    /// When the journal does not fit this program: it names a record, and the step it is about.
    pub(crate) fn restore(
        self: &Arc<Self>,
        journal: &[Line],
        epoch: Option<Epoch>,
    ) -> Result<(Arc<Job>, Vec<Option<String>>), Failure> {
        let wrong = |message: String| Failure::new(FailureKind::Unrunnable, message);
        let Some((Record { fact: Fact::Submitted { submission }, .. }, lines)) =
            journal.split_first().map(|(first, lines)| (&first.record, lines))
        else {
            return Err(wrong(crate::machine::Illegal::Submission.to_string()));
        };
        if submission.version > crate::record::RECORD_VERSION {
            let (known, version) = (crate::record::RECORD_VERSION, submission.version);
            return Err(wrong(format!(
                "its records are of version {version}, and this program knows {known}"
            )));
        }
        let work = self.work_of_submission(submission)?;
        let job = Arc::new(Job::new(submission.id, work, Some(Box::new(submission.options.clone())), false));
        let mut machine = Machine::new(self.shape(&job)?, job.options());
        let mut steps = vec![None];
        for (number, line) in (1..).zip(lines) {
            let step = line.record.fact.task().map(|task| machine.path(task));
            if let (Some(known), Some(now)) = (&line.step, &step)
                && **known != **now
            {
                let now = if now.is_empty() { "nothing".to_owned() } else { format!("`{now}`") };
                return Err(wrong(format!(
                    "record {number} is about step `{known}`, where {now} stands in this program: steps before it were \
                     added, removed or moved"
                )));
            }
            machine.apply(&line.record).map_err(|illegal| {
                let step = line.step.as_deref().or(step.as_deref()).unwrap_or_default();
                wrong(format!("record {number}, about step `{step}`, does not fit this program: {illegal}"))
            })?;
            steps.push(step);
        }
        // What was commanded while it was folded is asked for again, from where it stands.
        while machine.command().is_some() {}
        let state = machine.state();
        let result = match (state, machine.output(), machine.failure()) {
            (JobState::Succeeded, Some(output), _) => Some(Ok(output.clone())),
            (state, _, Some(failure)) if state.is_over() => Some(Err(Arc::clone(failure))),
            _ => None,
        };
        if let (Some(key), name) = (&submission.options.unique, self.name_of(&job))
            && result.is_none()
        {
            super::executor::lock(&self.unique).insert((name, Arc::clone(key)), job.id);
        }
        {
            let mut inner = job.lock();
            let count = u32::try_from(journal.len()).unwrap_or(u32::MAX);
            inner.stored = Stored { epoch, count, state };
            let live = inner.live();
            live.lines = self.scribe.as_ref().map(|_| Unwritten::default());
            live.machine = Some(machine);
            live.journal = lines.iter().map(|line| line.record.clone()).collect();
            live.result = result;
        }
        self.index.add(Arc::clone(&job));
        if state.is_over() {
            self.index.over(job.id, lines.len());
        }
        Ok((job, steps))
    }

    /// Reads the jobs that are not over from the store, and lets them go on. Where there are threads, one of its own does
    /// it.
    pub(crate) fn recover_all(self: &Arc<Self>) {
        if self.scribe.is_none() {
            return;
        }
        let engine = Arc::clone(self);
        let recover = move || {
            engine.recover_pages();
            engine.recovered.1.store(true, Ordering::SeqCst);
            engine.recovered.0.notify_waiters();
        };
        match self.executor.local() {
            Some(_) => recover(),
            None => self.executor.spawn_blocking(recover),
        }
    }

    /// Waits until all jobs in the store that are not over have been read.
    pub(crate) async fn wait_until_recovered(self: &Arc<Self>) {
        let (notify, is_done) = &self.recovered;
        loop {
            let told = notify.notified();
            if self.scribe.is_none() || is_done.load(Ordering::SeqCst) {
                return;
            }
            told.await;
        }
    }

    fn recover_pages(self: &Arc<Self>) {
        // Those that wait for their children go on when all children are there.
        let mut parents = Vec::new();
        loop {
            match self.recover_page() {
                Ok((false, _)) => break,
                Ok((true, waiting)) => parents.extend(waiting),
                Err(error) => {
                    tracing::error!("jobs that are not over cannot be read, and do not go on: {error}");
                    break;
                }
            }
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
        }
        for (job, children) in &parents {
            for child in children {
                if self.index.get(*child).is_none()
                    && let Err(error) = self.restore_ended(*child)
                {
                    tracing::error!(job = %job.id, %child, "a child job cannot be read: {error}");
                }
            }
        }
        parents.iter().for_each(|(job, _)| self.go_on(job));
    }

    /// Reads some jobs; says whether there were any, and gives those that wait for children.
    fn recover_page(self: &Arc<Self>) -> Result<(bool, Vec<Calling>), StoreError> {
        let Some(scribe) = &self.scribe else { return Ok((false, Vec::new())) };
        let page = scribe.store()?.claim(scribe.term, PAGE)?;
        let mut parents = Vec::new();
        let is_empty = page.is_empty();
        let restored: Vec<Arc<Job>> =
            page.into_iter().filter_map(|claimed| self.restore_claimed(claimed)).collect();
        for job in restored {
            let calling = {
                let inner = job.lock();
                let machine = inner.live_ref().and_then(|live| live.machine.as_ref());
                machine.map(Machine::calling).unwrap_or_default()
            };
            match calling.is_empty() {
                true => self.go_on(&job),
                false => parents.push((job, calling.into_iter().map(|(_, child)| child).collect())),
            }
        }
        Ok((!is_empty, parents))
    }

    fn restore_claimed(self: &Arc<Self>, claimed: Claimed) -> Option<Arc<Job>> {
        let Claimed { epoch, kept } = claimed;
        let records = kept.records().map_err(|error| error.to_string());
        let restored = records
            .and_then(|records| self.restore(&records, Some(epoch)).map_err(|failure| failure.to_string()));
        restored.map(|(job, _)| job).map_err(|reason| self.park(&kept, epoch, reason)).ok()
    }

    /// Reads a job that is over, for one who waits for it.
    fn restore_ended(self: &Arc<Self>, id: JobId) -> Result<(), StoreError> {
        let Some(scribe) = &self.scribe else { return Ok(()) };
        let kept = scribe.store()?.read(id)?;
        kept.map(|kept| self.remember(&kept)).transpose().map(drop)
    }

    /// A job that is over, as the store has it, in memory again.
    pub(crate) fn remember(self: &Arc<Self>, kept: &Kept) -> Result<Option<Arc<Job>>, StoreError> {
        if !kept.head.state.is_over() {
            return Ok(None);
        }
        let restored = self.restore(&kept.records()?, None);
        restored.map(|(job, _)| Some(job)).map_err(|failure| {
            StoreError::new(
                StoreErrorKind::Foreign,
                format!("this program cannot read job {}: {failure}", kept.head.id),
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
        }
    }

    /// Whether a test has had the runtime crash.
    pub(super) fn has_crashed(&self) -> bool {
        self.crash_after.load(Ordering::Relaxed) == 0
    }

    /// Checks that folding a job's journal gives the state that it has.
    pub(crate) fn check_journal(&self, job: &Job) -> Result<(), String> {
        let journal = job.lock().live_ref().map(|live| live.journal.clone()).unwrap_or_default();
        let wrong = |what: String| Err(format!("job {}: {what}", job.id));
        let mut folded = match self.shape(job) {
            Ok(shape) => Machine::new(shape, job.options()),
            Err(failure) => return wrong(failure.to_string()),
        };
        for record in &journal {
            if let Err(illegal) = folded.apply(record) {
                return wrong(format!("{illegal}, by {record:?}"));
            }
        }
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
        let state = job.lock().state();
        match state {
            state if state.is_over() => {}
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
                    self.gates.retake(&asks);
                    job.lock().live().passed = asks;
                }
                self.post(job, Event::Recovered);
            }
        }
    }
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
                    live.inbox.push_back(Event::Child { task, done });
                } else if stopping {
                    let why = "the job that waits for it will not succeed".to_owned();
                    self.effects.posts.push((child, Event::Cancel(why, None)));
                }
            }
            None => self.lose(live, task, false),
        }
    }
}
