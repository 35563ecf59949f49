//! A runtime where a librarian may have vectors made.

use std::sync::Arc;

use serde_json::Value;
use workflow_agents::policy::{Policy, Role};
use workflow_agents::vectors::{Embedder, Embedders};
use workflow_agents::{Embed, Vectors, embed};
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};
use workflow_runtime::{JobHandle, JobId};

workflow! {
    /// Vectors, for a librarian.
    pub workflow Shelve(request: Embed) -> Vectors {
        phase make {
            #[role("librarian")] #[retry(max = 2, first = "1ms")]
            made = embed(request);
        }
        made
    }
}

/// A runtime where a librarian may have vectors made.
pub(crate) struct Setting {
    pub(crate) runtime: Runtime,
    pub(crate) store: Arc<MemoryStore>,
}

/// What a librarian may.
pub(crate) fn librarian() -> Role {
    Role::new().tool("embed").model("*")
}

impl Setting {
    pub(crate) async fn with(role: Role, embedders: Embedders) -> Self {
        let store = Arc::new(MemoryStore::new());
        let policy = Policy::new().role("librarian", role.clone()).role("embedding", role);
        let builder = Runtime::builder().state(policy).state(embedders);
        let runtime = builder.on(store.clone()).await.expect("it starts");
        Self { runtime, store }
    }

    /// Where there is a model `m`.
    pub(crate) async fn of(embedder: Embedder) -> Self {
        Self::with(librarian(), Embedders::new().with("m", embedder)).await
    }

    pub(crate) async fn make(&self, request: Embed) -> Result<Vectors, String> {
        self.runtime.run(Shelve { request }).await.map_err(|error| error.to_string())
    }

    pub(crate) async fn begin(&self, request: Embed) -> JobHandle<Vectors> {
        self.runtime.submit(Shelve { request }).await.expect("it is taken")
    }

    /// All that is kept.
    pub(crate) fn kept(&self, job: JobId) -> String {
        format!("{:?}", self.store.read(job).expect("it answers"))
    }

    /// What the audit says came of things, the oldest first.
    pub(crate) fn audit(&self) -> Vec<String> {
        let notes = self.store.notes("audit").expect("it answers");
        let deeds = notes.iter().map(|note| serde_json::from_str(&note.text).expect("it is JSON"));
        deeds.map(|deed: Value| deed["came"].as_str().expect("it is a text").to_owned()).collect()
    }
}

/// Two texts for the model `m`.
pub(crate) fn two() -> Embed {
    Embed::new("m").texts(["a cache", "a queue"])
}
