//! Jobs on a store: nothing is seen before it is written, nothing written is done again, and a store that fails holds
//! work up and loses none.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{
    Claimed, Entry, Expiry, Filter, Head, Kept, MemoryStore, Most, Note, Store, StoreError, StoreErrorKind,
    Term, Verdict,
};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    Conflict, FailureKind, JobFilter, JobId, JobState, Registry, RegistryBuilder, RunError, RuntimeBuilder,
    SubmitError,
};
use workflow_tests::log::Log;

/// A store that can be told to fail, or to write and lose the answer.
#[derive(Debug, Default)]
struct Moody {
    inner: MemoryStore,
    fails: AtomicBool,
    /// So many writes are done, and their answers lost.
    loses: AtomicUsize,
}

impl Moody {
    fn set(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }
}

impl Store for Moody {
    fn describe(&self) -> String {
        "a moody store".to_owned()
    }

    fn begin(&self, node: &str) -> Result<Term, StoreError> {
        self.inner.begin(node)
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "the disk is full"));
        }
        let verdicts = self.inner.write(entries);
        if self.loses.load(Ordering::SeqCst) > 0 {
            self.loses.fetch_sub(1, Ordering::SeqCst);
            return Err(StoreError::new(StoreErrorKind::Unavailable, "the connection is gone"));
        }
        verdicts
    }

    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        self.inner.claim(term, most)
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        self.inner.read(job)
    }

    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        self.inner.list(filter)
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        self.inner.taker(once)
    }

    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        self.inner.notes(topic)
    }

    fn expired(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        self.inner.expired(rule)
    }

    fn forget(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        self.inner.forget(jobs)
    }
}

#[task_agent]
async fn get(ctx: &TaskContext, log: State<Log>, n: i64) -> i64 {
    log.add(format!("get {n} {}", ctx.attempt()));
    n + 1
}

#[task_agent]
async fn double(log: State<Log>, n: i64) -> i64 {
    log.add(format!("double {n}"));
    n * 2
}

#[task_agent]
async fn nap(ctx: &TaskContext, log: State<Log>, n: i64) -> i64 {
    log.add(format!("nap {} {}", ctx.idempotency_key(), ctx.attempt()));
    ctx.sleep(Duration::from_secs(60)).await;
    log.add("woke");
    n
}

#[task_agent]
async fn odd(n: i64) -> HashMap<(i64, i64), i64> {
    HashMap::from([((n, n), n)])
}

#[task_agent]
async fn saver(ctx: &TaskContext, log: State<Log>, n: i64) -> Result<i64, AgentError> {
    let done: i64 = ctx.restored()?.unwrap_or(0);
    log.add(format!("from {done}"));
    for step in done..n {
        ctx.sleep(Duration::from_secs(10)).await;
        ctx.checkpoint(&(step + 1)).await?;
    }
    Ok(n)
}

workflow! {
    /// One step and another.
    pub workflow Pair(n: i64) -> i64 {
        phase first { got = get(n); }
        phase second { twice = double(got); }
        *twice
    }
}

workflow! {
    /// A workflow in a workflow.
    pub workflow Outer(n: i64) -> i64 {
        phase first { inner = Pair(n); }
        phase second { slept = nap(inner); }
        *slept
    }
}

workflow! {
    /// Waits for a word and for a while.
    pub workflow Patient() -> String {
        phase first {
            word = signal::<String>("word");
            sleep("1h");
        }
        phase second { n = get(1); }
        format!("{word} {n}")
    }
}

fn agents() -> RegistryBuilder {
    let builder = Registry::builder().agent::<get>().agent::<double>().agent::<nap>().agent::<odd>();
    builder.agent::<saver>()
}

fn builder(log: &Log) -> RuntimeBuilder {
    let registry = agents()
        .workflow::<Pair>()
        .workflow::<Outer>()
        .workflow::<Patient>()
        .build()
        .expect("they are right");
    Runtime::builder().registry(registry).state(log.clone())
}

fn runtime(store: &Arc<Moody>) -> (TestRuntime, Log) {
    let log = Log::default();
    (TestRuntime::on(builder(&log), 0, Arc::clone(store) as Arc<dyn Store>), log)
}

#[tokio::test]
async fn a_step_costs_one_entry() {
    let store = Arc::new(Moody::default());
    let (runtime, _) = runtime(&store);
    let job = runtime.submit(Pair { n: 1 }).await.unwrap();
    assert_eq!(job.outcome().await.unwrap(), 4);
    let kept = store.read(job.id()).unwrap().unwrap();
    let facts: Vec<String> = kept
        .lines
        .iter()
        .map(|lines| {
            let lines: Vec<serde_json::Value> = serde_json::from_str(&lines.json).unwrap();
            let words = lines.iter().map(|line| match line["step"].as_str() {
                Some(step) => format!("{} {step}", line["fact"].as_str().unwrap()),
                None => line["fact"].as_str().unwrap().to_owned(),
            });
            words.collect::<Vec<_>>().join(", ")
        })
        .collect();
    assert_eq!(
        facts,
        ["submitted, begun, started got", "succeeded got, started twice", "succeeded twice, job_succeeded"]
    );
    assert_eq!(kept.head.state, JobState::Succeeded);
    assert!(kept.head.ended.is_some());
}

#[tokio::test]
async fn nothing_is_seen_or_done_before_it_is_written() {
    let store = Arc::new(Moody::default());
    let (runtime, log) = runtime(&store);
    let job = runtime.submit(nap::with(7)).await.unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take().len(), 1);

    store.set(true);
    runtime.advance(Duration::from_secs(61));
    assert_eq!(log.take(), ["woke"]);
    assert!(job.result().is_none(), "the result is not written");
    assert!(!job.journal().iter().any(|record| format!("{:?}", record.fact).starts_with("JobSucceeded")));

    store.set(false);
    assert_eq!(job.outcome().await.unwrap(), 7);
}

#[tokio::test]
async fn no_dependent_starts_before_the_outcome_it_needs_is_written() {
    let store = Arc::new(Moody::default());
    let (runtime, log) = runtime(&store);
    let job = runtime.submit(Outer { n: 1 }).await.unwrap();
    store.set(true);
    runtime.advance(Duration::from_secs(100));
    assert_eq!(log.take(), [""; 0], "the child job is not written, so nothing of it runs");
    store.set(false);
    assert_eq!(job.outcome().await.unwrap(), 4);
}

#[tokio::test]
async fn a_submit_is_told_why_after_a_while_and_the_job_is_nowhere() {
    let store = Arc::new(Moody::default());
    let (runtime, log) = runtime(&store);
    let going = runtime.submit(nap::with(1)).await.unwrap();
    store.set(true);
    let refused = runtime.submit(Pair { n: 1 }).await.unwrap_err();
    assert!(
        matches!(&refused, SubmitError::Store(error) if error.to_string() == "the disk is full"),
        "{refused}"
    );
    let refused = runtime.run(Pair { n: 1 }).await.unwrap_err();
    assert!(matches!(&refused, RunError::NotSubmitted(SubmitError::Store(_))), "{refused}");
    store.set(false);
    // The place that it held is free, and what was there before goes on.
    assert_eq!(going.outcome().await.unwrap(), 1);
    runtime.run_until_idle();
    assert!(!log.take().iter().any(|line| line.starts_with("get")));
    assert_eq!(store.list(&Filter::default()).unwrap().len(), 1);
    assert_eq!(runtime.run(Pair { n: 1 }).await.unwrap(), 4);
}

#[tokio::test]
async fn a_lost_answer_is_not_written_twice() {
    let store = Arc::new(Moody::default());
    let (runtime, log) = runtime(&store);
    // Of the job as it was accepted, too, and twice of the same.
    store.loses.store(4, Ordering::SeqCst);
    let job = runtime.submit(Pair { n: 1 }).await.unwrap();
    store.loses.fetch_add(2, Ordering::SeqCst);
    assert_eq!(job.outcome().await.unwrap(), 4);
    assert_eq!(store.loses.load(Ordering::SeqCst), 0);
    assert_eq!(log.take(), ["get 1 1", "double 2"]);
    let records = store.read(job.id()).unwrap().unwrap().records().unwrap();
    assert_eq!(records.len(), job.journal().len());
}

#[tokio::test]
async fn what_was_written_is_not_done_again() {
    for records in 0..20 {
        let store = Arc::new(Moody::default());
        let (first, log) = runtime(&store);
        let job = first.submit(Outer { n: 1 }).await.unwrap().id();
        first.crash_after(records);
        first.advance(Duration::from_secs(30));
        let next = first.restart();
        let again = match next.fetch(job).await.unwrap() {
            Some(again) => again,
            None => panic!("after {records} records: it is lost"),
        };
        assert_eq!(again.outcome().await.unwrap(), json!(4), "after {records} records");
        let done = log.take();
        assert!(done.iter().filter(|line| line.starts_with("get")).count() <= 2, "{done:?}");
        let keys: Vec<&str> =
            done.iter().filter_map(|line| line.strip_prefix("nap ")?.split(' ').next()).collect();
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "the key stays the same: {keys:?}");
        next.check_journals().unwrap();
    }
}

#[tokio::test]
async fn timers_and_events_survive() {
    let store = Arc::new(Moody::default());
    let (first, _) = runtime(&store);
    let job = first.submit(Patient {}).await.unwrap();
    job.signal("word", "hello").await.unwrap();
    first.advance(Duration::from_secs(1800));
    first.crash_after(0);
    let next = first.restart();
    let job = next.job(job.id()).unwrap();
    let begun = next.now();
    assert_eq!(job.outcome().await.unwrap(), json!("hello 2"));
    let took = next.now().since(begun);
    assert!(took >= Duration::from_secs(1790) && took <= Duration::from_secs(1810), "{took:?}");
}

#[tokio::test]
async fn a_checkpoint_is_there_for_the_attempt_that_follows() {
    let store = Arc::new(Moody::default());
    let (first, log) = runtime(&store);
    let job = first.submit(saver::with(5)).await.unwrap().id();
    first.advance(Duration::from_secs(35));
    first.crash_after(0);
    let next = first.restart();
    assert_eq!(next.job(job).unwrap().outcome().await.unwrap(), json!(5));
    assert_eq!(log.take(), ["from 0", "from 3"]);
}

#[tokio::test]
async fn what_kills_its_process_fails_in_the_end() {
    let store = Arc::new(Moody::default());
    let (mut runtime, log) = runtime(&store);
    let job = runtime.submit(nap::with(1)).await.unwrap().id();
    for _ in 0..5 {
        runtime.advance(Duration::from_secs(10));
        runtime.crash_after(0);
        runtime = runtime.restart();
    }
    let failure = runtime.job(job).unwrap().outcome().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Deadly);
    assert!(failure.message.contains("killed 5 times"), "{failure}");
    assert_eq!(log.take().len(), 5);
    let dead = runtime.history(JobFilter::new().state(JobState::Failed)).await.unwrap();
    assert_eq!(dead.iter().map(|head| head.id).collect::<Vec<_>>(), [job]);
}

#[tokio::test]
async fn a_value_that_is_no_json_fails_its_step() {
    let store = Arc::new(Moody::default());
    let (runtime, _) = runtime(&store);
    let failure = runtime.run(odd::with(1)).await.unwrap_err();
    assert!(failure.to_string().contains("cannot be written as JSON"), "{failure}");
    assert_eq!(runtime.run(Pair { n: 1 }).await.unwrap(), 4);
}

#[tokio::test]
async fn a_unique_key_holds_across_restarts() {
    let store = Arc::new(Moody::default());
    let (first, _) = runtime(&store);
    let job = first.submit(nap::with(1)).unique("one").await.unwrap().id();
    first.run_until_idle();
    first.crash_after(0);
    let next = first.restart();
    let refused = next.submit(nap::with(1)).unique("one").await.unwrap_err();
    assert!(matches!(refused, SubmitError::Duplicate { job: known, .. } if known == job), "{refused}");
    let same = next.submit(nap::with(1)).unique("one").on_conflict(Conflict::UseExisting).await.unwrap();
    assert_eq!(same.id(), job);
    same.outcome().await.unwrap();
    assert!(next.submit(nap::with(1)).unique("one").await.is_ok());
}

#[tokio::test]
async fn a_job_takes_the_place_of_another_of_its_key() {
    let store = Arc::new(Moody::default());
    let (runtime, log) = runtime(&store);
    let old = runtime.submit(nap::with(1)).unique("one").await.unwrap();
    runtime.run_until_idle();
    let new = runtime.submit(nap::with(2)).unique("one").on_conflict(Conflict::Replace).await.unwrap();
    assert!(old.outcome().await.unwrap_err().is_cancelled());
    let refused = runtime.submit(nap::with(3)).unique("one").await.unwrap_err();
    assert!(matches!(refused, SubmitError::Duplicate { job, .. } if job == new.id()), "{refused}");
    assert_eq!(new.outcome().await.unwrap(), 2);
    assert_eq!(log.take().iter().filter(|line| line.starts_with("nap")).count(), 2);
}

#[tokio::test]
async fn who_was_superseded_writes_nothing_more() {
    let store = Arc::new(Moody::default());
    let (first, log) = runtime(&store);
    let job = first.submit(nap::with(1)).await.unwrap();
    first.run_until_idle();
    let (second, _) = runtime(&store);
    // The first wakes and wants to write that it is done.
    first.advance(Duration::from_secs(100));
    let failure = job.result().unwrap().unwrap_err();
    assert!(failure.message.contains("another process has taken it over"), "{failure}");
    assert_eq!(log.take().len(), 2);
    assert_eq!(second.job(job.id()).unwrap().outcome().await.unwrap(), json!(1));
    let refused = first.submit(Pair { n: 1 }).await.unwrap_err();
    assert!(refused.to_string().contains("another process"), "{refused}");
}

/// The same names, other steps.
mod later {
    use super::{double, get};
    use workflow_runtime::prelude::*;

    workflow! {
        /// A step more, before those that were there.
        pub workflow Outer(n: i64) -> i64 {
            phase first { before = get(n); inner = super::Pair(before); }
            phase second { slept = super::nap(inner); }
            *slept
        }
    }

    workflow! {
        /// A step more, after those that were there.
        pub workflow Patient() -> String {
            phase first {
                word = signal::<String>("word");
                sleep("1h");
            }
            phase second { n = get(1); }
            phase third { m = double(n); }
            format!("{word} {m}")
        }
    }
}

#[tokio::test]
async fn jobs_of_another_binary_go_on_or_are_parked() {
    let store = Arc::new(Moody::default());
    let (first, log) = runtime(&store);
    let outer = first.submit(Outer { n: 1 }).await.unwrap().id();
    let patient = first.submit(Patient {}).await.unwrap().id();
    first.advance(Duration::from_secs(10));
    first.crash_after(0);
    first.run_until_idle();

    let other = agents().workflow::<Pair>().workflow::<later::Outer>().workflow::<later::Patient>();
    let other = Runtime::builder().registry(other.build().unwrap()).state(log.clone());
    let next = TestRuntime::on(other, 0, Arc::clone(&store) as Arc<dyn Store>);
    next.run_until_idle();
    let parked = next.parked();
    assert_eq!(parked.iter().map(|job| job.head.id).collect::<Vec<_>>(), [outer]);
    assert!(
        parked[0].reason.starts_with("step `inner`: it is called with `before` where it was with `n`"),
        "{}",
        parked[0].reason
    );
    // What was added later is no hindrance.
    next.job(patient).unwrap().signal("word", "hello").await.unwrap();
    assert_eq!(next.job(patient).unwrap().outcome().await.unwrap(), json!("hello 4"));

    // A parked job can be run again, and cancelled.
    let again = next.rerun(outer).await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(6));
    assert!(next.cancel(outer, "it is run again").await);
    assert_eq!(next.parked().len(), 0);
    let kept = store.read(outer).unwrap().unwrap();
    assert_eq!(kept.head.state, JobState::Cancelled);

    // The old binary can still read what it was.
    let (old, _) = runtime(&store);
    let journal = old.fetch(outer).await.unwrap().unwrap();
    assert!(journal.result().unwrap().unwrap_err().is_cancelled());
}

#[tokio::test]
async fn old_jobs_are_forgotten() {
    let store = Arc::new(Moody::default());
    let (runtime, _) = runtime(&store);
    let mut jobs = Vec::new();
    for n in 0..500 {
        let job = runtime.submit(Pair { n }).await.unwrap();
        job.outcome().await.unwrap();
        jobs.push(job.id());
    }
    runtime.advance(Duration::from_secs(3600));
    let young = runtime.submit(Pair { n: 1 }).await.unwrap();
    young.outcome().await.unwrap();
    let waiting = runtime.submit(Patient {}).await.unwrap();
    runtime.run_until_idle();

    assert_eq!(runtime.prune(Duration::from_secs(1800)).await.unwrap(), 500);
    assert!(runtime.fetch(jobs[0]).await.unwrap().is_none());
    let left: Vec<JobId> =
        runtime.history(JobFilter::new()).await.unwrap().iter().map(|head| head.id).collect();
    assert_eq!(left, [young.id(), waiting.id()]);
    assert_eq!(runtime.prune(Duration::from_secs(1800)).await.unwrap(), 0);
}

#[tokio::test]
async fn results_are_kept_and_fetched_later() {
    let store = Arc::new(Moody::default());
    let (first, _) = runtime(&store);
    let job = first.submit(Outer { n: 1 }).await.unwrap();
    job.outcome().await.unwrap();
    let next = first.restart();
    assert!(next.job(job.id()).is_none(), "what is over is not read before somebody asks");
    let fetched = next.fetch(job.id()).await.unwrap().unwrap();
    assert_eq!(fetched.result().unwrap().unwrap(), json!(4));
    assert_eq!(fetched.tasks().len(), 2);
    assert_eq!(fetched.journal().len(), job.journal().len());
    let children = next.history(JobFilter::new().parent(job.id())).await.unwrap();
    assert_eq!(children.len(), 1);
}
