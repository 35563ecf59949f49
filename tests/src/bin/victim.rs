//! The real runtime, with a workload of every form: what is killed. `victim FILE PROCESS`, `victim memory PROCESS`, or
//! `victim 'ADDRESS SCHEMA' PROCESS`,
//! with ` pooled` after the schema where a pooler is in between.

use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::store::PostgresOptions;
use workflow_tests::history::Recorder;
use workflow_tests::workload::Books;
use workflow_tests::{fleet, killing, workload};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [place, process] = &arguments[..] else { panic!("victim FILE PROCESS") };
    let recorder = Recorder::to(process.parse().expect("a number"), std::io::stdout());
    let builder = workload::builder(&recorder, Duration::from_millis(2));
    let runtime = match place.as_str() {
        "memory" => builder.in_memory().await,
        place => match place.split_once(' ') {
            Some((address, schema)) => {
                let (schema, pooled) =
                    schema.split_once(' ').map_or((schema, false), |(schema, _)| (schema, true));
                let options = PostgresOptions::new(address).schema(schema).lease(fleet::LEASE);
                let options = if pooled { options.pooled() } else { options };
                let store = options.open().unwrap_or_else(|error| panic!("{error}"));
                builder.state(Books::beside(schema)).on(Arc::new(store)).await
            }
            None => builder.open(place).await,
        },
    };
    let runtime = runtime.unwrap_or_else(|error| panic!("it does not start: {error}"));
    runtime.recovered().await;
    assert!(runtime.parked().is_empty(), "{:?}", runtime.parked());
    if place.contains(' ') {
        workload::strike(&runtime).await;
    }
    workload::serve(&runtime, &recorder, killing::commands()).await;
}
