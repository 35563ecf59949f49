//! A connection to NATS.

use std::fmt;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use futures_util::StreamExt;

use super::error::NatsError;

/// How long it may take until the server has read what was sent.
const ROUND: Duration = Duration::from_secs(1);

/// A connection to NATS. Clones are the same; it connects again by itself.
#[derive(Clone)]
pub struct Nats {
    pub(super) client: Client,
}

impl Nats {
    /// Connects to a server, such as `nats://10.0.0.7:4222`; several are separated by commas.
    ///
    /// # Errors
    /// When there is none.
    pub async fn connect(address: impl Into<String>) -> Result<Self, NatsError> {
        let address = address.into();
        let connected = ConnectOptions::new().name("workflow").connect(address.as_str()).await;
        connected.map(Self::of).map_err(|cause| NatsError::Unreachable { address, cause })
    }

    /// One that was made by the client's own means: with credentials, certificates, and what else there is.
    pub fn of(client: Client) -> Self {
        Self { client }
    }

    /// Waits until the server has read all that was sent to it so far: it has when what is sent to oneself comes back. Who may
    /// not send to himself, or has no server at the moment, waits no longer than for a second.
    pub(super) async fn is_read(&self) {
        let inbox = self.client.new_inbox();
        let back = async {
            let mut own = self.client.subscribe(inbox.clone()).await.ok()?;
            self.client.publish(inbox, Vec::new().into()).await.ok()?;
            own.next().await
        };
        drop(tokio::time::timeout(ROUND, back).await);
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Nats(..)")
    }
}
