//! Which jobs there are: all that are not over, and the last that are.

use std::borrow::Borrow;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::executor::lock;
use super::job::Job;
use crate::job_id::JobId;
use crate::small_map::Spread;

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
    shards: [Mutex<Shard>; SHARDS],
    /// How many jobs that are over each part remembers.
    keep: usize,
    /// How many records of such jobs there may be, and are, in all parts.
    most_records: usize,
    records: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shard {
    jobs: HashSet<ById, BuildHasherDefault<Spread>>,
    /// Those that are over, the oldest first, each with how many records it has.
    over: VecDeque<(JobId, usize)>,
}

/// How many records of jobs that are over are kept, for each job that is kept.
const RECORDS: usize = 100;

impl Shard {
    fn remove(&mut self, id: JobId) -> Option<ById> {
        let job = self.jobs.take(&id);
        if self.jobs.capacity() > 1024 && self.jobs.len() * 8 < self.jobs.capacity() {
            let wanted = self.jobs.len() * 2;
            self.jobs.shrink_to(wanted);
        }
        job
    }
}

impl Index {
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            keep: keep.div_ceil(SHARDS),
            most_records: keep.saturating_mul(RECORDS),
            records: AtomicUsize::new(0),
        }
    }

    fn shard(&self, id: JobId) -> &Mutex<Shard> {
        // The count of ids, below which the maker's number stands.
        let place = (id.as_u128() >> 32) as usize % SHARDS;
        &self.shards[place]
    }

    pub(crate) fn add(&self, job: Arc<Job>) {
        let id = job.id;
        lock(self.shard(id)).jobs.insert(ById(job));
    }

    pub(crate) fn get(&self, id: JobId) -> Option<Arc<Job>> {
        lock(self.shard(id)).jobs.get(&id).map(|job| Arc::clone(&job.0))
    }

    pub(crate) fn remove(&self, id: JobId) {
        let job = lock(self.shard(id)).remove(id);
        // Let go of without the lock.
        drop(job);
    }

    /// A job is over: the oldest of those that are may be forgotten.
    pub(crate) fn over(&self, id: JobId, records: usize) {
        let mut forgotten = None;
        let mut others = Vec::new();
        {
            let mut shard = lock(self.shard(id));
            shard.over.push_back((id, records));
            let mut all = self.records.fetch_add(records, Relaxed) + records;
            while shard.over.len() > self.keep || all > self.most_records {
                let Some((id, records)) = shard.over.pop_front() else { break };
                all = self.records.fetch_sub(records, Relaxed) - records;
                let job = shard.remove(id);
                match forgotten {
                    None => forgotten = job,
                    Some(_) => others.extend(job),
                }
            }
        }
        // Let go of without the lock.
        drop((forgotten, others));
    }

    /// All of them, the oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Job>> {
        let mut all: Vec<Arc<Job>> = Vec::new();
        for shard in &self.shards {
            all.extend(lock(shard).jobs.iter().map(|job| Arc::clone(&job.0)));
        }
        all.sort_by_key(|job| job.id);
        all
    }
}
