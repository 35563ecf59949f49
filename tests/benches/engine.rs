//! How fast the engine is in memory: each row beside its floor, both measured in this run, and every result checked.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Dag, Registry, TaskRef};
use workflow_tests::bench::median;

/// What passes between the steps.
#[data]
pub struct Payload {
    i: u64,
    s: String,
}

fn payload(i: u64) -> Payload {
    Payload { i, s: "abcdefghijklmnopqrstuvwxyz012345".to_owned() }
}

#[task_agent]
async fn step(x: Payload) -> Payload {
    Payload { i: x.i + 1, s: x.s }
}

#[task_agent]
async fn spread(x: Payload) -> Vec<Payload> {
    (0..100).map(|n| Payload { i: x.i + n, s: x.s.clone() }).collect()
}

#[task_agent]
async fn collect(parts: Vec<Payload>) -> u64 {
    parts.iter().map(|part| part.i).sum()
}

#[task_agent]
async fn merge(a: Payload, b: Payload) -> Payload {
    Payload { i: a.i.wrapping_add(b.i) % 1_000_003, s: b.s }
}

#[task_agent]
async fn burn(micros: u64) -> u64 {
    spin(micros);
    micros
}

#[task_agent]
async fn stamp(sent: u64) -> u64 {
    since_start() - sent
}

workflow! {
    /// Five steps, one after the other.
    pub workflow Chain(x: Payload) -> u64 {
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
    /// One, a hundred, one.
    pub workflow Fan(x: Payload) -> u64 {
        phase spread { parts = spread(x); }
        phase work { done = for part in parts { step(part) }; }
        phase collect { sum = collect(done); }
        *sum
    }
}

fn spin(micros: u64) {
    let end = Instant::now() + Duration::from_micros(micros);
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn since_start() -> u64 {
    nanos(START.elapsed())
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn threads(workers: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("tokio's runtime can be made")
}

/// Runs `jobs` jobs, `at_once` at a time; each gives a number, and the sum of them is given.
async fn load<F, R>(jobs: u64, at_once: u64, job: F) -> (Duration, u64)
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

async fn floor_chain(n: u64) -> u64 {
    let mut x = payload(n);
    for _ in 0..5 {
        x = tokio::spawn(step(x)).await.expect("a step does not panic");
    }
    x.i
}

async fn floor_fan(n: u64) -> u64 {
    let parts = tokio::spawn(spread(payload(n))).await.expect("a step does not panic");
    let mut set = JoinSet::new();
    let mut done = vec![None; parts.len()];
    for (place, part) in parts.into_iter().enumerate() {
        set.spawn(async move { (place, step(part).await) });
    }
    while let Some(part) = set.join_next().await {
        let (place, part) = part.expect("a step does not panic");
        done[place] = Some(part);
    }
    let done = done.into_iter().flatten().collect();
    tokio::spawn(collect(done)).await.expect("a step does not panic")
}

fn row(what: &str, unit: &str, ours: f64, floor: f64, target: &str, ratio: f64) {
    println!("{what:<44} {ours:>12.2} {floor:>12.2} {unit:<10} {ratio:>6.2}   {target}");
}

/// Measures both, in turns, and gives the medians.
fn pairs(
    rounds: usize,
    mut ours: impl FnMut() -> Duration,
    mut floor: impl FnMut() -> Duration,
) -> (f64, f64) {
    ours();
    floor();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        a.push(ours());
        b.push(floor());
    }
    (median(a).as_secs_f64(), median(b).as_secs_f64())
}

fn runtime(tokio: &tokio::runtime::Runtime) -> Runtime {
    let registry = Registry::builder()
        .agent::<step>()
        .agent::<spread>()
        .agent::<collect>()
        .agent::<merge>()
        .agent::<burn>()
        .agent::<stamp>()
        .workflow::<Chain>()
        .workflow::<Fan>()
        .build()
        .expect("the agents are right");
    let builder = Runtime::builder().registry(registry);
    tokio.block_on(builder.in_memory()).expect("the runtime can be made")
}

fn chain(tokio: &tokio::runtime::Runtime, rounds: usize) {
    let jobs = 10_000;
    let wanted: u64 = (0..jobs).map(|n| n + 5).sum();
    let ours = runtime(tokio);
    let (a, b) = pairs(
        rounds,
        || {
            let ours = ours.clone();
            let run = move |n| {
                let ours = ours.clone();
                async move { ours.run(Chain { x: payload(n) }).await.expect("a chain runs") }
            };
            let (took, sum) = tokio.block_on(load(jobs, 64, run));
            assert_eq!(sum, wanted);
            took
        },
        || {
            let (took, sum) = tokio.block_on(load(jobs, 64, floor_chain));
            assert_eq!(sum, wanted);
            took
        },
    );
    let steps = |time: f64| 5.0 * f64::from(10_000) / time / 1e6;
    row("chain of 5, 10,000 jobs, 64 at a time", "M steps/s", steps(a), steps(b), ">= 1.5", b / a);
}

fn fan(tokio: &tokio::runtime::Runtime, rounds: usize) {
    let jobs = 500;
    let wanted: u64 = (0..jobs).map(|n| (0..100).map(|part| n + part + 1).sum::<u64>()).sum();
    let ours = runtime(tokio);
    let (a, b) = pairs(
        rounds,
        || {
            let ours = ours.clone();
            let run = move |n| {
                let ours = ours.clone();
                async move { ours.run(Fan { x: payload(n) }).await.expect("a fan runs") }
            };
            let (took, sum) = tokio.block_on(load(jobs, 8, run));
            assert_eq!(sum, wanted);
            took
        },
        || {
            let (took, sum) = tokio.block_on(load(jobs, 8, floor_fan));
            assert_eq!(sum, wanted);
            took
        },
    );
    let steps = |time: f64| 102.0 * 500.0 / time / 1e6;
    row("1 -> 100 -> 1, 500 jobs, 8 at a time", "M steps/s", steps(a), steps(b), ">= 0.8", b / a);
}

const LAYERS: usize = 100;
const WIDTH: usize = 1000;

/// The tasks that one of a layer takes from the layer before.
fn parents(layer: usize, place: usize) -> (usize, usize) {
    let before = (layer - 1) * WIDTH;
    (before + place, before + (place * 7 + layer) % WIDTH)
}

/// A bare loop over the same edges: counts what each waits for, and calls the same function when nothing is left.
async fn floor_dag() -> u64 {
    let total = LAYERS * WIDTH;
    let mut followers: Vec<Vec<u32>> = vec![Vec::new(); total];
    let mut waits = vec![0_u8; total];
    let mut inputs: Vec<(u32, u32)> = vec![(0, 0); total];
    for layer in 1..LAYERS {
        for place in 0..WIDTH {
            let (a, b) = parents(layer, place);
            let node = layer * WIDTH + place;
            inputs[node] = (u32::try_from(a).expect("small"), u32::try_from(b).expect("small"));
            waits[node] = 2;
            followers[a].push(u32::try_from(node).expect("small"));
            followers[b].push(u32::try_from(node).expect("small"));
        }
    }
    let mut values: Vec<Option<Payload>> = vec![None; total];
    let mut ready: Vec<usize> = (0..WIDTH).rev().collect();
    let mut last = 0;
    while let Some(node) = ready.pop() {
        let value = if node < WIDTH {
            step(payload(node as u64)).await
        } else {
            let (a, b) = inputs[node];
            let (a, b) = (values[a as usize].clone(), values[b as usize].clone());
            merge(a.expect("it is there"), b.expect("it is there")).await
        };
        if node == total - 1 {
            last = value.i;
        }
        values[node] = Some(value);
        for follower in std::mem::take(&mut followers[node]) {
            waits[follower as usize] -= 1;
            if waits[follower as usize] == 0 {
                ready.push(follower as usize);
            }
        }
    }
    last
}

fn dag_of() -> Dag<Payload> {
    let mut dag = Dag::new("layers");
    dag.reserve(LAYERS * WIDTH);
    let mut tasks: Vec<TaskRef<Payload>> =
        (0..WIDTH).map(|place| dag.task::<step>(payload(place as u64))).collect();
    for layer in 1..LAYERS {
        for place in 0..WIDTH {
            let (a, b) = parents(layer, place);
            tasks.push(dag.task::<merge>((tasks[a], tasks[b])));
        }
    }
    dag.giving(tasks[LAYERS * WIDTH - 1])
}

fn dag(tokio: &tokio::runtime::Runtime, rounds: usize) {
    let ours = runtime(tokio);
    let wanted = tokio.block_on(floor_dag());
    let (a, b) = pairs(
        rounds,
        || {
            let start = Instant::now();
            let given = tokio.block_on(async { ours.run(dag_of()).await.expect("it runs") });
            assert_eq!(given.i, wanted);
            start.elapsed()
        },
        || {
            let start = Instant::now();
            assert_eq!(tokio.block_on(floor_dag()), wanted);
            start.elapsed()
        },
    );
    row("DAG, 100 layers x 1,000, built and run", "ms", a * 1e3, b * 1e3, "<= 4", a / b);
}

/// What the machine does of a change of state, and no more: a record of the same DAG, folded.
fn updates(rounds: usize) {
    let registry =
        Registry::builder().agent::<step>().agent::<merge>().build().expect("the agents are right");
    let runtime = TestRuntime::of(Runtime::builder().registry(registry).keep(100_000));
    let tokio = threads(1);
    let records = tokio.block_on(async {
        let job = runtime.submit(dag_of()).await.expect("it is taken");
        let journal = job.clone();
        job.await.expect("it runs");
        journal.journal().len()
    });
    assert_eq!(records, 2 * LAYERS * WIDTH + 3);
    let fold = || {
        let start = Instant::now();
        runtime.check_journals().expect("they fold");
        start.elapsed()
    };
    let took = median((0..rounds).map(|_| fold()).collect()).as_secs_f64() * 1e6;
    let each = took / f64::from(u32::try_from(records).expect("small"));
    println!(
        "{:<44} {each:>12.2} {:>12} {:<10} {:>6}   <= 1 us",
        "updating a task's status: a record folded", "", "us", ""
    );
}

fn latency(tokio: &tokio::runtime::Runtime, rounds: usize) {
    let ours = runtime(tokio);
    let (to_task, mut inbox) = tokio::sync::mpsc::channel::<u64>(1);
    let (back, mut answers) = tokio::sync::mpsc::channel::<u64>(1);
    tokio.spawn(async move {
        while let Some(sent) = inbox.recv().await {
            let _ = back.send(since_start() - sent).await;
        }
    });
    let (a, b) = tokio.block_on(async move {
        for _ in 0..100 {
            ours.run(stamp::with(since_start())).await.expect("it runs");
        }
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..rounds * 300 {
            tokio::time::sleep(Duration::from_micros(500)).await;
            let job = ours.submit(stamp::with(since_start())).await.expect("it is taken");
            a.push(Duration::from_nanos(job.await.expect("it runs")));
            tokio::time::sleep(Duration::from_micros(500)).await;
            to_task.send(since_start()).await.expect("it is there");
            b.push(Duration::from_nanos(answers.recv().await.expect("it answers")));
        }
        (median(a).as_secs_f64() * 1e6, median(b).as_secs_f64() * 1e6)
    });
    row("idle: submit to the handler's first line", "us", a, b, "<= 1.5", a / b);
}

fn cores(rounds: usize) {
    let run = |workers: usize| {
        let tokio = threads(workers);
        let ours = runtime(&tokio);
        let job = move |_| {
            let ours = ours.clone();
            async move { ours.run(burn::with(50)).await.expect("it runs") }
        };
        let warm = job.clone();
        tokio.block_on(load(100, 16, warm));
        let (took, sum) = tokio.block_on(load(20_000, 16, job));
        assert_eq!(sum, 50 * 20_000);
        took
    };
    let (two, one) = pairs(rounds, || run(2), || run(1));
    row("50 us of CPU a step: two cores, one core", "ms", two * 1e3, one * 1e3, ">= 1.9", one / two);
}

fn main() {
    let only: Option<String> = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wants = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(7);
    let tokio = threads(2);
    println!("{:<44} {:>12} {:>12} {:<10} {:>6}   target", "work", "ours", "floor", "", "ratio");
    if wants("chain") {
        chain(&tokio, rounds);
    }
    if wants("fan") {
        fan(&tokio, rounds);
    }
    if wants("dag") {
        dag(&tokio, rounds);
    }
    if wants("updates") {
        updates(rounds);
    }
    if wants("latency") {
        latency(&tokio, rounds);
    }
    if wants("cores") {
        cores(rounds.min(3));
    }
}
