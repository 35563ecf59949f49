//! A connection to NATS.

use std::fmt;

use async_nats::{Client, ConnectOptions};

use super::error::NatsError;

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
}

impl fmt::Debug for Nats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Nats(..)")
    }
}
