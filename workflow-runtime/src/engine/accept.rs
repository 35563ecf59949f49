//! How jobs come in: accepted, given an id, and put into their queue.

use std::borrow::Cow;
use std::sync::Arc;

use super::alarm::Alarm;
use super::core::Engine;
use super::job::{Job, JobWork};
use super::queue::{Entry, WHOLE, Waiting, slack};
use crate::job_id::JobId;
use crate::options::{Options, Priority};
use crate::program::Place;
use crate::record::{JobOptions, Submission, Target, Work};
use crate::state::JobState;
use crate::timestamp::Timestamp;

impl Engine {
    /// Takes a job in. It begins when it is [let go](Self::let_go).
    ///
    /// # Errors
    /// When there is a store, and what was asked for cannot be written as JSON.
    pub(crate) fn accept(
        self: &Arc<Self>,
        work: JobWork,
        options: Option<Box<JobOptions>>,
        roomed: bool,
    ) -> Result<Arc<Job>, String> {
        self.accept_as(self.ids.make(self.clock.now()), work, options, roomed)
    }

    /// Takes a job in under an id that was made for it before.
    pub(super) fn accept_as(
        self: &Arc<Self>,
        id: JobId,
        work: JobWork,
        options: Option<Box<JobOptions>>,
        roomed: bool,
    ) -> Result<Arc<Job>, String> {
        let job = Arc::new(Job::new(id, work, options, roomed));
        self.take_in(&job)?;
        Ok(job)
    }

    /// Lets an accepted job begin, now or when its time comes; says whether the caller must drive it.
    pub(crate) fn launch_job(self: &Arc<Self>, job: &Arc<Job>) -> bool {
        let later = job.options().not_before.filter(|moment| *moment > self.clock.now());
        if let Some(deadline) = job.options().deadline {
            let key = self.timers.set(deadline, Alarm::JobDeadline(Arc::downgrade(job)));
            job.lock().live().alarms.push(key);
        }
        if let Some(moment) = later {
            let key = self.timers.set(moment, Alarm::Begin(Arc::downgrade(job)));
            job.lock().live().alarms.push(key);
            return false;
        }
        let queue = self.queue_of_job(job);
        let entry = self.entry_of_job(job, &queue);
        if queue.try_take() {
            // Who need not wait takes no room from those who must.
            if let Some(room) = queue.room.as_ref().filter(|_| std::mem::take(&mut job.lock().roomed)) {
                room.add_permits(1);
            }
            return self.place(entry);
        }
        self.wait_in(&queue, entry);
        false
    }

    /// Puts a job whose time has come into its queue.
    pub(crate) fn enqueue(self: &Arc<Self>, job: &Arc<Job>) {
        {
            let mut inner = job.lock();
            if inner.state() == JobState::Scheduled {
                inner.state = JobState::Pending;
            }
        }
        let queue = self.queue_of_job(job);
        let entry = self.entry_of_job(job, &queue);
        if queue.try_take() {
            self.grant(entry);
        } else {
            self.wait_in(&queue, entry);
        }
    }

    fn wait_in(self: &Arc<Self>, queue: &Waiting, entry: Entry) {
        if let Some(granted) = queue.wait(entry) {
            self.grant(granted);
        }
    }

    /// By when a job should begin, so to speak, that waits from now on, or from when its time comes.
    pub(super) fn due(&self, job: &Job) -> Timestamp {
        let priority = job.options().priority.or_else(|| self.options_of(job)?.priority).unwrap_or_default();
        let later = job.options().not_before.map(|moment| moment + slack(priority));
        self.urgency(job, priority).max(later.unwrap_or_default())
    }

    fn entry_of_job(&self, job: &Arc<Job>, queue: &Waiting) -> Entry {
        let (deadline, since) = (self.due(job), self.clock.now());
        Entry { deadline, since, job: Arc::clone(job), task: WHOLE, queue: queue.place, returning: false }
    }

    /// The moment by which something of this priority should run.
    pub(super) fn urgency(&self, job: &Job, priority: Priority) -> Timestamp {
        let latest = self.clock.now() + slack(priority);
        job.options().deadline.map_or(latest, |deadline| deadline.min(latest))
    }

    /// The options of what a job calls.
    pub(super) fn options_of(&self, job: &Job) -> Option<&Options> {
        self.options_of_work(&job.work)
    }

    fn options_of_work(&self, work: &JobWork) -> Option<&Options> {
        match work {
            JobWork::Call(place, _) => Some(self.options_of_place(*place)),
            JobWork::Tasks(_) => None,
        }
    }

    pub(super) fn options_of_place(&self, place: Place) -> &Options {
        match place {
            Place::Agent(agent) => self.agent(agent).options(),
            Place::Workflow(workflow) => {
                &self.registry.workflows()[workflow as usize].plan().definition().options
            }
        }
    }

    /// What of a job's work is switched off, and where that is said, if anything is.
    pub(crate) fn off(&self, work: &JobWork) -> Option<(String, String)> {
        let said = |name: &str| Some((name.to_owned(), self.config.off.said(name)?.to_string()));
        match work {
            JobWork::Call(..) => said(&self.name_of_work(work)),
            JobWork::Tasks(tasks) => tasks.tasks.iter().find_map(|spawn| said(&spawn.callee.name)),
        }
    }

    /// The name of the queue in which a job begins.
    pub(crate) fn queue_name(&self, job: &Job) -> Arc<str> {
        Arc::clone(&self.queue_of_job(job).settings.name)
    }

    /// The tags of what a job calls, and its own.
    pub(crate) fn tags(&self, job: &Job) -> Vec<Arc<str>> {
        let outer = self.options_of(job).map(|options| options.tags.as_slice()).unwrap_or_default();
        let mut tags: Vec<Arc<str>> = outer.iter().map(|tag| Arc::from(&**tag)).collect();
        let own = job.options().tags.iter().filter(|tag| !outer.iter().any(|other| **other == ***tag));
        tags.extend(own.cloned());
        tags
    }

    pub(super) fn queue_of_job(&self, job: &Job) -> Cow<'_, Arc<Waiting>> {
        self.queue_of_work(&job.work, job.options.as_deref())
    }

    /// Somebody has got a place.
    pub(crate) fn grant(self: &Arc<Self>, entry: Entry) {
        let job = Arc::clone(&entry.job);
        if self.place(entry) {
            self.executor.spawn(Arc::clone(self).drive_on(job));
        }
    }

    /// One who has got a place does not need it any more: others do.
    pub(super) fn pass_on(self: &Arc<Self>, entry: Entry) {
        let mut freed: Vec<Entry> = self.queue_at(entry.queue).release().into_iter().collect();
        if entry.returning {
            self.reopen(&entry.job, entry.task, &mut freed);
        }
        if !freed.is_empty() {
            // By way of a task of its own, so that a thousand jobs that are over are no recursion.
            let engine = Arc::clone(self);
            self.executor.spawn(async move { freed.into_iter().for_each(|entry| engine.grant(entry)) });
        }
    }

    /// The queue in which a job would begin.
    pub(crate) fn queue_of_work(
        &self,
        work: &JobWork,
        options: Option<&JobOptions>,
    ) -> Cow<'_, Arc<Waiting>> {
        let own = options.and_then(|options| options.queue.as_deref());
        match own.or_else(|| self.options_of_work(work)?.queue.as_deref()) {
            Some(name) => Cow::Owned(self.queue(name)),
            None => Cow::Borrowed(self.default_queue()),
        }
    }

    pub(crate) fn unique(&self) -> &std::sync::Mutex<super::core::Uniques> {
        &self.unique
    }

    /// Takes back a job that was accepted and not yet let go.
    pub(crate) fn withdraw(&self, job: &Job) {
        self.leave_room(job);
        self.index.remove(job);
    }

    /// A job that will not begin needs no room any more.
    pub(super) fn leave_room(&self, job: &Job) {
        let was_roomed = std::mem::take(&mut job.lock().roomed);
        if let (true, Some(room)) = (was_roomed, &self.queue_of_job(job).room) {
            room.add_permits(1);
        }
    }

    /// What a job runs, by name.
    pub(crate) fn name_of(&self, job: &Job) -> Arc<str> {
        self.name_of_work(&job.work)
    }

    pub(crate) fn name_of_work(&self, work: &JobWork) -> Arc<str> {
        match work {
            JobWork::Call(Place::Agent(agent), _) => Arc::clone(&self.names.0[*agent as usize]),
            JobWork::Call(Place::Workflow(workflow), _) => Arc::clone(&self.names.1[*workflow as usize]),
            JobWork::Tasks(tasks) => Arc::from(tasks.name.as_str()),
        }
    }

    pub(crate) fn target_of(&self, place: Place) -> Target {
        match place {
            Place::Agent(agent) => {
                let name = self.agent(agent).spec.name.clone();
                Target { name, kind: crate::callee_kind::CalleeKind::Agent }
            }
            Place::Workflow(workflow) => {
                let name = self.registry.workflows()[workflow as usize].name().to_owned();
                Target { name: name.into(), kind: crate::callee_kind::CalleeKind::Workflow }
            }
        }
    }

    /// What was asked for: the first record of the job's journal.
    pub(crate) fn submission(&self, job: &Job) -> Submission {
        let (work, mut options) = (self.asked(&job.work), job.options().clone());
        let own = || self.place_of_work(&job.work).map(|place| place.means(&self.registry));
        options.plan = options.plan.or_else(own);
        Submission { version: crate::record::RECORD_VERSION, id: job.id, work, options }
    }

    /// What a job runs, as it is written down.
    pub(crate) fn asked(&self, work: &JobWork) -> Work {
        match work {
            JobWork::Call(place, input) => {
                Work::Call { callee: self.target_of(*place), input: input.clone() }
            }
            JobWork::Tasks(tasks) => Work::Tasks(Arc::clone(tasks)),
        }
    }
}
