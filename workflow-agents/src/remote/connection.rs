//! A connection to a server, which is made when it is needed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use process_wrap::tokio::{CommandWrap, KillOnDrop};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::RoleClient;
use rmcp::model::ProtocolVersion;
use rmcp::service::{ClientLifecycleMode, RunningService, serve_client_with_lifecycle};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use tokio::process::Command;
use tokio::sync::Mutex;
use workflow_runtime::AgentError;

use super::server::{McpServer, Way};
use super::told::Told;
use crate::web::{filled, tls};

/// How long it may take until somebody answers at all, and until he has said who he is.
const CONNECT: Duration = Duration::from_secs(10);
const GREET: Duration = Duration::from_secs(30);

/// How long an answer may be.
const LONG: usize = 16 << 20;

/// Somebody who is talked to. Dropped, he is left.
pub(super) type Open = RunningService<RoleClient, Told>;

/// A connection to a server, which is made when it is needed, and again when it is lost.
pub(super) struct Connection {
    server: McpServer,
    open: Mutex<Option<Arc<Open>>>,
}

impl Connection {
    pub(super) fn to(server: McpServer) -> Self {
        Self { server, open: Mutex::new(None) }
    }

    /// The server, to be talked to.
    pub(super) async fn open(&self) -> Result<Arc<Open>, AgentError> {
        let mut open = self.open.lock().await;
        if let Some(known) = &*open
            && !known.is_transport_closed()
        {
            return Ok(Arc::clone(known));
        }
        let made = tokio::time::timeout(GREET, self.server.connect());
        let late = || AgentError::retry("the server does not say who it is, and is left");
        let made = Arc::new(made.await.map_err(|_| late())??);
        *open = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Leaves it: the next call makes a new connection.
    pub(super) async fn leave(&self, lost: &Arc<Open>) {
        let mut open = self.open.lock().await;
        if open.as_ref().is_some_and(|known| Arc::ptr_eq(known, lost)) {
            *open = None;
        }
    }
}

impl McpServer {
    async fn connect(&self) -> Result<Open, AgentError> {
        let versions = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::LATEST],
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        };
        let greeted = match &self.0 {
            Way::Http { url, headers } => {
                let transport = transport(url, headers).map_err(AgentError::permanent)?;
                serve_client_with_lifecycle(Told::default(), transport, versions).await
            }
            Way::Program { program, arguments, environment } => {
                let command = command(program, arguments, environment).map_err(AgentError::permanent)?;
                let begun = TokioChildProcess::new(command);
                let begun = begun.map_err(|error| {
                    AgentError::permanent(format!("the program `{program}` cannot be begun: {error}"))
                })?;
                serve_client_with_lifecycle(Told::default(), begun, versions).await
            }
        };
        greeted.map_err(|error| AgentError::retry(format!("the server is not there: {error}")))
    }
}

/// A client that goes where the program says, and to nobody else.
fn transport(
    url: &str,
    headers: &BTreeMap<String, String>,
) -> Result<StreamableHttpClientTransport<reqwest::Client>, String> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls().map_err(|error| error.to_string())?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .build()
        .map_err(|error| format!("no client can be made: {error}"))?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.to_owned());
    config.custom_headers =
        headers.iter().map(|(name, value)| header(name, value)).collect::<Result<HashMap<_, _>, _>>()?;
    (config.max_json_response_size, config.max_sse_event_size) = (LONG, LONG);
    Ok(StreamableHttpClientTransport::with_client(client, config))
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let known = name.parse().map_err(|_| format!("`{name}` is no name of a header"))?;
    let mut value = HeaderValue::from_str(&filled(value)?)
        .map_err(|_| format!("the header `{name}` has a character in it that no header may have"))?;
    value.set_sensitive(true);
    Ok((known, value))
}

/// A program that has nothing of this process's environment but what it is given.
fn command(
    program: &str,
    arguments: &[String],
    environment: &BTreeMap<String, String>,
) -> Result<CommandWrap, String> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().kill_on_drop(true);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    for (name, value) in environment {
        command.env(name, filled(value)?);
    }
    let mut command = CommandWrap::from(command);
    command.wrap(KillOnDrop);
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(process_wrap::tokio::JobObject);
    Ok(command)
}
