//! A runtime where somebody may call tools.

use std::sync::Arc;
use std::time::{Duration, Instant};

use workflow_agents::policy::{Policy, Role};
use workflow_agents::{Mcp, McpAnswer, McpServers, mcp};
use workflow_runtime::JobHandle;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};

workflow! {
    /// One call.
    pub workflow Calls(call: Mcp) -> McpAnswer {
        phase call {
            #[role("caller")]
            answer = mcp(call);
        }
        answer
    }
}

/// A runtime where somebody may call tools.
pub(crate) struct Setting {
    runtime: Runtime,
    store: Arc<MemoryStore>,
}

impl Setting {
    pub(crate) async fn with(role: Role, servers: McpServers) -> Self {
        let store = Arc::new(MemoryStore::new());
        let policy = Policy::new().role("caller", role);
        let builder = Runtime::builder().state(policy).state(servers);
        Self { runtime: builder.on(store.clone()).await.expect("it starts"), store }
    }

    pub(crate) async fn run(&self, call: Mcp) -> Result<McpAnswer, String> {
        self.runtime.run(Calls { call }).await.map_err(|error| error.to_string())
    }

    pub(crate) async fn submit(&self, call: Mcp) -> JobHandle<McpAnswer> {
        self.runtime.submit(Calls { call }).await.expect("it is taken in")
    }

    /// How many records the audit has.
    pub(crate) fn audited(&self) -> usize {
        self.store.notes("audit").expect("it answers").len()
    }
}

/// Waits until something outside is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: it is not");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
