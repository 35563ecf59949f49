//! From a port whose methods block to a client that is asynchronous.

use std::future::Future;
use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime};

use crate::store::{StoreError, StoreErrorKind};

/// A runtime of the store's own, with one thread: what a connection needs goes on there, whoever waits for it, and on
/// whatever thread he waits.
#[derive(Debug)]
pub(super) struct Bridge(Option<Runtime>);

impl Bridge {
    pub(super) fn new() -> Result<Self, StoreError> {
        let built = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("workflow-postgres")
            .enable_all()
            .build();
        built.map(|runtime| Self(Some(runtime))).map_err(|error| {
            let message = format!("a thread for the connections to PostgreSQL cannot be made: {error}");
            StoreError::new(StoreErrorKind::Unavailable, message)
        })
    }

    /// Waits until it is done.
    ///
    /// # Panics
    /// When it does.
    pub(super) fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (done, heard) = mpsc::sync_channel(1);
        self.spawn(async move { drop(done.send(work.await)) });
        heard.recv().expect("what the store does does not panic")
    }

    /// Lets it go on by itself, until it is done or the store is gone.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(work);
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // A store may be dropped where nothing may block.
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}
