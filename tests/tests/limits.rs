//! Limits that all nodes of a store share.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use workflow_runtime::prelude::*;
use workflow_runtime::schedule::every;
use workflow_runtime::store::{Kept, MemoryStore, Offer, Store, StoreError, Term};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    AgentError, AgentLimits, Breaker, JobHandle, JobId, Queue, Registry, RuntimeBuilder, Timestamp,
};
use workflow_tests::around::{Around, Other};

const LEASE: Duration = Duration::from_secs(15);

/// What runs, on all nodes together.
#[derive(Clone, Default)]
struct Seen {
    running: Arc<AtomicU32>,
    most: Arc<AtomicU32>,
    begun: Arc<Mutex<Vec<Timestamp>>>,
}

impl Seen {
    fn begins(&self) {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
    }

    fn ends(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> u32 {
        self.most.swap(0, Ordering::SeqCst)
    }
}

#[task_agent(concurrency = 2)]
async fn narrow(ctx: &TaskContext, seen: State<Seen>, n: i64) -> i64 {
    seen.begins();
    ctx.sleep(Duration::from_secs(3)).await;
    seen.ends();
    n
}

#[task_agent]
async fn wide(ctx: &TaskContext, seen: State<Seen>, n: i64) -> i64 {
    seen.begins();
    ctx.sleep(Duration::from_secs(3)).await;
    seen.ends();
    n
}

#[task_agent(rate = "2/10s")]
async fn rated(ctx: &TaskContext, seen: State<Seen>, n: i64) -> i64 {
    seen.begun.lock().expect("nobody panics").push(ctx.now());
    n
}

/// Fails if it is told to.
#[task_agent(concurrency = 1, rate = "3/1000s")]
async fn flaky(n: i64) -> Result<i64, AgentError> {
    if n < 0 { Err(AgentError::permanent("as it was told")) } else { Ok(n) }
}

workflow! {
    /// One at a time, on all nodes together.
    #[concurrency(1)]
    pub workflow Lone(n: i64) -> i64 {
        phase first { a = wide(n); }
        phase second { b = wide(a); }
        *b
    }
}

fn start(name: &str, seen: &Seen, store: &Arc<dyn Store>) -> TestRuntime {
    start_with(name, seen, store, |builder| builder)
}

fn start_with(
    name: &str,
    seen: &Seen,
    store: &Arc<dyn Store>,
    set: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
) -> TestRuntime {
    let registry = Registry::builder()
        .agent::<narrow>()
        .agent::<wide>()
        .agent::<rated>()
        .agent::<flaky>()
        .workflow::<Lone>();
    let builder = Runtime::builder().registry(registry.build().expect("they are right"));
    TestRuntime::on(set(builder.state(seen.clone()).node(name)), 0, Arc::clone(store))
}

fn shared() -> Arc<dyn Store> {
    Arc::new(MemoryStore::shared(LEASE))
}

/// Lets time go by for all of them.
fn pass(nodes: &[&TestRuntime], seconds: u64) {
    for _ in 0..seconds * 2 {
        nodes.iter().for_each(|node| node.advance(Duration::from_millis(500)));
    }
}

fn are_done(jobs: &[JobHandle<i64>]) {
    for job in jobs {
        assert!(job.result().expect("it is over").is_ok());
    }
}

#[tokio::test]
async fn so_many_attempts_of_an_agent_run_on_all_nodes_together() {
    let (store, seen) = (shared(), Seen::default());
    let (one, two) = (start("one", &seen, &store), start("two", &seen, &store));
    let mut jobs = one.submit_all((0..5).map(narrow::with)).await.unwrap();
    jobs.extend(two.submit_all((0..5).map(narrow::with)).await.unwrap());
    pass(&[&one, &two], 60);
    are_done(&jobs);
    assert_eq!(seen.most(), 2);
}

#[tokio::test]
async fn what_a_dead_node_held_of_a_limit_others_have() {
    let (store, seen) = (shared(), Seen::default());
    let (one, two) = (start("one", &seen, &store), start("two", &seen, &store));
    one.submit_all((0..2).map(narrow::with)).await.unwrap();
    one.run_until_idle();
    assert_eq!(seen.most(), 2);
    let jobs = two.submit_all((0..2).map(narrow::with)).await.unwrap();
    pass(&[&two], 10);
    assert_eq!(seen.most(), 0, "the one has all of it");
    one.crash_after(0);
    store.end(Term(1)).unwrap();
    pass(&[&two], 60);
    are_done(&jobs);
}

#[tokio::test]
async fn attempts_start_at_a_rate_on_all_nodes_together() {
    let (store, seen) = (shared(), Seen::default());
    let (one, two) = (start("one", &seen, &store), start("two", &seen, &store));
    let mut jobs = one.submit_all((0..4).map(rated::with)).await.unwrap();
    jobs.extend(two.submit_all((0..4).map(rated::with)).await.unwrap());
    pass(&[&one, &two], 60);
    are_done(&jobs);
    let mut begun = seen.begun.lock().unwrap().clone();
    begun.sort_unstable();
    for three in begun.windows(3) {
        assert!(three[2].since(three[0]) >= Duration::from_secs(10), "{begun:?}");
    }
    let took = begun[begun.len() - 1].since(begun[0]);
    assert!(took <= Duration::from_secs(40), "it is no slower than it must be: {took:?}");
}

#[tokio::test]
async fn jobs_of_one_key_run_one_after_the_other_on_all_nodes_together() {
    let (store, seen) = (shared(), Seen::default());
    let narrow = |builder: RuntimeBuilder| builder.queue(Queue::new("default").per_key(1));
    let (one, two) = (start_with("one", &seen, &store, narrow), start_with("two", &seen, &store, narrow));
    let mut jobs = Vec::new();
    for n in 0..3 {
        jobs.push(one.submit(wide::with(n)).key("same").await.unwrap());
        jobs.push(two.submit(wide::with(n)).key("same").await.unwrap());
    }
    pass(&[&one, &two], 60);
    are_done(&jobs);
    assert_eq!(seen.most(), 1);
}

#[tokio::test]
async fn a_workflows_limit_holds_on_all_nodes_together() {
    let (store, seen) = (shared(), Seen::default());
    let (one, two) = (start("one", &seen, &store), start("two", &seen, &store));
    let mut jobs = vec![one.submit(Lone { n: 1 }).await.unwrap(), one.submit(Lone { n: 2 }).await.unwrap()];
    jobs.push(two.submit(Lone { n: 3 }).await.unwrap());
    pass(&[&one, &two], 60);
    are_done(&jobs);
    assert_eq!(seen.most(), 1);
}

#[tokio::test]
async fn who_had_to_begin_anew_has_all_his_places_again() {
    let (store, seen) = (shared(), Seen::default());
    let narrow = |builder: RuntimeBuilder| builder.queue(Queue::new("default").concurrency(1));
    let one = start_with("one", &seen, &store, narrow);
    let two = start_with("two", &seen, &store, |builder| builder.serves(["none"]));
    let first = one.submit(wide::with(1)).await.unwrap();
    one.run_until_idle();
    // It hears of it only now, and takes over again what it had.
    store.end(Term(1)).unwrap();
    pass(&[&one, &two], 30);
    are_done(&[first]);
    for limited in [false, true] {
        let job = if limited { one.submit(narrow::with(2)).await } else { one.submit(wide::with(2)).await };
        let job = job.unwrap();
        pass(&[&one, &two], 10);
        are_done(&[job]);
    }
}

#[tokio::test]
async fn each_tick_of_a_schedule_comes_once_on_all_nodes_together() {
    let (store, seen) = (shared(), Seen::default());
    let (one, two) = (start("one", &seen, &store), start("two", &seen, &store));
    let minutely = every(Duration::from_secs(60)).unwrap().aligned();
    one.schedules().set("it", minutely, rated::with(1)).await.unwrap();
    // Both know of it; the one that set it goes, and comes back as another.
    pass(&[&one, &two], 300);
    let begun = seen.begun.lock().unwrap().len();
    assert!((4..=5).contains(&begun), "{begun} ticks in five minutes");
    one.crash_after(0);
    store.end(Term(1)).unwrap();
    pass(&[&two], 300);
    let three = start("three", &seen, &store);
    three.advance(two.now().since(three.now()));
    pass(&[&two, &three], 300);
    let begun = seen.begun.lock().unwrap().len();
    assert!((14..=15).contains(&begun), "{begun} ticks in a quarter of an hour");
}

/// A store in which nothing is to be seen of jobs for a while, as for one who has looked just before.
#[derive(Debug)]
struct Early {
    inner: Arc<dyn Store>,
    is_early: AtomicBool,
}

impl Around for Early {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        if self.is_early.load(Ordering::SeqCst) { Ok(None) } else { self.inner.read(job) }
    }

    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        if self.is_early.load(Ordering::SeqCst) { Ok(None) } else { self.inner.taker(once) }
    }
}

/// A store that is so slow at first that a term is over before its node is heard of.
#[derive(Debug)]
struct Late(Arc<dyn Store>, AtomicU32);

impl Around for Late {
    fn inner(&self) -> &dyn Store {
        &*self.0
    }

    fn offer(&self, term: Term, offer: &Offer) -> Result<(), StoreError> {
        if self.1.fetch_add(1, Ordering::SeqCst) < 2 {
            self.0.end(term)?;
        }
        self.0.offer(term, offer)
    }
}

#[tokio::test]
async fn who_was_not_heard_of_in_time_begins_again() {
    let (late, seen) = (Arc::new(Other(Late(shared(), AtomicU32::new(0)))), Seen::default());
    let one = start("one", &seen, &(Arc::clone(&late) as Arc<dyn Store>));
    let job = one.submit(wide::with(1)).await.unwrap();
    pass(&[&one], 10);
    are_done(&[job]);
    assert_eq!(late.0.1.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn who_looks_just_before_the_job_of_a_tick_is_there_does_not_run_it_again() {
    let (store, seen) = (shared(), Seen::default());
    let one = start("one", &seen, &store);
    let minutely = every(Duration::from_secs(60)).unwrap().aligned();
    one.schedules().set("it", minutely, wide::with(1)).await.unwrap();
    while seen.running.load(Ordering::SeqCst) == 0 {
        one.advance(Duration::from_millis(500));
    }
    let early = Arc::new(Other(Early { inner: Arc::clone(&store), is_early: AtomicBool::new(true) }));
    let two = start("two", &seen, &(Arc::clone(&early) as Arc<dyn Store>));
    two.run_until_idle();
    early.0.is_early.store(false, Ordering::SeqCst);
    pass(&[&one, &two], 30);
    assert_eq!(seen.most(), 1, "two have run one tick");
}

#[tokio::test]
async fn who_leaves_an_agent_alone_takes_nothing_of_what_others_may_start() {
    let (store, seen) = (shared(), Seen::default());
    let breaker = Breaker { failures: 1, cooldown: Duration::from_secs(10_000) };
    let one = start_with("one", &seen, &store, |builder| {
        builder.limits("flaky", AgentLimits::new().breaker(breaker))
    });
    let two = start("two", &seen, &store);
    let failing = one.submit_all((0..5).map(|_| flaky::with(-1))).await.unwrap();
    pass(&[&one, &two], 30);
    assert_eq!(failing.iter().filter(|job| job.result().is_some()).count(), 1, "the circuit is open");
    let jobs = two.submit_all((0..2).map(flaky::with)).await.unwrap();
    pass(&[&one, &two], 30);
    are_done(&jobs);
}
