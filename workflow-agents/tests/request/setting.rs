//! A runtime where a coder may ask, and one request as a coder.

use std::sync::Arc;

use workflow_agents::policy::{Policy, Role};
use workflow_agents::{Answer, Http, http};
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};

use crate::server::Server;

workflow! {
    /// One request, as a coder.
    pub workflow Ask(request: Http) -> Answer {
        phase ask {
            #[role("coder")] #[retry(max = 2, first = "1ms")]
            answer = http(request);
        }
        answer
    }
}

/// A runtime where a coder may ask.
pub(crate) struct Setting {
    pub(crate) runtime: Runtime,
    pub(crate) store: Arc<MemoryStore>,
}

impl Setting {
    pub(crate) async fn with(role: Role) -> Self {
        let store = Arc::new(MemoryStore::new());
        let policy = Policy::new().role("coder", role.tool("http"));
        let runtime = Runtime::builder().state(policy).on(store.clone()).await.expect("it starts");
        Self { runtime, store }
    }

    /// Where a coder may ask a server by any method.
    pub(crate) async fn asking(server: &Server) -> Self {
        Self::with(role(&[&server.address.to_string()])).await
    }

    pub(crate) async fn ask(&self, request: Http) -> Result<Answer, String> {
        self.runtime.run(Ask { request }).await.map_err(|error| error.to_string())
    }

    /// What the audit says came of things, the oldest first.
    pub(crate) fn audit(&self) -> Vec<String> {
        let notes = self.store.notes("audit").expect("it answers");
        let deeds = notes.iter().map(|note| serde_json::from_str(&note.text).expect("it is JSON"));
        deeds.map(|deed: serde_json::Value| deed["came"].as_str().expect("it is a text").to_owned()).collect()
    }
}

/// A role that may ask these hosts by any method.
pub(crate) fn role(hosts: &[&str]) -> Role {
    let role = hosts.iter().fold(Role::new(), |role, host| role.host(host).expect("it is a host"));
    role.method("*")
}
