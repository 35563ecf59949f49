//! What of the jobs is for which node: queues that only some serve, room that is bounded, programs that differ.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use workflow_runtime::prelude::*;
use workflow_runtime::store::{Filter, Head, MemoryStore, Store, Term};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{AgentError, FailureKind, JobHandle, JobState, Queue, Registry, RuntimeBuilder};
use workflow_tests::log::Log;

const LEASE: Duration = Duration::from_secs(15);

/// Which node it is.
struct Here(&'static str);

#[task_agent]
async fn near(log: State<Log>, here: State<Here>, n: i64) -> i64 {
    log.add(format!("near at {}", here.0.0));
    n + 1
}

/// Fails twice.
#[task_agent(queue = "gpu")]
async fn far(log: State<Log>, here: State<Here>, ctx: &TaskContext, n: i64) -> Result<i64, AgentError> {
    log.add(format!("far at {}", here.0.0));
    if ctx.attempt() < 3 { Err(AgentError::retry("not yet")) } else { Ok(n * 10) }
}

#[task_agent(queue = "gpu")]
async fn never(log: State<Log>, here: State<Here>, _n: i64) -> Result<i64, AgentError> {
    log.add(format!("never at {}", here.0.0));
    Err(AgentError::permanent("no"))
}

#[task_agent(queue = "gpu")]
async fn long(ctx: &TaskContext, log: State<Log>, n: i64) -> i64 {
    log.add("long begins");
    ctx.sleep(Duration::from_secs(1000)).await;
    n
}

/// How often the hook of the step `b` was called.
static SEEN: AtomicUsize = AtomicUsize::new(0);

fn seen(_: &Outcome<'_>) -> Result<(), AgentError> {
    SEEN.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

workflow! {
    /// A step here, one on a node with a graphics card, and another here.
    pub workflow Far(n: i64) -> i64 {
        phase first { a = near(n); }
        phase second {
            #[retry(max = 5, first = "1s")] #[on_success(seen)]
            b = far(a);
        }
        phase third { c = near(b); }
        *c
    }
}

workflow! {
    /// What fails there is done here.
    pub workflow Fallen(n: i64) -> i64 {
        phase all {
            #[or(near)]
            a = never(n);
        }
        *a
    }
}

workflow! {
    /// Takes long there.
    pub workflow Long(n: i64) -> i64 {
        phase all { a = long(n); }
        *a
    }
}

fn registry() -> Registry {
    let builder = Registry::builder().agent::<near>().agent::<far>().agent::<never>().agent::<long>();
    builder.workflow::<Far>().workflow::<Fallen>().workflow::<Long>().build().expect("they are right")
}

fn builder(name: &'static str, log: &Log) -> RuntimeBuilder {
    Runtime::builder().registry(registry()).state(log.clone()).state(Here(name)).node(name)
}

fn shared() -> Arc<dyn Store> {
    Arc::new(MemoryStore::shared(LEASE))
}

fn start(builder: RuntimeBuilder, store: &Arc<dyn Store>) -> TestRuntime {
    TestRuntime::on(builder, 0, Arc::clone(store))
}

/// Two nodes, one of which serves the queue `gpu` and nothing else, and the other all but that.
fn two(store: &Arc<dyn Store>, log: &Log) -> (TestRuntime, TestRuntime) {
    let plain = start(builder("plain", log).serves(["default"]), store);
    (plain, start(builder("gpu", log).serves(["gpu"]), store))
}

/// Lets time go by for both.
fn pass(one: &TestRuntime, other: &TestRuntime, seconds: u64) {
    for _ in 0..seconds {
        one.advance(Duration::from_secs(1));
        other.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_step_of_a_queue_runs_where_that_is_served_and_is_tried_again_there() {
    let (store, log) = (shared(), Log::default());
    let (plain, gpu) = two(&store, &log);
    let job = plain.submit(Far { n: 1 }).await.unwrap();
    pass(&plain, &gpu, 30);
    assert_eq!(job.result().expect("it is over").unwrap(), 21);
    let done = log.take();
    assert_eq!(done, ["near at plain", "far at gpu", "far at gpu", "far at gpu", "near at plain"]);
    assert_eq!(SEEN.load(Ordering::SeqCst), 1, "the hook of the step was called once");
    assert_eq!(children(&store, &job).len(), 1, "the step is one job");
}

#[tokio::test]
async fn what_fails_for_good_elsewhere_falls_to_the_next_callee() {
    let (store, log) = (shared(), Log::default());
    let (plain, gpu) = two(&store, &log);
    let job = plain.submit(Fallen { n: 1 }).await.unwrap();
    pass(&plain, &gpu, 30);
    assert_eq!(job.result().expect("it is over").unwrap(), 2);
    assert_eq!(log.take(), ["never at gpu", "near at plain"]);
}

#[tokio::test]
async fn a_step_that_runs_elsewhere_is_stopped_with_its_job() {
    let (store, log) = (shared(), Log::default());
    let (plain, gpu) = two(&store, &log);
    // At once, and when it runs there.
    for wait in [0, 10] {
        let job = plain.submit(Long { n: 1 }).await.unwrap();
        if wait > 0 {
            pass(&plain, &gpu, wait);
            assert_eq!(log.take(), ["long begins"]);
        }
        job.cancel("enough").await;
        pass(&plain, &gpu, 30);
        assert_eq!(job.result().expect("it is over").unwrap_err().kind, FailureKind::Cancelled);
        let child = children(&store, &job).pop().expect("there is a job of the step");
        assert_eq!(child.state, JobState::Cancelled);
        log.take();
    }
}

#[tokio::test]
async fn a_job_begins_where_its_queue_is_served() {
    let (store, log) = (shared(), Log::default());
    let (plain, gpu) = two(&store, &log);
    let single = plain.submit(far::with(1)).await.unwrap();
    let many = gpu.submit_all((0..10).map(near::with)).await.unwrap();
    pass(&plain, &gpu, 10);
    assert_eq!(single.result().expect("it is over").unwrap_err().kind, FailureKind::Error);
    for job in many {
        assert!(job.result().expect("it is over").is_ok());
    }
    let mut done = log.take();
    done.sort();
    assert_eq!(done.iter().filter(|done| *done == "near at plain").count(), 10, "{done:?}");
    assert_eq!(done.iter().filter(|done| *done == "far at gpu").count(), 1, "{done:?}");
}

#[tokio::test]
async fn who_serves_a_queue_no_more_leaves_its_jobs_to_others() {
    let (store, log) = (shared(), Log::default());
    let (plain, gpu) = two(&store, &log);
    let job = plain.submit(Long { n: 1 }).await.unwrap();
    pass(&plain, &gpu, 10);
    assert_eq!(log.take(), ["long begins"]);
    gpu.crash_after(0);
    store.end(Term(2)).unwrap();
    pass(&plain, &plain, 20);
    assert!(log.take().is_empty(), "nobody else serves it");
    let other = start(builder("other", &log).serves(["gpu", "video"]), &store);
    pass(&plain, &other, 1100);
    assert_eq!(log.take(), ["long begins"]);
    assert_eq!(job.result().expect("it is over").unwrap(), 1);
}

#[tokio::test]
async fn what_does_not_fit_in_a_node_is_left_to_others_the_most_urgent_first() {
    let (store, log) = (shared(), Log::default());
    let narrow = |name| builder(name, &log).queue(Queue::new("default").concurrency(1)).backlog(2);
    let one = start(narrow("one"), &store);
    one.pause_queue("default").await.unwrap();
    let mut jobs = Vec::new();
    for n in 0..6 {
        let priority = if n == 5 { Priority::High } else { Priority::Normal };
        jobs.push(one.submit(near::with(n)).priority(priority).await.unwrap());
    }
    let two = start(narrow("two").backlog(1), &store);
    one.run_until_idle();
    two.run_until_idle();
    assert_eq!(held(&one, &jobs), [0, 1]);
    assert_eq!(held(&two, &jobs), [5], "the most urgent of those that are left");
    one.resume_queue("default").await.unwrap();
    pass(&one, &two, 20);
    for (n, job) in (0..).zip(&jobs) {
        assert_eq!(job.result().expect("it is over").unwrap(), n + 1);
    }
    let done = log.take();
    assert!(done.contains(&"near at one".to_owned()) && done.contains(&"near at two".to_owned()), "{done:?}");
}

mod new {
    use workflow_runtime::prelude::*;

    workflow! {
        /// The next version of what is called so: a step was taken out of it.
        pub workflow Long(n: i64) -> i64 {
            phase all { a = super::near(n); }
            *a
        }
    }
}

/// A node with the next version of the program.
fn next(name: &'static str, log: &Log) -> RuntimeBuilder {
    let registry =
        Registry::builder().agent::<near>().workflow::<new::Long>().build().expect("they are right");
    Runtime::builder().registry(registry).state(log.clone()).state(Here(name)).node(name).version("2")
}

#[tokio::test]
async fn a_job_goes_on_at_a_node_that_can_run_it_and_is_parked_only_where_none_can() {
    let (store, log) = (shared(), Log::default());
    let old = start(builder("old", &log), &store);
    let job = old.submit(Long { n: 1 }).await.unwrap().id();
    old.run_until_idle();
    assert_eq!(log.take(), ["long begins"]);
    // The old version goes; the new one cannot go on with its job, and says so.
    old.crash_after(0);
    store.end(Term(1)).unwrap();
    let (new, newer) = (start(next("new", &log), &store), start(next("newer", &log), &store));
    pass(&new, &newer, 20);
    let parked = |store: &Arc<dyn Store>| store.read(job).unwrap().unwrap().head.parked;
    assert!(parked(&store).unwrap().contains("long"), "{:?}", parked(&store));
    assert_eq!(
        new.parked().len() + newer.parked().len(),
        1,
        "one of them has it, and the other leaves it there"
    );
    // One of the old version comes back.
    let back = start(builder("back", &log), &store);
    pass(&back, &new, 20);
    assert_eq!(log.take(), ["long begins"]);
    assert_eq!(parked(&store), None);
    pass(&new, &newer, 20);
    assert_eq!(new.parked().len() + newer.parked().len(), 0, "whoever had parked it notices");
    pass(&back, &new, 1000);
    assert_eq!(store.read(job).unwrap().unwrap().head.state, JobState::Succeeded);
}

#[tokio::test]
async fn a_parked_job_can_be_cancelled_from_every_node() {
    for at_holder in [true, false] {
        let (store, log) = (shared(), Log::default());
        let old = start(builder("old", &log), &store);
        let job = old.submit(Long { n: 1 }).await.unwrap().id();
        old.run_until_idle();
        old.crash_after(0);
        store.end(Term(1)).unwrap();
        let (new, newer) = (start(next("new", &log), &store), start(next("newer", &log), &store));
        pass(&new, &newer, 20);
        let by = if new.parked().is_empty() == at_holder { &newer } else { &new };
        let (told, ()) = tokio::join!(by.cancel(job, "it is old"), async { pass(&new, &newer, 20) });
        assert!(told);
        assert_eq!(store.read(job).unwrap().unwrap().head.state, JobState::Cancelled);
    }
}

/// The jobs for which tasks of this one wait.
fn children(store: &Arc<dyn Store>, job: &JobHandle<i64>) -> Vec<Head> {
    let mut of_it = Filter::default();
    of_it.parent = Some(job.id());
    store.list(&of_it).expect("it is in memory")
}

/// Which of these jobs a node has.
fn held(node: &TestRuntime, jobs: &[JobHandle<i64>]) -> Vec<usize> {
    let ids: Vec<_> = jobs.iter().map(|job| job.id()).collect();
    (0..ids.len()).filter(|n| node.job(ids[*n]).is_some()).collect()
}
