//! The real runtime, with a workload of every form: what is killed. `victim memory PROCESS`.

use std::time::Duration;

use workflow_tests::history::Recorder;
use workflow_tests::{killing, workload};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [_, process] = &arguments[..] else { panic!("victim memory PROCESS") };
    let recorder = Recorder::to(process.parse().expect("a number"), std::io::stdout());
    let builder = workload::builder(&recorder, Duration::from_millis(2));
    let runtime = builder.in_memory().await.expect("it starts");
    workload::serve(&runtime, &recorder, killing::commands()).await;
}
