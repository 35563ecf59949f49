//! What stands behind the desk: a runtime of this process, or a file that another process works on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::act::{Act, Declined, Done};
use crate::registry::Registry;
use crate::report::AgentReport;
use crate::runtime::Runtime;
use crate::store::{Store, StoreError, StoreErrorKind};

/// What stands behind the desk.
#[derive(Debug, Clone)]
pub(super) enum Behind {
    /// A runtime of this process.
    Runtime(Runtime),
    /// A file that another process works on: it is read here, and who works on it does what is wanted.
    #[cfg(all(feature = "cli", feature = "sqlite"))]
    File { registry: Arc<Registry>, look: Arc<crate::store::SqliteLook>, path: std::path::PathBuf },
}

impl Behind {
    pub(super) fn registry(&self) -> &Arc<Registry> {
        match self {
            Self::Runtime(runtime) => &runtime.engine.registry,
            #[cfg(all(feature = "cli", feature = "sqlite"))]
            Self::File { registry, .. } => registry,
        }
    }

    pub(super) fn runtime(&self) -> Option<&Runtime> {
        match self {
            Self::Runtime(runtime) => Some(runtime),
            #[cfg(all(feature = "cli", feature = "sqlite"))]
            Self::File { .. } => None,
        }
    }

    /// Has something done in the background.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Runtime(runtime) => runtime.engine.executor.spawn(work),
            #[cfg(all(feature = "cli", feature = "sqlite"))]
            Self::File { .. } => drop(tokio::spawn(work)),
        }
    }

    /// Where jobs are kept, in words that hold no password.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Runtime(runtime) => match &runtime.engine.scribe {
                Some(scribe) => scribe.store_name().to_owned(),
                None => "memory".to_owned(),
            },
            #[cfg(all(feature = "cli", feature = "sqlite"))]
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    /// Asks the store, where that may take its time; what is in memory only is looked at in its place.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Store, &Registry) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let registry = Arc::clone(self.registry());
        match self {
            Self::Runtime(runtime) if runtime.engine.scribe.is_some() => {
                let asked = runtime.engine.ask_store(move |store| ask(store, &registry)).await?;
                asked.ok_or_else(|| gone("the runtime is gone"))
            }
            Self::Runtime(runtime) => {
                let engine = Arc::clone(&runtime.engine);
                apart(move || ask(&super::memory::Memory(engine), &registry)).await
            }
            #[cfg(all(feature = "cli", feature = "sqlite"))]
            Self::File { look, .. } => {
                let look = Arc::clone(look);
                apart(move || ask(&*look, &registry)).await
            }
        }
    }

    /// How agents have done in the last hours.
    pub(super) async fn report(&self, hours: u64) -> Result<BTreeMap<String, AgentReport>, StoreError> {
        match self {
            Self::Runtime(runtime) => runtime.report(hours).await,
            #[cfg(all(feature = "cli", feature = "sqlite"))]
            Self::File { .. } => {
                let span = crate::report::Span::last(hours, crate::timestamp::Timestamp::now());
                self.ask(move |store, _| Ok(span.tell(&span.read(store)?))).await
            }
        }
    }

    /// Has something done.
    pub(super) async fn perform(&self, who: &str, act: Act) -> Result<Done, Declined> {
        match self {
            Self::Runtime(runtime) => runtime.perform_for(who, act).await,
            #[cfg(all(feature = "cli", feature = "sqlite"))]
            Self::File { path, .. } => {
                let (path, who) = (path.clone(), who.to_owned());
                let asked = apart(move || Ok(crate::door::ask(&path, &who, &act))).await?;
                let nobody = || {
                    let message = "no process works on the file: start one, by `worker`";
                    Declined::new(crate::act::DeclinedKind::Store, message)
                };
                let lost = |error: std::io::Error| {
                    let message = format!(
                        "the process that works on the file was asked, and it is not known whether it did it: {error}; \
                         look before you ask again"
                    );
                    Declined::new(crate::act::DeclinedKind::Store, message)
                };
                asked.map_err(lost)?.ok_or_else(nobody)?
            }
        }
    }
}

async fn apart<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let asked = tokio::task::spawn_blocking(ask).await;
    asked.unwrap_or_else(|_| Err(gone("what was asked panicked, or the process ends")))
}

fn gone(why: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, why)
}
