//! The threads of a command that runs something.

use std::future::Future;

use super::refusal::{Exit, Refusal};

/// Runs something to its end.
pub(super) fn block_on<T>(body: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    threads()?.block_on(body)
}

/// The same for what reads the standard input: whoever waits there for more is not waited for.
#[cfg(feature = "mcp")]
pub(super) fn block_on_reading<T>(body: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    let threads = threads()?;
    let done = threads.block_on(body);
    threads.shutdown_background();
    done
}

fn threads() -> Result<tokio::runtime::Runtime, Refusal> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Refusal::new(Exit::Failed, format!("the operating system gives no threads to run on: {error}"))
    })
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
