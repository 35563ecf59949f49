//! How what goes on by itself hears that it is to end.

use tokio::sync::watch;

/// Tells all who listen to stop. Those who hear of its end stop, too.
#[derive(Debug)]
pub(super) struct Stop(watch::Sender<bool>);

/// Hears of it.
#[derive(Debug, Clone)]
pub(super) struct Stopped(watch::Receiver<bool>);

impl Stop {
    pub(super) fn new() -> Self {
        Self(watch::channel(false).0)
    }

    pub(super) fn listen(&self) -> Stopped {
        Stopped(self.0.subscribe())
    }

    pub(super) fn tell(&self) {
        self.0.send_replace(true);
    }
}

impl Stopped {
    /// Comes when it is told.
    pub(super) async fn told(&self) {
        drop(self.0.clone().wait_for(|told| *told).await);
    }

    pub(super) fn is_told(&self) -> bool {
        *self.0.borrow()
    }
}
