//! The real runtime, with a workload of every form: what is killed. `victim FILE PROCESS`, or `victim memory PROCESS`.

use std::time::Duration;

use workflow_tests::history::Recorder;
use workflow_tests::{killing, workload};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [place, process] = &arguments[..] else { panic!("victim FILE PROCESS") };
    let recorder = Recorder::to(process.parse().expect("a number"), std::io::stdout());
    let builder = workload::builder(&recorder, Duration::from_millis(2));
    let runtime = match place.as_str() {
        "memory" => builder.in_memory().await,
        file => builder.open(file).await,
    };
    let runtime = runtime.unwrap_or_else(|error| panic!("it does not start: {error}"));
    runtime.recovered().await;
    assert!(runtime.parked().is_empty(), "{:?}", runtime.parked());
    workload::serve(&runtime, &recorder, killing::commands()).await;
}
