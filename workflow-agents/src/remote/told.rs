//! What servers tell meanwhile.

use rmcp::handler::client::progress::ProgressDispatcher;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam};
use rmcp::service::NotificationContext;
use rmcp::{ClientHandler, RoleClient};

/// Hears what a server tells meanwhile, and passes progress on to the call that it is about. Nothing is done that a server asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) progress: ProgressDispatcher,
}

impl ClientHandler for Told {
    fn get_info(&self) -> ClientConfig {
        let own = Implementation::new("workflow-agents", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), own)
    }

    async fn on_progress(&self, told: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.progress.handle_notification(told).await;
    }
}
