//! Several nodes on one store: who holds a job, who takes it over, and who hears what became of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{
    Claimed, Entry, Epoch, Kept, MemoryStore, Most, Store, StoreError, StoreErrorKind, Term, Verdict,
};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{FailureKind, JobId, JobState, Registry};
use workflow_tests::around::{Around, Other};
use workflow_tests::log::Log;

const LEASE: Duration = Duration::from_secs(15);

/// The terms of the nodes `one` and `two`, in the order in which they begin.
const ONE: Term = Term(1);
const TWO: Term = Term(2);

#[task_agent]
async fn nap(ctx: &TaskContext, log: State<Log>, n: i64) -> i64 {
    log.add(format!("nap {} {}", ctx.idempotency_key(), ctx.attempt()));
    ctx.sleep(Duration::from_secs(60)).await;
    log.add("woke");
    n
}

#[task_agent]
async fn double(log: State<Log>, n: i64) -> i64 {
    log.add(format!("double {n}"));
    n * 2
}

workflow! {
    /// A step that takes a while, and another.
    pub workflow Slow(n: i64) -> i64 {
        phase first { slept = nap(n); }
        phase second { twice = double(slept); }
        *twice
    }
}

workflow! {
    /// A workflow in a workflow.
    pub workflow Outer(n: i64) -> i64 {
        phase first { inner = Slow(n); }
        phase second { twice = double(inner); }
        *twice
    }
}

workflow! {
    /// Waits for a word.
    pub workflow Patient() -> String {
        phase first { word = signal::<String>("word"); }
        word.clone()
    }
}

workflow! {
    /// Waits for two words, one after the other.
    pub workflow Twice() -> String {
        phase first { one = signal::<String>("word"); }
        phase second { two = signal::<String>("word"); }
        format!("{one} {two}")
    }
}

fn node(name: &str, store: &Arc<dyn Store>, log: &Log) -> TestRuntime {
    let registry = Registry::builder()
        .agent::<nap>()
        .agent::<double>()
        .workflow::<Slow>()
        .workflow::<Outer>()
        .workflow::<Patient>()
        .workflow::<Twice>()
        .build()
        .expect("they are right");
    let builder = Runtime::builder().registry(registry).state(log.clone()).node(name);
    TestRuntime::on(builder, 0, Arc::clone(store))
}

fn shared() -> Arc<dyn Store> {
    Arc::new(MemoryStore::shared(LEASE))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn what_a_dead_node_held_another_takes_over() {
    let (store, log) = (shared(), Log::default());
    let (one, two) = (node("one", &store, &log), node("two", &store, &log));
    let job = one.submit(Slow { n: 1 }).await.unwrap().id();
    one.run_until_idle();
    two.advance(seconds(100));
    assert_eq!(log.take().len(), 1, "as long as the one lives, the other does nothing of it");
    assert!(two.job(job).is_none());

    one.crash_after(0);
    store.end(ONE).unwrap();
    two.advance(seconds(100));
    assert_eq!(two.job(job).unwrap().outcome().await.unwrap(), json!(2));
    let done = log.take();
    assert_eq!(done[1..], ["woke", "double 1"], "{done:?}");
    assert!(done[0].ends_with(" 2"), "it is the second attempt: {done:?}");
}

#[tokio::test]
async fn who_was_silent_too_long_writes_nothing_and_hears_how_his_jobs_end() {
    let (store, log) = (shared(), Log::default());
    let (one, two) = (node("one", &store, &log), node("two", &store, &log));
    let job = one.submit(Slow { n: 1 }).await.unwrap();
    let told = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&told);
    job.on_complete(move |result| *tell.lock().unwrap() = Some(format!("{result:?}")));
    one.run_until_idle();
    // Nobody hears of it for a while.
    store.end(ONE).unwrap();
    two.advance(seconds(10));
    assert_eq!(two.job(job.id()).unwrap().state(), JobState::Running);
    log.take();

    // Its own attempt comes to its end, and nobody wants to hear of it.
    one.advance(seconds(61));
    assert!(job.result().is_none(), "nothing follows from what it has done");
    assert!(!log.take().contains(&"double 1".to_owned()));
    assert!(!job.state().is_over());

    two.advance(seconds(100));
    assert_eq!(log.take(), ["woke", "double 1"]);
    one.advance(seconds(5));
    assert_eq!(job.outcome().await.unwrap(), 2);
    assert_eq!(job.state(), JobState::Succeeded);
    assert!(told.lock().unwrap().as_ref().is_some_and(|told| told.contains("Ok(")), "{told:?}");
    // It has begun anew, and works like any other.
    assert_eq!(one.run(Slow { n: 2 }).await.unwrap(), 4);
}

#[tokio::test]
async fn what_nobody_took_over_meanwhile_its_node_goes_on_with() {
    let (store, log) = (shared(), Log::default());
    let one = node("one", &store, &log);
    let job = one.submit(Outer { n: 1 }).await.unwrap();
    one.run_until_idle();
    store.end(ONE).unwrap();
    one.advance(seconds(200));
    assert_eq!(job.outcome().await.unwrap(), 4);
    let done = log.take();
    assert_eq!(done.iter().filter(|line| *line == "double 1").count(), 1, "{done:?}");
    assert_eq!(store.list(&Default::default()).unwrap().len(), 2, "no other child was called");
}

#[tokio::test]
async fn a_job_that_another_node_runs_can_be_waited_for() {
    let (store, log) = (shared(), Log::default());
    let (one, two) = (node("one", &store, &log), node("two", &store, &log));
    let id = one.submit(Slow { n: 3 }).await.unwrap().id();
    one.run_until_idle();
    let job = two.fetch(id).await.unwrap().unwrap();
    assert_eq!(job.state(), JobState::Running);
    assert_eq!(job.journal().len(), 3, "what has happened so far is there");
    two.advance(seconds(30));
    assert!(job.result().is_none());
    one.advance(seconds(100));
    two.advance(seconds(5));
    assert_eq!(job.outcome().await.unwrap(), json!(6));
}

#[tokio::test]
async fn who_shuts_down_leaves_his_jobs_to_others_at_once() {
    let (store, log) = (shared(), Log::default());
    let (one, two) = (node("one", &store, &log), node("two", &store, &log));
    let job = one.submit(Slow { n: 1 }).await.unwrap().id();
    one.run_until_idle();
    assert_eq!(one.shutdown(Duration::ZERO).await, 1);
    two.advance(LEASE / 5);
    assert_eq!(two.job(job).unwrap().state(), JobState::Running);
    two.advance(seconds(61));
    assert_eq!(two.job(job).unwrap().outcome().await.unwrap(), json!(2));
}

/// Does something at a node while others go on.
async fn meanwhile<T>(asked: impl Future<Output = T>, others: &[&TestRuntime]) -> T {
    let mut asked = std::pin::pin!(asked);
    std::future::poll_fn(|context| {
        for _ in 0..100 {
            if let std::task::Poll::Ready(done) = asked.as_mut().poll(context) {
                return std::task::Poll::Ready(done);
            }
            others.iter().for_each(|other| other.advance(LEASE / 5));
        }
        panic!("nobody hears of it");
    })
    .await
}

#[tokio::test]
async fn a_job_is_cancelled_by_whichever_node() {
    let (store, log) = (shared(), Log::default());
    let (one, two) = (node("one", &store, &log), node("two", &store, &log));
    let job = one.submit(Outer { n: 1 }).await.unwrap();
    one.run_until_idle();
    assert!(meanwhile(two.cancel(job.id(), "not wanted"), &[&one]).await);
    let failure = job.outcome().await.unwrap_err();
    assert_eq!((failure.kind, &*failure.message), (FailureKind::Cancelled, "not wanted"));
    assert!(!meanwhile(two.cancel(job.id(), "not wanted"), &[&one]).await, "it is over");
    assert!(!log.take().contains(&"woke".to_owned()));
}

#[tokio::test]
async fn a_job_is_paused_and_signalled_by_whichever_node() {
    let (store, log) = (shared(), Log::default());
    let (one, two) = (node("one", &store, &log), node("two", &store, &log));
    let job = one.submit(Patient {}).await.unwrap();
    one.run_until_idle();
    let far = two.fetch(job.id()).await.unwrap().unwrap();
    assert!(meanwhile(far.pause(), &[&one]).await);
    assert_eq!(job.state(), JobState::Paused);
    assert!(meanwhile(far.resume(), &[&one]).await);
    let refused = meanwhile(far.signal("world", "hello"), &[&one]).await.unwrap_err();
    assert!(refused.message.contains("did you mean `word`?"), "{refused}");
    meanwhile(far.signal("word", "hello"), &[&one]).await.unwrap();
    one.run_until_idle();
    assert_eq!(job.result().unwrap().unwrap(), "hello");
    let over = meanwhile(far.signal("word", "hello"), &[&one]).await.unwrap_err();
    assert!(over.message.contains("the job is over"), "{over}");
}

#[tokio::test]
async fn what_was_said_and_not_written_the_next_node_hears() {
    for records in 0..3 {
        let (store, log) = (shared(), Log::default());
        let (one, two, three) =
            (node("one", &store, &log), node("two", &store, &log), node("three", &store, &log));
        let id = one.submit(Twice {}).await.unwrap().id();
        one.run_until_idle();
        let far = two.fetch(id).await.unwrap().unwrap();
        one.crash_after(records);
        let crashed = std::cell::Cell::new(false);
        let said = async {
            far.signal("word", "hello").await.unwrap();
        };
        let mut said = std::pin::pin!(said);
        std::future::poll_fn(|context| {
            for _ in 0..100 {
                if said.as_mut().poll(context).is_ready() {
                    return std::task::Poll::Ready(());
                }
                if !crashed.get() {
                    one.advance(LEASE / 5);
                    crashed.set(true);
                    one.crash_after(0);
                    store.end(ONE).unwrap();
                }
                three.advance(LEASE / 5);
            }
            panic!("nobody hears of it");
        })
        .await;
        three.advance(LEASE / 5);
        let kept = store.read(id).unwrap().unwrap().records().unwrap();
        let heard = kept.iter().filter(|line| format!("{:?}", line.record.fact).starts_with("Signalled"));
        assert_eq!(heard.count(), 1, "it is heard once, crashed after {records} records: {kept:#?}");
        assert!(!three.job(id).unwrap().state().is_over(), "it waits for another word");
    }
}

/// A store whose answer to what is written under the first epoch is late, and of which the second node takes jobs over.
#[derive(Debug)]
struct Late {
    inner: MemoryStore,
    /// It is, and somebody waits for it.
    is_late: Mutex<bool>,
    in_time: Condvar,
}

impl Around for Late {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        let is_first = |entry: &Entry| matches!(entry, Entry::More { epoch: Epoch::FIRST, .. });
        if entries.iter().any(is_first) {
            let late = self.is_late.lock().expect("nobody panicked");
            drop(self.in_time.wait_while(late, |late| *late).expect("nobody panicked"));
        }
        self.inner.write(entries)
    }

    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        if term == TWO { self.inner.claim(term, most) } else { Ok(Vec::new()) }
    }
}

async fn patient(name: &str, store: &Arc<dyn Store>) -> Runtime {
    let registry = Registry::builder().workflow::<Patient>().workflow::<Twice>().build();
    let builder = Runtime::builder().registry(registry.expect("they are right")).node(name);
    builder.on(Arc::clone(store)).await.expect("it starts")
}

#[tokio::test]
async fn a_late_verdict_changes_nothing_of_a_job_that_has_ended_elsewhere() {
    let late =
        Late { inner: MemoryStore::shared(seconds(2)), is_late: Mutex::new(false), in_time: Condvar::new() };
    let other = Arc::new(Other(late));
    let store: Arc<dyn Store> = Arc::clone(&other) as _;
    let (one, two) = (patient("one", &store).await, patient("two", &store).await);
    let job = one.submit(Twice {}).await.unwrap();
    let far = two.fetch(job.id()).await.unwrap().unwrap();

    *other.0.is_late.lock().unwrap() = true;
    let same = one.job(job.id()).unwrap();
    let unheard = tokio::spawn(async move { (same.signal("word", "unheard").await, same) });
    tokio::task::yield_now().await;
    store.end(ONE).unwrap();
    for word in ["hello", "world"] {
        tokio::time::timeout(seconds(30), far.signal("word", word)).await.expect("it is heard").unwrap();
    }
    assert_eq!(job.outcome().await.unwrap(), "hello world");

    *other.0.is_late.lock().unwrap() = false;
    other.0.in_time.notify_all();
    let (signalled, same) = tokio::time::timeout(seconds(30), unheard).await.expect("it is told").unwrap();
    assert!(signalled.unwrap_err().message.contains("the job is over"));
    assert_eq!(same.outcome().await.unwrap(), "hello world");
    for runtime in [&one, &two] {
        runtime.shutdown(seconds(5)).await;
    }
}

#[tokio::test]
async fn who_waits_for_a_job_hears_its_end_though_its_node_could_not_write_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::shared(seconds(2)));
    let (one, two) = (patient("one", &store).await, patient("two", &store).await);
    let job = one.submit(Patient {}).await.unwrap();
    let (tell, told) = tokio::sync::oneshot::channel();
    job.on_complete(move |result| drop(tell.send(format!("{result:?}"))));

    let same = one.job(job.id()).unwrap();
    let waiting = tokio::spawn(async move { job.outcome().await });
    // He waits by now.
    tokio::task::yield_now().await;

    // What follows from the word is written by the one whose term is over, and then by the other.
    store.end(ONE).unwrap();
    tokio::time::timeout(seconds(30), same.signal("word", "hello")).await.expect("it is heard").unwrap();
    let outcome = tokio::time::timeout(seconds(30), waiting).await.expect("he is told").unwrap();
    assert_eq!(outcome.unwrap(), "hello");
    let told = tokio::time::timeout(seconds(30), told).await.expect("it is called").unwrap();
    assert!(told.starts_with("Ok("), "{told}");
    for runtime in [&one, &two] {
        runtime.shutdown(seconds(5)).await;
    }
}

/// A store that gives each node one job only.
#[derive(Debug)]
struct OneEach {
    inner: MemoryStore,
    given: Mutex<Vec<Term>>,
    /// So often it cannot be read.
    unread: AtomicUsize,
}

impl OneEach {
    fn store(unread: usize) -> Arc<dyn Store> {
        let (inner, given) = (MemoryStore::shared(LEASE), Mutex::default());
        Arc::new(Other(Self { inner, given, unread: AtomicUsize::new(unread) }))
    }
}

impl Around for OneEach {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        let fewer = |left: usize| left.checked_sub(1);
        if self.unread.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "the connection is cut"));
        }
        self.inner.read(job)
    }

    fn claim(&self, term: Term, _: Most) -> Result<Vec<Claimed>, StoreError> {
        let mut given = self.given.lock().expect("nobody panicked");
        if given.contains(&term) {
            return Ok(Vec::new());
        }
        let claimed = self.inner.claim(term, Most::of(1))?;
        given.extend((!claimed.is_empty()).then_some(term));
        Ok(claimed)
    }
}

#[tokio::test]
async fn a_job_and_its_child_may_go_to_different_nodes() {
    // Also when it cannot be read at first who has the child.
    for unread in 0..3 {
        let store = &OneEach::store(unread);
        let log = Log::default();
        let one = node("one", store, &log);
        let job = one.submit(Outer { n: 1 }).await.unwrap().id();
        one.run_until_idle();
        one.crash_after(0);
        let (two, three) = (node("two", store, &log), node("three", store, &log));
        store.end(ONE).unwrap();
        two.advance(seconds(5));
        three.advance(seconds(5));
        let of = |node: &TestRuntime| {
            node.jobs(&Default::default()).iter().map(|job| job.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!((of(&two), of(&three)), (vec!["Outer".to_owned()], vec!["Slow".to_owned()]));
        log.take();

        three.advance(seconds(100));
        two.advance(seconds(5));
        assert_eq!(two.job(job).unwrap().outcome().await.unwrap(), json!(4));
        assert_eq!(log.take(), ["woke", "double 1", "double 2"]);
        assert_eq!(store.list(&Default::default()).unwrap().len(), 2, "no other child was called");
    }
}
