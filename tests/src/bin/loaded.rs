//! A program under more load than it can bear, until Ctrl-C: what a test interrupts.

use std::time::Duration;

use workflow_runtime::prelude::*;
use workflow_runtime::{Queue, Registry};

#[task_agent]
async fn toil(n: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(20)).await;
    n
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let registry = Registry::builder().agent::<toil>().build().expect("the agent is right");
    let queue = Queue::new("default").concurrency(8).capacity(64);
    let runtime = Runtime::builder().registry(registry).queue(queue).in_memory().await.expect("it starts");
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..16_u64 {
        let runtime = runtime.clone();
        clients.spawn(async move {
            let mut taken = 0_u64;
            while runtime.submit(toil::with(client)).await.is_ok() {
                taken += 1;
            }
            taken
        });
    }
    while runtime.stats("toil").is_none_or(|stats| stats.count < 100) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!("under load");
    tokio::signal::ctrl_c().await.expect("it can be heard");
    let left = runtime.shutdown(Duration::from_secs(5)).await;
    let taken: u64 = clients.join_all().await.into_iter().sum();
    let stats = runtime.stats("toil").expect("the agent ran");
    println!("{taken} taken, {} done, {left} left, {} active", stats.succeeded, stats.active);
}
