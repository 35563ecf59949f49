//! What speaks to a client.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::call::Call;
use super::offer::Offers;
use crate::http::access::Person;
use crate::http::desk::Desk;

/// For how long it is waited for answers that nobody hears.
const GRACE: Duration = Duration::from_secs(5);

/// What speaks to a client.
#[derive(Debug, Clone)]
pub(in crate::http) struct Server {
    desk: Arc<Desk>,
    offers: Offers,
    /// Who calls, where nothing says it.
    person: Person,
    /// It is not the client who ends it.
    ends: Arc<AtomicBool>,
    /// It is there as long as somebody is answered.
    answers: Option<mpsc::Sender<Infallible>>,
}

impl Server {
    pub(in crate::http) fn new(desk: Arc<Desk>, offers: Offers) -> Self {
        Self { desk, offers, person: Person::operator("mcp"), ends: Arc::default(), answers: None }
    }

    /// Speaks to one client, until it or somebody else ends that.
    pub(in crate::http) async fn speak<R, W>(mut self, from: R, to: W, until: impl Future<Output = ()>)
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let (answers, mut answered) = mpsc::channel(1);
        self.answers = Some(answers);
        let ends = Arc::clone(&self.ends);
        let speaking = async {
            match rmcp::serve_server(self, (from, to)).await {
                Ok(serving) => drop(serving.waiting().await),
                Err(error) => tracing::info!("a client of the tools has gone before it began: {error}"),
            }
        };
        tokio::select! {
            () = speaking => {}
            () = until => ends.store(true, Ordering::Relaxed),
        }
        // Calls that nobody waits for any more are still to be cancelled.
        let _ = tokio::time::timeout(GRACE, answered.recv()).await;
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let own = Implementation::new(self.desk.program.clone(), self.desk.version.clone());
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build()).with_server_info(own)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.offers.get(name).map(|offer| offer.tool.clone())
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.offers.tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let offer = self.offers.get(&request.name).ok_or_else(|| {
            let nearest = self.offers.nearest(&request.name);
            let nearest = nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            ErrorData::invalid_params(format!("there is no tool `{}`{nearest}", request.name), None)
        })?;
        let said = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Person>());
        let person = said.unwrap_or(&self.person);
        let arguments = request.arguments.unwrap_or_default();
        let job = Call { desk: &self.desk, person, offer, context: &context, ends: &self.ends };
        Ok(job.run(arguments).await.into())
    }
}
