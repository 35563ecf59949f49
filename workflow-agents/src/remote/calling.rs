//! A call that goes on.

use rmcp::RoleClient;
use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest, JsonObject, ServerResult};
use rmcp::service::{PeerRequestOptions, RequestHandle, ServiceError};

use super::connection::Open;

/// A call that goes on. Dropped before it is answered, it is taken back: the server is told that nobody wants it any more.
pub(super) struct Calling(Option<RequestHandle<RoleClient>>);

impl Calling {
    pub(super) async fn begin(open: &Open, tool: &str, arguments: JsonObject) -> Result<Self, ServiceError> {
        let call = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(call));
        let handle = open.send_cancellable_request(request, PeerRequestOptions::no_options()).await?;
        Ok(Self(Some(handle)))
    }

    /// By what its progress is known.
    pub(super) fn token(&self) -> Option<rmcp::model::ProgressToken> {
        self.0.as_ref().map(|handle| handle.progress_token.clone())
    }

    /// What it is answered. It may be asked again until it is.
    pub(super) async fn answer(&mut self) -> Result<ServerResult, ServiceError> {
        let Some(handle) = &mut self.0 else { return Err(ServiceError::TransportClosed) };
        let answered = (&mut handle.rx).await.unwrap_or(Err(ServiceError::TransportClosed));
        self.0 = None;
        answered
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let (Some(handle), Ok(threads)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            threads.spawn(async move {
                let why = "nobody wants it any more".to_owned();
                drop(handle.cancel(Some(why)).await);
            });
        }
    }
}
