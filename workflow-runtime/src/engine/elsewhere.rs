//! Jobs that other nodes hold, and who waits for them here: handles, and tasks of jobs that are held here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;

use super::core::Engine;
use super::event::{Event, Joined};
use super::executor::lock;
use super::job::{Hold, Job, Stored};
use crate::failure::{Failure, FailureKind};
use crate::job_id::JobId;
use crate::machine::Unfit;
use crate::record::TaskId;
use crate::store::{Kept, StoreError, StoreErrorKind};
use crate::upgrade::Restored;

/// How many jobs are asked for at once.
const PAGE: usize = 1000;

/// Jobs that other nodes hold, and who waits for them here.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    followed: Mutex<HashMap<JobId, Followers>>,
    /// Told when there is somebody who waits.
    news: Notify,
}

/// Who waits for a job.
#[derive(Debug, Default)]
struct Followers {
    /// The same job as it was when this node parted with it, or as it was read: handles hold it.
    jobs: Vec<Weak<Job>>,
    /// The same, where callbacks wait that nobody else holds.
    called: Vec<Arc<Job>>,
    /// Tasks that called it.
    callers: Vec<(JobId, TaskId)>,
}

impl Followers {
    fn is_empty(&self) -> bool {
        self.called.is_empty()
            && self.callers.is_empty()
            && self.jobs.iter().all(|job| job.strong_count() == 0)
    }
}

impl Elsewhere {
    /// Sees to it that a job's own end is told.
    pub(super) fn follow(&self, job: &Arc<Job>) {
        let has_callbacks = !job.lock().live().callbacks.is_empty();
        let mut followed = lock(&self.followed);
        let followers = followed.entry(job.id).or_default();
        if has_callbacks {
            followers.called.push(Arc::clone(job));
        } else {
            followers.jobs.push(Arc::downgrade(job));
        }
        drop(followed);
        self.news.notify_one();
    }

    /// Sees to it that a task hears what its child job gave.
    pub(super) fn await_child(&self, child: JobId, parent: JobId, task: TaskId) {
        lock(&self.followed).entry(child).or_default().callers.push((parent, task));
        self.news.notify_one();
    }

    /// Whether a task waits for a job that is held elsewhere.
    pub(super) fn is_called(&self, child: JobId) -> bool {
        lock(&self.followed).get(&child).is_some_and(|followers| !followers.callers.is_empty())
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.followed).is_empty()
    }

    /// Tells who waits until somebody waits.
    pub(super) fn wake(&self) {
        self.news.notify_one();
    }

    /// Waits until somebody waits.
    pub(super) async fn wait(&self) {
        self.news.notified().await;
    }

    fn all(&self) -> Vec<JobId> {
        let mut followed = lock(&self.followed);
        followed.retain(|_, followers| !followers.is_empty());
        followed.keys().copied().collect()
    }

    fn take(&self, job: JobId) -> Followers {
        lock(&self.followed).remove(&job).unwrap_or_default()
    }
}

impl Engine {
    /// Looks which jobs that others hold are over, and tells who waits for them; says whether there were any.
    pub(super) async fn look_elsewhere(self: &Arc<Self>) -> bool {
        let mut found = false;
        for some in self.elsewhere.all().chunks(PAGE) {
            let jobs = some.to_vec();
            let ended = self.ask_store(move |store| {
                let ended = store.ended(&jobs)?;
                ended
                    .into_iter()
                    .map(|job| Ok((job, store.read(job)?)))
                    .collect::<Result<Vec<_>, StoreError>>()
            });
            match ended.await {
                Ok(ended) => {
                    for (job, kept) in ended.into_iter().flatten() {
                        found = true;
                        self.tell_followers(job, kept.as_ref());
                    }
                }
                Err(error) => {
                    tracing::warn!("it is not known which jobs of other nodes have ended: {error}");
                    return found;
                }
            }
        }
        found
    }

    fn tell_followers(self: &Arc<Self>, id: JobId, kept: Option<&Kept>) {
        let Followers { jobs, called, callers } = self.elsewhere.take(id);
        let unreadable = |what: String| {
            let message = format!("it ended on another node, and what it gave cannot be read here: {what}");
            Arc::new(Failure::new(FailureKind::Unrunnable, message).at(id, "", 0))
        };
        for job in jobs.iter().filter_map(Weak::upgrade).chain(called) {
            let caught_up = match kept {
                Some(kept) => self.catch_up(&job, kept).map_err(|error| error.to_string()),
                None => Err("it is in the store no more".to_owned()),
            };
            let (wakers, callbacks, result) = {
                let mut inner = job.lock();
                let live = inner.live();
                if let Err(what) = caught_up {
                    live.result = Some(Err(unreadable(what)));
                }
                let Some(result) = live.result.clone() else { continue };
                (live.wake_watchers(), std::mem::take(&mut live.callbacks), result)
            };
            wakers.into_iter().for_each(std::task::Waker::wake);
            callbacks.into_iter().for_each(|callback| super::caught_result(id, callback, &result));
        }
        if callers.is_empty() {
            return;
        }
        let remembered = match kept {
            Some(kept) => self.remember(kept).map_err(|error| error.to_string()),
            None => Err("it is in the store no more".to_owned()),
        };
        let done: Joined = match remembered {
            Ok(job) => match job.and_then(|job| job.result()) {
                Some(result) => result,
                None => Err(unreadable("it is not over".to_owned())),
            },
            Err(what) => Err(unreadable(what)),
        };
        for (parent, task) in callers {
            if let Some(parent) = self.index.get(parent) {
                self.post(&parent, Event::Child { task, child: id, done: done.clone() });
            }
        }
    }

    /// A job as it stands in the store, over or not.
    ///
    /// # Errors
    /// When this program cannot read it.
    pub(crate) fn job_kept(self: &Arc<Self>, kept: &Kept) -> Result<Arc<Job>, StoreError> {
        match self.remember(kept)? {
            Some(job) => Ok(job),
            None => self.follow_kept(kept),
        }
    }

    /// A job that another node holds, as it stands in the store: who holds the handle hears how it ends.
    ///
    /// # Errors
    /// When this program cannot read it.
    pub(crate) fn follow_kept(&self, kept: &Kept) -> Result<Arc<Job>, StoreError> {
        let records = kept.records()?;
        let foreign = |unfit: Unfit| {
            let message = format!("this program cannot read job {}: {unfit}", kept.head.id);
            StoreError::new(StoreErrorKind::Foreign, message)
        };
        let restored = self.read(&records).map_err(foreign)?;
        let job = self.job_of(&restored.submission).map_err(foreign)?;
        self.stand(&job, restored, records.len());
        self.elsewhere.follow(&job);
        Ok(job)
    }

    /// Brings a job that is held elsewhere to where it stands in the store.
    fn catch_up(&self, job: &Arc<Job>, kept: &Kept) -> Result<(), StoreError> {
        let records = kept.records()?;
        match self.read(&records) {
            Ok(restored) => self.stand(job, restored, records.len()),
            Err(unfit) => {
                // What it gave is in its last record, whatever its steps were.
                let bare = self.bare(&records);
                let (result, state, journal) = bare.ok_or_else(|| {
                    let message = format!("this program cannot read job {}: {unfit}", job.id);
                    StoreError::new(StoreErrorKind::Foreign, message)
                })?;
                let mut inner = job.lock();
                inner.state = state;
                let live = inner.live();
                (live.machine, live.journal, live.result) = (None, journal, Some(result));
            }
        }
        Ok(())
    }

    fn stand(&self, job: &Job, restored: Restored, count: usize) {
        let machine = restored.resumed.machine;
        let result = super::recover::result_of(&machine);
        let state = machine.state();
        let mut inner = job.lock();
        inner.hold = Hold::Other;
        inner.stored = Stored { epoch: None, count: u32::try_from(count).unwrap_or(u32::MAX), state };
        let live = inner.live();
        (live.machine, live.journal, live.result) = (Some(machine), restored.resumed.records, result);
    }
}
