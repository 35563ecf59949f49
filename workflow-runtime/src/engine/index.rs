//! Which jobs there are: all that are not over, and the last that are.

use std::borrow::Borrow;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

use super::executor::lock;
use super::job::Job;
use crate::job_id::JobId;

/// So many parts, each with a lock of its own.
const SHARDS: usize = 16;

/// A job, found by its id. It takes eight bytes in the table, for there may be a million of them.
#[derive(Debug)]
struct ById(Arc<Job>);

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

impl Borrow<JobId> for ById {
    fn borrow(&self) -> &JobId {
        &self.0.id
    }
}

/// Which jobs there are.
#[derive(Debug)]
pub(crate) struct Index {
    shards: [Mutex<HashSet<ById>>; SHARDS],
    over: Mutex<Over>,
}

#[derive(Debug)]
struct Over {
    ids: VecDeque<(JobId, usize)>,
    records: usize,
    keep: usize,
}

/// How many records of jobs that are over are kept, for each job that is kept.
const RECORDS: usize = 100;

impl Index {
    pub(crate) fn new(keep: usize) -> Self {
        let over = Over { ids: VecDeque::new(), records: 0, keep };
        Self { shards: std::array::from_fn(|_| Mutex::default()), over: Mutex::new(over) }
    }

    fn shard(&self, id: JobId) -> &Mutex<HashSet<ById>> {
        // The count of ids, below which the maker's number stands.
        let place = (id.as_u128() >> 32) as usize % SHARDS;
        &self.shards[place]
    }

    pub(crate) fn add(&self, job: Arc<Job>) {
        let id = job.id;
        lock(self.shard(id)).insert(ById(job));
    }

    pub(crate) fn get(&self, id: JobId) -> Option<Arc<Job>> {
        lock(self.shard(id)).get(&id).map(|job| Arc::clone(&job.0))
    }

    pub(crate) fn remove(&self, id: JobId) {
        let job = {
            let mut shard = lock(self.shard(id));
            let job = shard.take(&id);
            if shard.capacity() > 1024 && shard.len() * 8 < shard.capacity() {
                let wanted = shard.len() * 2;
                shard.shrink_to(wanted);
            }
            job
        };
        // Let go of without the lock.
        drop(job);
    }

    /// A job is over: the oldest of those that are may be forgotten.
    pub(crate) fn over(&self, id: JobId, records: usize) {
        let mut forgotten = Vec::new();
        {
            let mut over = lock(&self.over);
            over.ids.push_back((id, records));
            over.records += records;
            while over.ids.len() > over.keep || over.records > over.keep.saturating_mul(RECORDS) {
                let Some((id, records)) = over.ids.pop_front() else { break };
                over.records -= records;
                forgotten.push(id);
            }
        }
        for id in forgotten {
            self.remove(id);
        }
    }

    /// All of them, the oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Job>> {
        let mut all: Vec<Arc<Job>> = Vec::new();
        for shard in &self.shards {
            all.extend(lock(shard).iter().map(|job| Arc::clone(&job.0)));
        }
        all.sort_by_key(|job| job.id);
        all
    }
}
