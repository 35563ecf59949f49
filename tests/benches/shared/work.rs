//! What the benches of stores run, and how they show what it takes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};
use workflow_runtime::{Registry, Runnable};

/// What passes between the steps.
#[data]
pub(crate) struct Payload {
    i: u64,
    s: String,
}

pub(crate) fn payload(i: u64) -> Payload {
    Payload { i, s: "abcdefghijklmnopqrstuvwxyz012345".to_owned() }
}

#[task_agent]
pub(crate) async fn step(x: Payload) -> Payload {
    Payload { i: x.i + 1, s: x.s }
}

#[task_agent]
pub(crate) async fn stamp(sent: u64) -> u64 {
    since_start() - sent
}

#[task_agent]
pub(crate) async fn nothing(n: u64) -> u64 {
    n
}

workflow! {
    /// Five steps, one after the other.
    pub(crate) workflow Chain(x: Payload) -> u64 {
        phase all {
            a = step(x);
            b = step(a);
            c = step(b);
            d = step(c);
            e = step(d);
        }
        e.i
    }
}

workflow! {
    /// Ten steps, one after the other.
    pub(crate) workflow Long(x: Payload) -> u64 {
        phase all {
            a = step(x);
            b = step(a);
            c = step(b);
            d = step(c);
            e = step(d);
            f = step(e);
            g = step(f);
            h = step(g);
            i = step(h);
            j = step(i);
        }
        j.i
    }
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(crate) fn since_start() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn registry() -> Registry {
    let builder = Registry::builder().agent::<step>().agent::<stamp>().agent::<nothing>();
    builder.workflow::<Chain>().workflow::<Long>().build().expect("the agents are right")
}

/// Runs `jobs` jobs, `at_once` at a time; each gives a number, and the sum of them is given.
pub(crate) async fn load<F, R>(jobs: u64, at_once: u64, job: F) -> (Duration, u64)
where
    F: Fn(u64) -> R + Send + Sync + 'static,
    R: Future<Output = u64> + Send + 'static,
{
    let (job, next) = (Arc::new(job), Arc::new(AtomicU64::new(0)));
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..at_once {
        let (job, next) = (Arc::clone(&job), Arc::clone(&next));
        clients.spawn(async move {
            let mut sum = 0_u64;
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= jobs {
                    return sum;
                }
                sum += job(number).await;
            }
        });
    }
    let sums = clients.join_all().await;
    (start.elapsed(), sums.into_iter().sum())
}

/// What is written of one job: the same bytes as ours, row by row.
pub(crate) async fn bytes_of<R: Runnable>(what: R) -> Vec<String> {
    let store = Arc::new(MemoryStore::new());
    let runtime = Runtime::builder().registry(registry()).on(Arc::clone(&store) as Arc<dyn Store>).await;
    let runtime = runtime.expect("it begins");
    let job = runtime.submit(what).await.expect("it is taken");
    let id = job.id();
    job.outcome().await.expect("it runs");
    let kept = store.read(id).expect("it reads").expect("it is there");
    kept.lines.into_iter().map(|lines| lines.json).collect()
}

/// What is written of one job that is handed in while its queue is paused: first that it was, and then the rest.
pub(crate) async fn bytes_of_a_waiting(number: u64) -> Vec<String> {
    let store = Arc::new(MemoryStore::new());
    let runtime = Runtime::builder().registry(registry()).on(Arc::clone(&store) as Arc<dyn Store>).await;
    let runtime = runtime.expect("it begins");
    runtime.pause_queue("default").await.expect("it pauses");
    let job = runtime.submit(nothing::with(number)).await.expect("it is taken");
    let id = job.id();
    runtime.resume_queue("default").await.expect("it goes on");
    job.await.expect("it runs");
    let kept = store.read(id).expect("it reads").expect("it is there");
    kept.lines.into_iter().map(|lines| lines.json).collect()
}

pub(crate) fn row(what: &str, unit: &str, ours: f64, floor: f64, target: &str, ratio: f64) {
    println!("{what:<52} {ours:>10.2} {floor:>10.2} {unit:<8} {ratio:>6.2}   {target}");
}
