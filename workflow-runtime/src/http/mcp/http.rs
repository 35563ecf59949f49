//! Tools over HTTP, for those whom the guard lets in.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};

use super::server::Server;
use crate::http::access::{Role, Who};
use crate::http::desk::Desk;
use crate::http::trouble::{Kind, Trouble};

/// Where they are.
const PATH: &str = "/mcp";

/// For how long a session may be silent. A call that says nothing of how far it is may take that long.
const SILENCE: Duration = Duration::from_secs(24 * 3600);

/// Adds the tools to a router.
pub(in crate::http) fn mount(router: Router, desk: &Arc<Desk>, server: Server) -> Router {
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(SILENCE);
    // By which names this machine may be asked is for the guard to say.
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_max_request_body_bytes(desk.body_limit);
    let service = StreamableHttpService::new(move || Ok(server.clone()), Arc::new(sessions), config);
    let guarded = from_fn_with_state(Arc::clone(desk), let_in);
    router.merge(Router::new().route_service(PATH, service).layer(guarded))
}

/// Lets in who may have something run, and says who it is.
async fn let_in(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let who = match desk.admit(&parts, Role::Operator).await {
        Ok(who) => who,
        Err(trouble) => return trouble.into_response(),
    };
    if let Err(trouble) = expect_no_page(&parts.headers, &who) {
        return trouble.into_response();
    }
    parts.extensions.insert(who.person);
    next.run(Request::from_parts(parts, body)).await
}

/// Refuses what a page of another site may have had a browser ask for: no client but a browser says where it comes from.
fn expect_no_page(headers: &HeaderMap, who: &Who) -> Result<(), Trouble> {
    if who.said || !headers.contains_key(ORIGIN) {
        return Ok(());
    }
    let message =
        "a page in a browser asks, and it may be another site's: send a token, `Authorization: Bearer …`";
    Err(Trouble::new(Kind::Forbidden, message))
}
