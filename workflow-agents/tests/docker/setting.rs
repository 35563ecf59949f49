//! A runtime with one role, and a folder of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use workflow_agents::policy::{Policy, Role};
use workflow_agents::{Container, Finished, docker};
use workflow_runtime::JobHandle;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};

use crate::engine::Engine;

workflow! {
    /// One container, as a coder, tried again once.
    pub workflow AsCoder(container: Container) -> Finished {
        phase run {
            #[role("coder")]
            #[retry(max = 1, first = "1ms")]
            finished = docker(container);
        }
        finished
    }
}

workflow! {
    /// One container, as nobody.
    pub workflow AsNobody(container: Container) -> Finished {
        phase run {
            finished = docker(container);
        }
        finished
    }
}

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("containers-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("it is made");
        Self(path.canonicalize().expect("it is there"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A runtime where a coder may do something.
pub(crate) struct Setting {
    pub(crate) runtime: Runtime,
    store: Arc<MemoryStore>,
}

impl Setting {
    pub(crate) async fn at(address: &str, role: Role) -> Self {
        let store = Arc::new(MemoryStore::new());
        let policy = Policy::new().role("coder", role.tool("docker").engine(address));
        let runtime = Runtime::builder().state(policy).on(store.clone()).await.expect("it starts");
        Self { runtime, store }
    }

    /// Where who is told to stop is dropped soon.
    pub(crate) async fn hasty(engine: &Engine) -> Self {
        let store = Arc::new(MemoryStore::new());
        let role = Role::new().image("*").tool("docker").engine(engine.address());
        let builder = Runtime::builder().state(Policy::new().role("coder", role));
        let builder = builder.grace(std::time::Duration::from_millis(50));
        Self { runtime: builder.on(store.clone()).await.expect("it starts"), store }
    }

    pub(crate) async fn with(engine: &Engine, role: Role) -> Self {
        Self::at(&engine.address(), role).await
    }

    /// Where a coder may run any image.
    pub(crate) async fn any(engine: &Engine) -> Self {
        Self::with(engine, Role::new().image("*")).await
    }

    pub(crate) async fn run(&self, container: Container) -> Result<Finished, String> {
        self.runtime.run(AsCoder { container }).await.map_err(|error| error.to_string())
    }

    pub(crate) async fn submit(&self, container: Container) -> JobHandle<Finished> {
        self.runtime.submit(AsCoder { container }).await.expect("it is taken")
    }

    /// What the audit says, the oldest first.
    pub(crate) fn audit(&self) -> Vec<serde_json::Value> {
        let notes = self.store.notes("audit").expect("it answers");
        notes.iter().map(|note| serde_json::from_str(&note.text).expect("it is JSON")).collect()
    }
}

/// A container of the image that there is.
pub(crate) fn one() -> Container {
    Container::of("busybox:1")
}

/// Waits until something is so, or says that it never was.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..4000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it never was so that {what}");
}
