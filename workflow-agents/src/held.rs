//! What is done within the time that it may take.

use std::future::{Future, pending};

use workflow_runtime::{AgentError, TaskContext};

use crate::policy::Limits;

/// Does something until the attempt is told to stop, or it takes longer than it may: `late` says what that means, of so much time.
pub(crate) async fn held<T>(
    context: &TaskContext,
    limits: &Limits,
    work: impl Future<Output = Result<T, AgentError>>,
    late: impl FnOnce(&str) -> String,
) -> Result<T, AgentError> {
    let over = async {
        match limits.time() {
            Some(time) => context.sleep(time).await,
            None => pending().await,
        }
    };
    tokio::select! {
        done = work => done,
        () = context.cancelled() => Err(AgentError::retry("it was given up, for its attempt was told to stop")),
        () = over => {
            let time = workflow_graph::format_duration(limits.time().unwrap_or_default());
            Err(AgentError::retry(late(&time)))
        }
    }
}

/// What it means where the role says how long something may take.
#[cfg(any(feature = "embedding", feature = "http", feature = "llm"))]
pub(crate) fn as_its_role_may(time: &str) -> String {
    format!("it took longer than {time}, which is as long as its role may ask")
}
