//! Sizes: everything ends, nothing takes quadratic time, and memory comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use workflow_runtime::prelude::*;
use workflow_runtime::{Dag, FailureKind, JobFilter, JobState, Queue, SubmitError, TaskRef};

#[task_agent]
async fn grow(n: u64) -> u64 {
    n + 1
}

#[task_agent]
async fn join(a: u64, b: u64) -> u64 {
    (a + b) % 1_000_003
}

#[task_agent]
async fn hold(n: u64, gate: State<Arc<tokio::sync::Semaphore>>) -> u64 {
    let _passed = gate.acquire().await;
    n
}

workflow! {
    /// Counts down by calling itself.
    pub workflow Deep(n: u64) -> u64 {
        phase only {
            if *n > 0 { below = Deep(n - 1); } else { below = grow(*n); }
        }
        below + 1
    }
}

workflow! {
    /// Maps a number of elements.
    pub workflow Wide(n: u64) -> usize {
        phase only { done = for i in 0..*n { grow(i) }; }
        done.len()
    }
}

workflow! {
    /// Calls a number of children.
    pub workflow Many(n: u64) -> usize {
        phase only { done = for i in 0..*n { Leaf(i) }; }
        done.len()
    }
}

workflow! {
    /// A child.
    pub workflow Leaf(n: u64) -> u64 {
        phase only { done = grow(n); }
        *done
    }
}

fn gate() -> Arc<tokio::sync::Semaphore> {
    Arc::new(tokio::sync::Semaphore::new(0))
}

async fn runtime() -> Runtime {
    Runtime::builder().state(gate()).in_memory().await.expect("it starts")
}

/// How long a size takes, and one eight times as large; the second may take thirty times as long, and not sixty-four.
async fn grows_evenly<F: Future<Output = ()>>(what: &str, size: u64, run: impl Fn(u64) -> F) {
    run(size / 8).await;
    let start = Instant::now();
    run(size / 8).await;
    let small = start.elapsed();
    let start = Instant::now();
    run(size).await;
    let large = start.elapsed();
    let most = small.max(Duration::from_millis(2)) * 30;
    assert!(large < most, "{what}: {} took {small:?}, and {size} took {large:?}", size / 8);
}

fn dag_of(tasks: u64) -> Dag<u64> {
    let mut dag = Dag::new("layers");
    let width = 500;
    let mut layer: Vec<TaskRef<u64>> = (0..width).map(|n| dag.task::<grow>(n)).collect();
    for _ in 1..tasks / width {
        layer = (0..layer.len())
            .map(|n| dag.task::<join>((layer[n], layer[(n * 7 + 1) % layer.len()])))
            .collect();
    }
    dag.giving(layer[0])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_tasks_in_one_job() {
    let runtime = runtime().await;
    grows_evenly("a Dag", 100_000, |size| {
        let runtime = runtime.clone();
        async move {
            runtime.run(dag_of(size)).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_tasks_is_no_recursion() {
    let runtime = runtime().await;
    let mut dag = Dag::new("chain");
    let mut last = dag.task::<grow>(0);
    for _ in 1..100_000 {
        last = dag.task::<grow>(last);
    }
    assert_eq!(runtime.run(dag.giving(last)).await.unwrap(), 100_000);
    // And when the first of them fails, all others are skipped, without recursion.
    let mut dag = Dag::new("cut");
    let first = dag.json("nobody", serde_json::json!(null));
    let unknown = runtime.submit(dag.giving(first)).await;
    assert!(matches!(unknown, Err(SubmitError::Unknown { .. })), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_for_over_a_hundred_thousand_elements() {
    let runtime = runtime().await;
    grows_evenly("a for", 100_000, |size| {
        let runtime = runtime.clone();
        async move { assert_eq!(runtime.run(Wide { n: size }).await.unwrap(), size as usize) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_children_wide() {
    let runtime = runtime().await;
    assert_eq!(runtime.run(Many { n: 10_000 }).await.unwrap(), 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_children_deep_and_not_one_more() {
    let runtime = runtime().await;
    assert_eq!(runtime.run(Deep { n: 10_000 }).await.unwrap(), 10_002);
    let failure = runtime.submit(Deep { n: 10_001 }).await.unwrap().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unrunnable);
    assert!(failure.message.contains("10000 jobs above it"), "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_jobs_at_once() {
    let gate = gate();
    let runtime = Runtime::builder()
        .state(Arc::clone(&gate))
        .queue(Queue::new("default").concurrency(20_000))
        .in_memory();
    let runtime = runtime.await.unwrap();
    let jobs = runtime.submit_all((0..10_000).map(hold::with)).await.unwrap();
    while runtime.stats("hold").is_none_or(|stats| stats.active < 10_000) {
        tokio::task::yield_now().await;
    }
    gate.add_permits(10_000);
    let mut sum = 0;
    for job in jobs {
        sum += job.await.unwrap();
    }
    assert_eq!(sum, (0..10_000).sum::<u64>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_beyond_capacity_waits_and_none_is_dropped() {
    static MOST: AtomicU64 = AtomicU64::new(0);
    let queue = Queue::new("default").concurrency(4).capacity(100);
    let runtime = Runtime::builder().state(gate()).queue(queue).in_memory().await.unwrap();
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..8_u64 {
        let runtime = runtime.clone();
        clients.spawn(async move {
            let mut handles = Vec::new();
            for n in 0..2_500 {
                handles.push(runtime.submit(grow::with(client * 10_000 + n)).await.unwrap());
                let waiting: u32 = runtime.queues().iter().map(|queue| queue.waiting).sum();
                MOST.fetch_max(waiting.into(), Ordering::Relaxed);
            }
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.unwrap();
            }
            sum
        });
    }
    let sum: u64 = clients.join_all().await.into_iter().sum();
    let expected: u64 = (0..8).flat_map(|client| (0..2_500).map(move |n| client * 10_000 + n + 1)).sum();
    assert_eq!(sum, expected, "every job ran once");
    let most = MOST.load(Ordering::Relaxed);
    assert!(most <= 100, "{most} jobs waited where there is room for 100");
    assert!(runtime.jobs(&JobFilter::new().state(JobState::Failed)).is_empty());
}
