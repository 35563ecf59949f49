//! How jobs come in: accepted, given an id, and put into their queue.

use std::sync::Arc;

use super::alarm::Alarm;
use super::core::Engine;
use super::event::Event;
use super::job::{Job, JobWork};
use super::queue::{Entry, WHOLE, Waiting, slack};
use crate::options::{Options, Priority};
use crate::program::Place;
use crate::record::{JobOptions, Submission, Target, Work};
use crate::state::JobState;
use crate::timestamp::Timestamp;

impl Engine {
    /// Takes a job in. It goes on by itself, unless the caller [drives](Self::drive_on) it at once.
    pub(crate) fn accept(
        self: &Arc<Self>,
        work: JobWork,
        options: Option<Box<JobOptions>>,
        roomed: bool,
    ) -> Arc<Job> {
        let id = self.ids.make(self.clock.now());
        let job = Arc::new(Job::new(id, work, options, roomed));
        self.index.add(Arc::clone(&job));
        job
    }

    /// Lets an accepted job begin, now or when its time comes; says whether the caller must drive it.
    pub(crate) fn launch_job(self: &Arc<Self>, job: &Arc<Job>) -> bool {
        let later = job.options().not_before.filter(|moment| *moment > self.clock.now());
        if let Some(deadline) = job.options().deadline {
            let key = self.timers.set(deadline, Alarm::JobDeadline(Arc::downgrade(job)));
            job.lock().live().deadlines.push(key);
        }
        if let Some(moment) = later {
            self.timers.set(moment, Alarm::Begin(Arc::clone(job)));
            return false;
        }
        let queue = self.queue_of_job(job);
        if queue.try_take() {
            return self.put(job, Event::Begin);
        }
        self.wait_in(&queue, self.entry_of_job(job));
        false
    }

    /// Puts a job whose time has come into its queue.
    pub(crate) fn enqueue(self: &Arc<Self>, job: Arc<Job>) {
        {
            let mut inner = job.lock();
            if inner.state() == JobState::Scheduled {
                inner.state = JobState::Pending;
            }
        }
        let queue = self.queue_of_job(&job);
        if queue.try_take() {
            self.post(&job, Event::Begin);
        } else {
            self.wait_in(&queue, self.entry_of_job(&job));
        }
    }

    fn wait_in(self: &Arc<Self>, queue: &Waiting, entry: Entry) {
        if let Some(granted) = queue.wait(entry) {
            self.grant(granted);
        }
    }

    fn entry_of_job(&self, job: &Arc<Job>) -> Entry {
        let priority = job.options().priority.or_else(|| self.options_of(job)?.priority).unwrap_or_default();
        let deadline = self.urgency(job, priority);
        Entry { deadline, job: Arc::clone(job), task: WHOLE, returning: false }
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
            JobWork::Call(Place::Agent(agent), _) => Some(self.agent(*agent).options()),
            JobWork::Call(Place::Workflow(workflow), _) => {
                Some(&self.registry.workflows()[*workflow as usize].plan().definition().options)
            }
            JobWork::Tasks(_) => None,
        }
    }

    pub(super) fn queue_of_job(&self, job: &Job) -> Arc<Waiting> {
        self.queue_of_work(&job.work, job.options.as_deref())
    }

    /// Somebody has got a place.
    pub(crate) fn grant(self: &Arc<Self>, entry: Entry) {
        let Entry { job, task, returning, .. } = entry;
        let event = if task == WHOLE { Event::Begin } else { Event::Admitted { task, returning } };
        if !self.post(&job, event) {
            // The job is over: the place goes on to the next.
            self.pass_on(&job, task);
        }
    }

    fn pass_on(self: &Arc<Self>, job: &Arc<Job>, task: crate::record::TaskId) {
        let queue = if task == WHOLE { self.queue_of_job(job) } else { self.queue_of_late(job, task) };
        if let Some(next) = queue.release() {
            // By way of a task of its own, so that a thousand jobs that are over are no recursion.
            let engine = Arc::clone(self);
            self.executor.spawn(async move { engine.grant(next) });
        }
    }

    /// The queue in which a job would begin.
    pub(crate) fn queue_of_work(&self, work: &JobWork, options: Option<&JobOptions>) -> Arc<Waiting> {
        let own = options.and_then(|options| options.queue.as_deref());
        match own.or_else(|| self.options_of_work(work)?.queue.as_deref()) {
            Some(name) => self.queue(name),
            None => Arc::clone(self.default_queue()),
        }
    }

    pub(crate) fn unique(&self) -> &std::sync::Mutex<super::core::Uniques> {
        &self.unique
    }

    /// Takes back a job that was accepted and not yet let go.
    pub(crate) fn withdraw(&self, job: &Job) {
        let was_roomed = std::mem::take(&mut job.lock().roomed);
        if let (true, Some(room)) = (was_roomed, &self.queue_of_job(job).room) {
            room.add_permits(1);
        }
        self.index.remove(job.id);
    }

    /// What a job runs, by name.
    pub(crate) fn name_of(&self, job: &Job) -> Arc<str> {
        self.name_of_work(&job.work)
    }

    pub(crate) fn name_of_work(&self, work: &JobWork) -> Arc<str> {
        match work {
            JobWork::Call(Place::Agent(agent), _) => Arc::from(self.agent(*agent).name()),
            JobWork::Call(Place::Workflow(workflow), _) => {
                Arc::from(self.registry.workflows()[*workflow as usize].name())
            }
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
        let work = match &job.work {
            JobWork::Call(place, input) => {
                Work::Call { callee: self.target_of(*place), input: input.clone() }
            }
            JobWork::Tasks(tasks) => Work::Tasks(Arc::clone(tasks)),
        };
        let options = job.options().clone();
        Submission { version: crate::record::RECORD_VERSION, id: job.id, work, options }
    }
}
