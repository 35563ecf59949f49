//! What a task costs while it waits: bytes, and the time to make it and to run it; a million of them.

use std::alloc::System;
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use workflow_runtime::Registry;
use workflow_runtime::prelude::*;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[data]
struct Payload {
    i: u64,
    s: String,
}

fn payload(i: u64) -> Payload {
    Payload { i, s: "abcdefghijklmnopqrstuvwxyz012345".to_owned() }
}

#[task_agent(queue = "shut")]
async fn never(x: Payload) -> u64 {
    x.i
}

const COUNT: u32 = 1_000_000;

fn held(region: &Region<'_, System>) -> f64 {
    let change = region.change();
    let bytes = i128::try_from(change.bytes_allocated).unwrap_or(0)
        - i128::try_from(change.bytes_deallocated).unwrap_or(0);
    i32::try_from(bytes / 1024).map_or(f64::NAN, f64::from) * 1024.0 / f64::from(COUNT)
}

fn row(what: &str, unit: &str, ours: f64, floor: f64, target: &str) {
    println!("{what:<44} {ours:>12.2} {floor:>12.2} {unit:<10} {:>6.2}   {target}", ours / floor);
}

fn main() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let tokio = tokio.expect("tokio's runtime can be made");
    println!("{:<44} {:>12} {:>12} {:<10} {:>6}   target", "work", "ours", "floor", "", "ratio");

    let region = Region::new(ALLOCATOR);
    let (queue, inbox) = tokio::sync::mpsc::unbounded_channel();
    let start = Instant::now();
    (0..COUNT).for_each(|n| queue.send(payload(n.into())).expect("it is there"));
    let floor_made = start.elapsed();
    let floor = held(&region);
    drop((queue, inbox));

    let registry = Registry::builder().agent::<never>().build().expect("the agent is right");
    let runtime = tokio.block_on(Runtime::builder().registry(registry).in_memory()).expect("it starts");
    tokio.block_on(runtime.pause_queue("shut")).expect("memory takes it");
    let region = Region::new(ALLOCATOR);
    let start = Instant::now();
    let jobs = (0..COUNT).map(|n| never::with(payload(n.into())));
    let handles = tokio.block_on(runtime.submit_all(jobs)).expect("they are taken");
    let made = start.elapsed();
    drop(handles);
    row("bytes per pending task, of 1,000,000", "bytes", held(&region), floor, "<= 256");
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(COUNT);
    row("creating a task", "us", each(made), each(floor_made), "<= 1 us");

    let start = Instant::now();
    tokio.block_on(runtime.resume_queue("shut")).expect("memory takes it");
    tokio.block_on(async {
        while runtime.stats("never").is_none_or(|stats| stats.count < u64::from(COUNT)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    println!("{:<44} {:>12.2} {:>12} us", "from pending to done, a task", each(start.elapsed()), "");
    assert_eq!(runtime.stats("never").map(|stats| stats.succeeded), Some(COUNT.into()));
    tokio.block_on(async { tokio::time::sleep(Duration::from_millis(100)).await });
    println!("{:<44} {:>12.2} {:>12} bytes", "what is left of it in memory, a task", held(&region), "");
}
