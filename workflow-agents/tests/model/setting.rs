//! A runtime where an asker may ask models, and one question as the asker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use workflow_agents::model::{Model, Models, Provider, Reply};
use workflow_agents::policy::{Policy, Role};
use workflow_agents::{Llm, llm};
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};
use workflow_runtime::{JobHandle, JobId};

use crate::server::Server;
use crate::wire::model;

workflow! {
    /// One question, as an asker.
    pub workflow Ask(request: Llm) -> Reply {
        phase ask {
            #[role("asker")] #[retry(max = 2, first = "1ms")]
            reply = llm(request);
        }
        reply
    }
}

/// How often the weather was looked up, in a runtime.
#[derive(Debug, Default, Clone)]
pub(crate) struct Looked(pub(crate) Arc<AtomicU32>);

/// Says how warm it is somewhere.
#[task_agent(name = "town.weather")]
pub(crate) async fn weather(
    city: String,
    looked: State<Looked>,
    ctx: &TaskContext,
) -> Result<String, AgentError> {
    looked.0.0.fetch_add(1, Ordering::Relaxed);
    if ctx.role().as_deref() != Some("asker") {
        return Err(AgentError::permanent("nobody asks"));
    }
    match city.as_str() {
        "Atlantis" => Err(AgentError::permanent("it is under water")),
        city => Ok(format!("{city}: 21 degrees")),
    }
}

/// Adds two numbers.
#[task_agent]
pub(crate) async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// A runtime where an asker may ask.
pub(crate) struct Setting {
    pub(crate) runtime: Runtime,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) looked: Looked,
}

/// What an asker may.
pub(crate) fn asker() -> Role {
    Role::new().tool("llm").tool("town.weather").tool("add").model("*")
}

impl Setting {
    pub(crate) async fn with(role: Role, models: Models) -> Self {
        let (store, looked) = (Arc::new(MemoryStore::new()), Looked::default());
        let policy = Policy::new().role("asker", role);
        let builder = Runtime::builder().state(policy).state(models).state(looked.clone());
        let runtime = builder.on(store.clone()).await.expect("it starts");
        Self { runtime, store, looked }
    }

    /// Where a model `m` is asked that a server is.
    pub(crate) async fn asking(provider: Provider, server: &Server) -> Self {
        Self::of(model(provider, server)).await
    }

    pub(crate) async fn of(model: Model) -> Self {
        Self::with(asker(), Models::none().with("m", model)).await
    }

    pub(crate) async fn ask(&self, request: Llm) -> Result<Reply, String> {
        self.runtime.run(Ask { request }).await.map_err(|error| error.to_string())
    }

    pub(crate) async fn begin(&self, request: Llm) -> JobHandle<Reply> {
        self.runtime.submit(Ask { request }).await.expect("it is taken")
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

/// A question to the model `m`.
pub(crate) fn question() -> Llm {
    Llm::new("m").user("How warm is it?")
}

/// What a server was sent, the body of each request.
pub(crate) fn bodies(server: &Server) -> Vec<Value> {
    let body = |asked: &String| {
        let (_, body) = asked.split_once("\r\n\r\n").expect("it has a body");
        serde_json::from_str(body).expect("it is JSON")
    };
    server.asked().iter().map(body).collect()
}
