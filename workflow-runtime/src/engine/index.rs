//! Which jobs there are: all that are not over, and the last that are.

use std::borrow::Borrow;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::executor::lock;
use super::job::Job;
use crate::apart::{Apart, PARTS};
use crate::job_id::JobId;
use crate::small_map::Spread;
use crate::timestamp::Timestamp;

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
    shards: [Apart<Mutex<Shard>>; PARTS],
    /// How many jobs that are over are remembered, in all parts.
    keep: usize,
    /// How many more of them may be remembered, besides those for which a part has room already.
    free: Apart<AtomicUsize>,
    /// So much room a part takes at once.
    chunk: usize,
    /// How many records of such jobs there may be, and are; those of small jobs are not counted, for which it is enough
    /// that they are few.
    most_records: usize,
    records: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shard {
    jobs: HashSet<ById, BuildHasherDefault<Spread>>,
    /// Those that are over, the oldest first, each with how many records it has.
    over: VecDeque<(JobId, usize)>,
    /// For how many of those there is room.
    room: usize,
    /// How many were forgotten since it was last asked whether another part has room to give.
    turns: usize,
}

/// How many records of jobs that are over are kept, for each job that is kept.
const RECORDS: usize = 100;

/// The records of a job that is over, if they are so many that they count.
fn counted(records: usize) -> usize {
    if records > RECORDS { records } else { 0 }
}

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
            shards: std::array::from_fn(|_| Apart::default()),
            keep,
            free: Apart(AtomicUsize::new(keep)),
            chunk: (keep / 64).clamp(1, 32),
            most_records: keep.saturating_mul(RECORDS),
            records: AtomicUsize::new(0),
        }
    }

    fn shard(&self, id: JobId) -> &Mutex<Shard> {
        &self.shards[id.part()]
    }

    pub(crate) fn add(&self, job: Arc<Job>) {
        let id = job.id;
        lock(self.shard(id)).jobs.insert(ById(job));
    }

    pub(crate) fn get(&self, id: JobId) -> Option<Arc<Job>> {
        lock(self.shard(id)).jobs.get(&id).map(|job| Arc::clone(&job.0))
    }

    /// Forgets this job; not another that has its id, because it was read again.
    pub(crate) fn remove(&self, job: &Job) {
        let gone = {
            let mut shard = lock(self.shard(job.id));
            let is_it = shard.jobs.get(&job.id).is_some_and(|known| std::ptr::eq(&*known.0, job));
            if is_it { shard.remove(job.id) } else { None }
        };
        // Let go of without the lock.
        drop(gone);
    }

    /// Forgets a job that is over before its time has come.
    pub(crate) fn remove_over(&self, id: JobId) {
        let gone = {
            let mut shard = lock(self.shard(id));
            let place = shard.over.iter().position(|(over, _)| *over == id);
            if let Some((_, records)) = place.and_then(|place| shard.over.remove(place)) {
                self.records.fetch_sub(records, Relaxed);
            }
            place.and_then(|_| shard.remove(id))
        };
        drop(gone);
    }

    /// A job is over: the oldest of those that are may be forgotten.
    pub(crate) fn over(&self, id: JobId, records: usize) {
        let records = counted(records);
        let all = if records > 0 { self.records.fetch_add(records, Relaxed) + records } else { 0 };
        let (gone, has_room) = {
            let mut shard = lock(self.shard(id));
            shard.over.push_back((id, records));
            self.make_room(&mut shard)
        };
        // Let go of without a lock.
        drop(gone);
        if !has_room {
            self.take_room(self.shard(id));
        }
        if all > self.most_records {
            self.forget_records();
        }
    }

    /// Sees to it that a part remembers no more jobs than it has room for; says whether another part must help.
    fn make_room(&self, shard: &mut Shard) -> (Option<Arc<Job>>, bool) {
        if shard.over.len() <= shard.room {
            return (None, true);
        }
        let take = |free: usize| (free > 0).then(|| free.saturating_sub(self.chunk));
        if let Ok(free) = self.free.fetch_update(Relaxed, Relaxed, take) {
            shard.room += free.min(self.chunk);
            return (None, true);
        }
        if self.keep == 0 {
            return (self.forget(shard), true);
        }
        shard.turns += 1;
        if shard.turns <= shard.room {
            return (self.forget(shard), true);
        }
        shard.turns = 0;
        (None, false)
    }

    /// A part has forgotten as many jobs as it has room for, or has no room: it takes some from the part whose jobs are
    /// older by far, where they are forgotten. Otherwise each part stays with its own, for what one core has made is
    /// dear to another to throw away.
    fn take_room(&self, part: &Mutex<Shard>) {
        let mut gone = Vec::new();
        let (wanted, own) = {
            let shard = lock(part);
            let ends = shard.over.front().zip(shard.over.back());
            let ends = ends.map(|((first, _), (last, _))| (first.made_at(), last.made_at()));
            (shard.room.max(self.chunk), ends.filter(|_| shard.room > 0))
        };
        let other = self.oldest().filter(|oldest| !std::ptr::eq(*oldest, part));
        let taken = other.map_or(0, |other| {
            let mut shard = lock(other);
            let is_near = |((first, last), (oldest, _)): ((Timestamp, Timestamp), &(JobId, usize))| {
                last.since(oldest.made_at()) <= last.since(first) * 2
            };
            if own.zip(shard.over.front()).is_some_and(is_near) {
                return 0;
            }
            let taken = wanted.min(shard.room);
            shard.room -= taken;
            while shard.over.len() > shard.room {
                gone.push(self.forget(&mut shard));
            }
            taken
        });
        let mut shard = lock(part);
        shard.room += taken;
        while shard.over.len() > shard.room {
            gone.push(self.forget(&mut shard));
        }
        drop(shard);
    }

    /// Forgets the oldest jobs until there are no more records than there may be.
    fn forget_records(&self) {
        while self.records.load(Relaxed) > self.most_records
            && let Some(oldest) = self.oldest()
        {
            let gone = self.forget(&mut lock(oldest));
            drop(gone);
        }
    }

    /// The part that remembers the oldest of the jobs that are over.
    fn oldest(&self) -> Option<&Mutex<Shard>> {
        let fronts = self.shards.iter().filter_map(|shard| Some((lock(shard).over.front()?.0, &**shard)));
        fronts.min_by_key(|(id, _)| *id).map(|(_, shard)| shard)
    }

    /// Forgets the oldest job of a part; its room stays.
    fn forget(&self, shard: &mut Shard) -> Option<Arc<Job>> {
        let (id, records) = shard.over.pop_front()?;
        if records > 0 {
            self.records.fetch_sub(records, Relaxed);
        }
        shard.remove(id).map(|job| job.0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::JobWork;
    use crate::job_id::JobIds;
    use crate::program::Place;
    use crate::value::Value;

    fn put(index: &Index, ids: &JobIds, at: u64, records: usize) -> JobId {
        let id = ids.make(Timestamp::from_micros(at * 1000));
        let work = JobWork::Call(Place::Agent(0), Value::of(()));
        index.add(Arc::new(Job::new(id, work, None, false)));
        index.over(id, records);
        id
    }

    #[test]
    fn the_last_are_remembered() {
        for keep in [0, 1, 5, 16, 100, 1000] {
            for ids in [JobIds::new(), JobIds::of_maker(7)] {
                let index = Index::new(keep);
                let made: Vec<JobId> = (0..3000).map(|at| put(&index, &ids, at, 3)).collect();
                let known: Vec<JobId> = index.all().iter().map(|job| job.id).collect();
                assert_eq!(known.len(), keep);
                // Parts forget by themselves: of a few parts' worth, another may be forgotten first.
                let oldest =
                    known.first().map_or(3000, |id| made.iter().position(|made| made == id).unwrap());
                assert!(oldest + keep * 2 + 16 >= 3000, "keep {keep}: the {oldest}th is still there");
            }
        }
    }

    #[test]
    fn a_thread_that_takes_over_is_remembered_instead() {
        let (index, ids) = (Index::new(1000), JobIds::new());
        (0..5000).for_each(|at| {
            put(&index, &ids, at, 3);
        });
        let theirs: Vec<JobId> = std::thread::scope(|scope| {
            let other = scope.spawn(|| (5000..20_000).map(|at| put(&index, &ids, at, 3)).collect());
            other.join().unwrap()
        });
        assert_eq!(index.all().len(), 1000);
        let remembered = index.all().iter().filter(|job| theirs.contains(&job.id)).count();
        assert!(remembered >= 900, "{remembered} of the last 1000");
    }

    #[test]
    fn jobs_of_many_records_are_fewer() {
        let (index, ids) = (Index::new(100), JobIds::new());
        (0..100).for_each(|at| {
            put(&index, &ids, at, 1000);
        });
        assert_eq!(index.all().len(), 10);
        assert!(index.all().iter().all(|job| job.id.made_at() >= Timestamp::from_micros(90_000)));
    }

    #[test]
    fn threads_that_end_jobs_together_forget_all_but_the_last() {
        let (index, ids) = (Index::new(100), JobIds::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..5000).for_each(|at| {
                        put(&index, &ids, at, if at % 7 == 0 { 500 } else { 3 });
                    })
                });
            }
        });
        assert!(index.all().len() <= 100, "{}", index.all().len());
        assert!(index.records.load(Relaxed) <= 100 * RECORDS);
    }
}
