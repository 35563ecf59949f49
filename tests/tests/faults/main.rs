//! What disks, files, clocks and stores do wrong: a clear error, what was accepted is held and goes on, and nothing is
//! lost.

mod clock;
mod damage;
mod full;
mod trouble;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::prelude::*;
use workflow_runtime::store::{SqliteStore, Store, StoreError};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{JobFilter, JobId, Registry, RuntimeBuilder};

#[task_agent]
async fn copy(text: String) -> String {
    text
}

#[task_agent]
async fn join(text: String, word: String) -> String {
    format!("{text} {word}")
}

workflow! {
    /// Waits in its middle for a word.
    pub workflow Tell(text: String) -> String {
        phase first { copied = copy(text); }
        phase second { word = signal::<String>("word"); }
        phase third { told = join(copied, word); }
        told
    }
}

workflow! {
    /// Waits for another.
    pub workflow Outer(text: String) -> String {
        phase only { told = Tell(format!("inner {text}")); }
        told
    }
}

fn builder() -> RuntimeBuilder {
    let registry = Registry::builder().agent::<copy>().agent::<join>().workflow::<Tell>();
    let registry = registry.workflow::<Outer>().build();
    // What a store that fails holds up is not waited for.
    Runtime::builder().registry(registry.expect("they are right")).grace(Duration::from_millis(20))
}

async fn on(store: &Arc<SqliteStore>) -> Result<Runtime, String> {
    let runtime = builder().on(Arc::clone(store) as Arc<dyn Store>).await;
    runtime.map_err(|error| error.to_string())
}

/// The same, with a clock of its own, so that nobody's patience takes time.
fn alone_on(store: &Arc<SqliteStore>) -> TestRuntime {
    TestRuntime::on(builder(), 0, Arc::clone(store) as Arc<dyn Store>)
}

fn open(file: &Path) -> Result<Arc<SqliteStore>, StoreError> {
    SqliteStore::open(file).map(Arc::new)
}

fn text(number: usize) -> String {
    format!("text {number}")
}

/// Tells all jobs that are not over the word that they wait for, and waits for their ends.
async fn let_end(runtime: &Runtime) {
    let open: Vec<JobId> = runtime
        .jobs(&JobFilter::new())
        .into_iter()
        .filter(|job| !job.state.is_over())
        .map(|job| job.id)
        .collect();
    for job in open.into_iter().filter_map(|id| runtime.job(id)) {
        let _ = job.signal("word", "end").await;
        assert!(job.await.is_ok());
    }
}
