//! A runtime with one role, and a folder of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value as Json;
use workflow_agents::policy::{Policy, Role};
use workflow_agents::{Lua, lua};
use workflow_runtime::JobHandle;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};

workflow! {
    /// One script, as a critic.
    pub workflow AsCritic(script: Lua) -> Json {
        phase run {
            #[role("critic")]
            given = lua(script);
        }
        given
    }
}

workflow! {
    /// One script, as nobody.
    pub workflow AsNobody(script: Lua) -> Json {
        phase run {
            given = lua(script);
        }
        given
    }
}

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("scripts-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("it is made");
        Self(path.canonicalize().expect("it is there"))
    }

    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("it is made");
        std::fs::write(&path, text).expect("it is written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A runtime where a critic may run scripts.
pub(crate) struct Setting {
    pub(crate) runtime: Runtime,
    store: Arc<MemoryStore>,
}

impl Setting {
    pub(crate) async fn with(role: Role) -> Self {
        let store = Arc::new(MemoryStore::new());
        let policy = Policy::new().role("critic", role.tool("lua"));
        let runtime = Runtime::builder().state(policy).on(store.clone()).await.expect("it starts");
        Self { runtime, store }
    }

    /// Where a critic may run scripts, and no more.
    pub(crate) async fn plain() -> Self {
        Self::with(Role::new()).await
    }

    pub(crate) async fn run(&self, script: Lua) -> Result<Json, String> {
        self.runtime.run(AsCritic { script }).await.map_err(|error| error.to_string())
    }

    /// What a text gives.
    pub(crate) async fn gives(&self, text: &str) -> Json {
        self.run(Lua::new(text)).await.unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// How a text fails.
    pub(crate) async fn fails(&self, text: &str) -> String {
        match self.run(Lua::new(text)).await {
            Ok(given) => panic!("{text}: it gave {given}"),
            Err(told) => told,
        }
    }

    pub(crate) async fn submit(&self, script: Lua) -> JobHandle<Json> {
        self.runtime.submit(AsCritic { script }).await.expect("it is taken")
    }

    /// What the audit says, the oldest first.
    pub(crate) fn audit(&self) -> Vec<Json> {
        let notes = self.store.notes("audit").expect("it answers");
        notes.iter().map(|note| serde_json::from_str(&note.text).expect("it is JSON")).collect()
    }
}
