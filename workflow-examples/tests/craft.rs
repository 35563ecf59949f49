//! Agents at work: what is planned is written, tested and judged, and who may not is refused, which all is kept.

#![cfg(target_os = "linux")]

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;
use workflow_examples::craft::{Craft, Crafted, models, policy};
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};
use workflow_runtime::{JobHandle, TaskState};

/// Runs the example in a folder of its own, which goes with the test.
struct Workshop {
    folder: PathBuf,
    store: Arc<MemoryStore>,
    runtime: Runtime,
}

impl Workshop {
    async fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("craft-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("it is made");
        let folder = folder.canonicalize().expect("it is there");
        let store = Arc::new(MemoryStore::new());
        let builder = Runtime::builder().state(policy(&folder)).state(models().expect("there is a port"));
        let runtime = builder.on(store.clone()).await.expect("it starts");
        Self { folder, store, runtime }
    }

    async fn craft(&self) -> (JobHandle<Crafted>, Crafted) {
        let job =
            self.runtime.submit(Craft { task: "greet people".to_owned() }).await.expect("it is taken in");
        let crafted = job.clone().await.expect("it is made");
        (job, crafted)
    }

    fn audit(&self) -> Vec<Json> {
        let notes = self.store.notes("audit").expect("it answers");
        notes.iter().map(|note| serde_json::from_str(&note.text).expect("it is JSON")).collect()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_is_written_tested_and_judged_and_who_may_not_is_refused() {
    let workshop = Workshop::new("all").await;
    let (job, crafted) = workshop.craft().await;
    assert!(crafted.judgement.accepted, "{crafted:?}");
    assert_eq!(crafted.files, ["greet.sh", "test.sh"]);
    assert!(crafted.cost_cents > 0.0 && !crafted.critic_meddled, "{crafted:?}");
    let greet = std::fs::read_to_string(workshop.folder.join("greet.sh")).expect("it is written");
    assert!(greet.contains("Hello, ${1:-world}!"), "{greet}");
    // Every agent is a step of the one job, the one that was refused, too.
    let tasks = job.tasks();
    let state = |path: &str| tasks.iter().find(|task| &*task.path == path).map(|task| task.state);
    assert_eq!(state("meddled"), Some(TaskState::Failed));
    for path in ["reply", "plan", "tested", "judged", "crafted"] {
        assert_eq!(state(path), Some(TaskState::Succeeded), "{path}");
    }
    let audit = workshop.audit();
    let [refused] = &audit[..] else { panic!("one is refused: {audit:?}") };
    assert!(refused["who"].as_str().is_some_and(|who| who.ends_with(", as critic")), "{refused}");
    assert!(refused["came"].as_str().is_some_and(|came| came.contains("role.critic.tools")), "{refused}");
}
