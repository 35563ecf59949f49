//! A runtime with one role, and a folder of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value as Json;
use workflow_agents::policy::{Limits, Policy, Role};
use workflow_agents::{Wasm, wasm};
use workflow_runtime::JobHandle;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};

workflow! {
    /// One component, as a critic.
    pub workflow AsCritic(component: Wasm) -> Json {
        phase run {
            #[role("critic")]
            given = wasm(component);
        }
        given
    }
}

workflow! {
    /// One component, as nobody.
    pub workflow AsNobody(component: Wasm) -> Json {
        phase run {
            given = wasm(component);
        }
        given
    }
}

/// A runtime where a critic may run the components of a folder, which goes with the test.
pub(crate) struct Setting {
    pub(crate) runtime: Runtime,
    pub(crate) folder: PathBuf,
    store: Arc<MemoryStore>,
}

impl Setting {
    pub(crate) async fn with(limits: Limits) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("components-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("it is made");
        let folder = folder.canonicalize().expect("it is there");
        let store = Arc::new(MemoryStore::new());
        let role = Role::new().tool("wasm").read(&folder).limits(limits);
        let policy = Policy::new().role("critic", role);
        let runtime = Runtime::builder().state(policy).on(store.clone()).await.expect("it starts");
        Self { runtime, folder, store }
    }

    pub(crate) async fn plain() -> Self {
        Self::with(Limits::default()).await
    }

    /// Puts bytes into a file; gives its name.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let file = self.folder.join(name);
        std::fs::write(&file, bytes).expect("it is written");
        file
    }

    /// Puts a component in text into a file, to be run.
    pub(crate) fn component(&self, text: &str) -> Wasm {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}.wasm", COUNT.fetch_add(1, Ordering::Relaxed));
        let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        Wasm::file(self.file(&name, bytes))
    }

    pub(crate) async fn run(&self, component: Wasm) -> Result<Json, String> {
        self.runtime.run(AsCritic { component }).await.map_err(|error| error.to_string())
    }

    pub(crate) async fn submit(&self, component: Wasm) -> JobHandle<Json> {
        self.runtime.submit(AsCritic { component }).await.expect("it is taken")
    }

    /// How many records the audit has.
    pub(crate) fn audited(&self) -> usize {
        self.store.notes("audit").expect("it answers").len()
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
