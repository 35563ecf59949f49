//! Keys that one job ever takes, keys that one job at a time has, and pauses of queues: what a runtime remembers across
//! restarts.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{
    Claimed, Entry, Expiry, Filter, Head, Kept, MemoryStore, Most, Note, SqliteStore, Store, StoreError,
    Term, Verdict,
};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Conflict, FailureKind, Registry, RuntimeBuilder, SubmitError};
use workflow_tests::folder::Folder;

/// How often something ran.
#[derive(Clone, Default)]
pub struct Runs(Arc<AtomicU32>);

#[task_agent]
async fn charge(runs: State<Runs>, cents: u32) -> u32 {
    runs.0.0.fetch_add(1, Ordering::SeqCst);
    cents
}

#[task_agent]
async fn wait(ctx: &TaskContext, runs: State<Runs>, n: u32) -> u32 {
    runs.0.0.fetch_add(1, Ordering::SeqCst);
    ctx.sleep(Duration::from_secs(3600)).await;
    n
}

fn builder(runs: &Runs) -> RuntimeBuilder {
    let registry = Registry::builder().agent::<charge>().agent::<wait>().build().expect("they are right");
    Runtime::builder().registry(registry).state(runs.clone())
}

fn on(store: &Option<Arc<dyn Store>>, runs: &Runs) -> TestRuntime {
    match store {
        Some(store) => TestRuntime::on(builder(runs), 0, Arc::clone(store)),
        None => TestRuntime::of(builder(runs)),
    }
}

/// Memory without a store, a store in memory, a file.
fn stores(folder: &Folder) -> Vec<Option<Arc<dyn Store>>> {
    let file = SqliteStore::open(folder.file("jobs.db")).expect("the file can be made");
    vec![None, Some(Arc::new(MemoryStore::new())), Some(Arc::new(file))]
}

#[tokio::test]
async fn who_asks_again_gets_the_first() {
    let folder = Folder::new("once");
    for store in stores(&folder) {
        let runs = Runs::default();
        let runtime = on(&store, &runs);
        let first = runtime.submit(charge::with(5)).once("order-1").await.unwrap();
        let second = runtime.submit(charge::with(7)).once("order-1").await.unwrap();
        assert_eq!(first.id(), second.id());
        assert_eq!(second.await.unwrap(), 5);
        // It is over, and so it is after a restart.
        let id = first.id();
        let runtime = runtime.restart();
        let third = runtime.submit(charge::with(9)).once("order-1").await.unwrap();
        assert_eq!((third.id(), third.await.unwrap()), (id, 5));
        assert_eq!(runs.0.load(Ordering::SeqCst), 1);
        let refused = runtime.submit(charge::with(9)).once("order-1").on_conflict(Conflict::Reject).await;
        let expected =
            SubmitError::Duplicate { name: "charge".to_owned(), key: "order-1".to_owned(), job: id };
        assert_eq!(refused.unwrap_err(), expected);
        let refused = runtime.submit(charge::with(9)).once("order-1").on_conflict(Conflict::Replace).await;
        assert_eq!(refused.unwrap_err(), expected);
        // What else is run has keys of its own.
        let other = runtime.submit_json("wait", json!(1)).once("order-1").await.unwrap();
        assert_ne!(other.id(), id);
    }
}

#[tokio::test]
async fn who_is_forgotten_is_named() {
    let folder = Folder::new("forgotten");
    for store in stores(&folder) {
        let runs = Runs::default();
        let builder = builder(&runs).keep(0);
        let runtime = match &store {
            Some(store) => TestRuntime::on(builder, 0, Arc::clone(store)),
            None => TestRuntime::of(builder),
        };
        let job = runtime.submit(charge::with(5)).once("order").await.unwrap();
        let id = job.id();
        job.await.unwrap();
        runtime.advance(Duration::from_secs(10));
        runtime.prune(Duration::from_secs(1)).await.unwrap();
        let gone = runtime.submit(charge::with(5)).once("order").await.unwrap_err();
        assert!(matches!(gone, SubmitError::Forgotten { job, .. } if job == id), "{gone}");
        assert!(gone.to_string().contains(&id.to_string()), "{gone}");
        assert_eq!(runs.0.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn wherever_the_process_ends_it_runs_as_one_job() {
    for records in 0..5 {
        let (runs, store) = (Runs::default(), Arc::new(MemoryStore::new()));
        let runtime = TestRuntime::on(builder(&runs), 0, store.clone());
        runtime.crash_after(records);
        {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let submit = std::future::IntoFuture::into_future(runtime.submit(charge::with(5)).once("order"));
            let mut submit = std::pin::pin!(submit);
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _ = submit.as_mut().poll(&mut context);
            }));
        }
        let runtime = runtime.restart();
        let job = runtime.submit(charge::with(5)).once("order").await.unwrap();
        assert_eq!(job.await.unwrap(), 5, "after {records} records");
        assert_eq!(store.list(&Filter::default()).unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_taken() {
    let folder = Folder::new("many");
    for store in stores(&folder) {
        let runs = Runs::default();
        let runtime = match store {
            Some(store) => builder(&runs).on(store).await.unwrap(),
            None => builder(&runs).in_memory().await.unwrap(),
        };
        let asks = (0..32).map(|n| {
            let runtime = runtime.clone();
            tokio::spawn(async move {
                let job = runtime.submit(charge::with(n)).once("order").await.unwrap();
                let id = job.id();
                job.await.unwrap();
                id
            })
        });
        let mut ids = Vec::new();
        for ask in asks.collect::<Vec<_>>() {
            ids.push(ask.await.unwrap());
        }
        ids.dedup();
        assert_eq!((ids.len(), runs.0.load(Ordering::SeqCst)), (1, 1));
        runtime.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn a_unique_key_is_held_and_handed_on_across_a_restart() {
    let folder = Folder::new("unique");
    for store in stores(&folder) {
        let runs = Runs::default();
        let runtime = on(&store, &runs);
        let first = runtime.submit(wait::with(1)).unique("key").await.unwrap().id();
        runtime.run_until_idle();
        let runtime = runtime.restart();
        let same = runtime.submit(wait::with(2)).unique("key").on_conflict(Conflict::UseExisting).await;
        assert_eq!(same.unwrap().id(), first);
        let refused = runtime.submit(wait::with(2)).unique("key").await.unwrap_err();
        assert!(matches!(refused, SubmitError::Duplicate { job, .. } if job == first), "{refused}");
        let next = runtime.submit(wait::with(2)).unique("key").on_conflict(Conflict::Replace).await.unwrap();
        let failure = runtime.job(first).unwrap().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Cancelled);
        assert_eq!(next.await.unwrap(), 2);
    }
}

/// A store that gives no job away before it is told to.
#[derive(Debug, Default)]
struct Slow {
    inner: MemoryStore,
    open: Mutex<bool>,
    opened: Condvar,
    asked: AtomicBool,
    claims: AtomicBool,
}

impl Slow {
    fn open(&self) {
        *self.open.lock().expect("it works") = true;
        self.opened.notify_all();
    }
}

impl Store for Slow {
    fn describe(&self) -> String {
        "a slow store".to_owned()
    }
    fn begin(&self, node: &str) -> Result<Term, StoreError> {
        self.inner.begin(node)
    }
    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        self.inner.write(entries)
    }
    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        self.claims.store(true, Ordering::SeqCst);
        let mut open = self.open.lock().expect("it works");
        while !*open {
            open = self.opened.wait(open).expect("it works");
        }
        self.inner.claim(term, most)
    }
    fn read(&self, job: workflow_runtime::JobId) -> Result<Option<Kept>, StoreError> {
        self.asked.store(true, Ordering::SeqCst);
        self.inner.read(job)
    }
    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        self.inner.list(filter)
    }
    fn taker(&self, once: &str) -> Result<Option<workflow_runtime::JobId>, StoreError> {
        self.inner.taker(once)
    }
    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        self.inner.notes(topic)
    }
    fn expired(&self, rule: &Expiry) -> Result<Vec<workflow_runtime::JobId>, StoreError> {
        self.inner.expired(rule)
    }
    fn forget(&self, jobs: &[workflow_runtime::JobId]) -> Result<Vec<workflow_runtime::JobId>, StoreError> {
        self.inner.forget(jobs)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_before_the_job_has_been_read_waits_for_it() {
    for once in [true, false] {
        let (runs, store) = (Runs::default(), Arc::new(Slow::default()));
        let first = {
            let runtime = TestRuntime::on(builder(&runs), 0, Arc::new(store.inner.clone()));
            let submission = runtime.submit(wait::with(1));
            let submission = if once { submission.once("key") } else { submission.unique("key") };
            let id = submission.await.unwrap().id();
            runtime.run_until_idle();
            id
        };
        let runtime = builder(&runs).on(store.clone()).await.unwrap();
        let ask = {
            let runtime = runtime.clone();
            tokio::spawn(async move {
                let submission = runtime.submit(wait::with(1)).on_conflict(Conflict::UseExisting);
                if once { submission.once("key").await } else { submission.unique("key").await }
            })
        };
        if once {
            while !store.asked.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
        }
        store.open();
        assert_eq!(ask.await.unwrap().unwrap().id(), first);
        assert_eq!(store.list(&Filter::default()).unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_free_when_its_runtime_has_shut_down() {
    let (runs, store) = (Runs::default(), Arc::new(Slow::default()));
    let runtime = builder(&runs).on(store.clone()).await.unwrap();
    let reader = runtime.clone();
    while !store.claims.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    // That takes a while yet, as it does on a busy machine.
    let slow = store.clone();
    let slowness = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        slow.open();
    });
    runtime.shutdown(Duration::ZERO).await;
    assert!(*store.open.lock().unwrap(), "somebody uses the store yet");
    slowness.join().unwrap();
    assert_eq!(Arc::strong_count(&store), 1, "somebody has the store yet");
    assert!(reader.schedules().list().await.unwrap_err().to_string().contains("was shut down"));
}

#[tokio::test]
async fn a_paused_queue_is_paused_after_a_restart() {
    let folder = Folder::new("paused");
    for store in stores(&folder).into_iter().flatten() {
        let (runs, store) = (Runs::default(), Some(store));
        let runtime = on(&store, &runs);
        runtime.pause_queue("default").await.unwrap();
        runtime.pause_queue("other").await.unwrap();
        runtime.resume_queue("other").await.unwrap();
        let id = runtime.submit(charge::with(1)).await.unwrap().id();
        runtime.advance(Duration::from_secs(10));
        let runtime = runtime.restart();
        runtime.advance(Duration::from_secs(10));
        assert_eq!(runs.0.load(Ordering::SeqCst), 0);
        let paused: Vec<_> = runtime.queues().into_iter().filter(|queue| queue.paused).collect();
        assert_eq!(paused.iter().map(|queue| &*queue.name).collect::<Vec<_>>(), ["default"]);
        runtime.resume_queue("default").await.unwrap();
        assert_eq!(runtime.job(id).unwrap().await.unwrap(), json!(1));
        let runtime = runtime.restart();
        assert!(runtime.queues().iter().all(|queue| !queue.paused));
    }
}
