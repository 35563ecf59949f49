//! The threads of a command that runs something.

use std::future::Future;

use super::refusal::{Exit, Refusal};

/// Runs something to its end.
pub(super) fn block_on<T>(body: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let threads = threads.map_err(|error| {
        Refusal::new(Exit::Failed, format!("the operating system gives no threads to run on: {error}"))
    })?;
    threads.block_on(body)
}

/// Waits until somebody wants the program to end.
pub(super) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut told) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = told.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
