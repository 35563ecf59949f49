//! A container that goes, whatever becomes of who made it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerCreateResponse};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use workflow_runtime::{AgentError, TaskContext};

use super::engine::{Engine, status, told};
use super::trace::Trace;

/// How long it is waited before it is tried again to remove a container.
const AGAIN: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1600)];

/// A container of ours. Dropped, it is removed all the same, by a task of its own.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) engine: Engine,
    /// We name it, so that it can be removed before it is known whether it was made.
    pub(super) name: String,
    /// What makes it. It goes on when nobody waits for it, for an engine makes what it was asked for even if nobody listens.
    making: Option<JoinHandle<Result<ContainerCreateResponse, Error>>>,
    runtime: Handle,
    is_gone: bool,
}

impl Own {
    /// Makes it; nothing runs in it yet.
    ///
    /// # Errors
    /// When the engine does not make it, or not so that it is held to its limits.
    pub(super) async fn make(
        engine: &Engine,
        body: ContainerCreateBody,
        context: &TaskContext,
    ) -> Result<Self, AgentError> {
        let (name, runtime) = (new_name(), Handle::current());
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let docker = engine.docker.clone();
        let making = tokio::spawn(async move { docker.create_container(Some(options), body).await });
        let engine = engine.clone();
        let mut own = Self { engine, name, making: Some(making), runtime, is_gone: false };
        let made = own.made().await;
        if made.is_err() {
            own.remove(context).await;
        }
        made.map(|()| own)
    }

    async fn made(&mut self) -> Result<(), AgentError> {
        let Some(making) = &mut self.making else { return Ok(()) };
        let made = making.await;
        self.making = None;
        let made = made.map_err(|error| AgentError::retry(format!("it could not be asked for: {error}")))?;
        let made = made.map_err(|error| self.engine.failure("make the container", &error))?;
        match made.warnings.iter().find(|warning| warning.contains("discarded")) {
            None => Ok(()),
            Some(warning) => Err(AgentError::permanent(format!(
                "the engine at {} does not hold containers to their limits: {warning}; nothing was run",
                self.engine.address
            ))),
        }
    }

    /// Removes it, with all that is in it. Where that cannot be, somebody is told.
    pub(super) async fn remove(&mut self, context: &TaskContext) {
        if let Err(why) = remove(&self.engine, &self.name).await {
            let name = &self.name;
            context.log(format!("the container `{name}` could not be removed: {why}; remove it by hand"));
        }
        self.is_gone = true;
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if self.is_gone {
            return;
        }
        let (engine, name, making) =
            (self.engine.clone(), std::mem::take(&mut self.name), self.making.take());
        self.runtime.spawn(async move {
            if let Some(making) = making {
                // Whether it was made is seen when it is removed.
                drop(making.await);
            }
            drop(remove(&engine, &name).await);
        });
    }
}

/// Removes what earlier attempts of a task have left, such as one whose process was killed.
///
/// # Errors
/// When something of it stays: two attempts do not run at once.
pub(super) async fn clear(engine: &Engine, trace: &Trace) -> Result<(), AgentError> {
    let options = ListContainersOptionsBuilder::new().all(true).filters(&trace.filters()).build();
    let found = engine.docker.list_containers(Some(options)).await;
    let found = found.map_err(|error| engine.failure("say what earlier attempts have left", &error))?;
    for id in found.into_iter().filter_map(|container| container.id) {
        remove(engine, &id).await.map_err(|why| {
            AgentError::retry(format!("the container {id} of an earlier attempt could not be removed: {why}"))
        })?;
    }
    Ok(())
}

/// Removes a container; one that is not there is removed.
async fn remove(engine: &Engine, container: &str) -> Result<(), String> {
    let mut pauses = AGAIN.iter();
    loop {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let Err(error) = engine.docker.remove_container(container, Some(options)).await else {
            return Ok(());
        };
        if status(&error) == Some(404) {
            return Ok(());
        }
        let why = told(&error);
        let Some(pause) = pauses.next() else {
            tracing::warn!(container, why, "a container could not be removed");
            return Err(why);
        };
        tokio::time::sleep(*pause).await;
    }
}

/// A name that no other container has.
fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("workflow-{:x}-{process:x}-{count:x}", since.as_nanos())
}
