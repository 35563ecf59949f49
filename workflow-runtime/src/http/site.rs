//! The API and the dashboard, as a service mounts them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::http::HeaderMap;
use axum::routing::{MethodFilter, get, on};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::access::{Guard, Person, Token};
use super::behind::Behind;
use super::desk::Desk;
use super::endpoint::{Endpoint, Form, Method, text};
#[cfg(feature = "mcp")]
use super::mcp;
use super::pace::Pace;
use super::trend::Trend;
use super::{acting, health, live, login, looking, openapi, page, places, trend};
use crate::runtime::Runtime;

/// How much may be sent, if nothing is said.
const BODY: usize = 2 << 20;

/// How many may listen at once to what happens.
const LISTENERS: usize = 256;

/// How many tokens that nobody has may be tried from an address: at once, and in each second after that.
const TRIES: (u32, u32) = (20, 1);

/// How long who asks may go on when the site ends.
const GRACE: Duration = Duration::from_secs(5);

/// The HTTP API and the dashboard of a runtime: a router to be mounted in a service, or a service by itself.
///
/// Who may ask is said by [`token`](Self::token) and [`login`](Self::login). If nothing is said, only this machine may, and
/// everybody on it is an operator.
///
/// ```no_run
/// use std::net::SocketAddr;
/// use workflow_runtime::Runtime;
/// use workflow_runtime::http::{Person, Site, Token};
///
/// # async fn example(orders: axum::Router) -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = Runtime::open("jobs.db").await?;
/// let token = Token::new(Person::operator("ann"), std::env::var("DASHBOARD_TOKEN")?)?;
/// let site = Site::new(&runtime).token(token);
/// let app = orders.nest("/jobs", site.router());
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
/// axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nobody can ask before there is a router"]
pub struct Site {
    behind: Behind,
    guard: Guard,
    body_limit: usize,
    /// So many at once, and so many in each second after that.
    pace: (u32, u32),
    program: String,
    version: String,
    #[cfg(feature = "mcp")]
    offers: Option<mcp::Offers>,
}

/// Why a site is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Everybody could ask.
    #[error("{address} can be reached from other machines: give a token or a login, or listen at 127.0.0.1")]
    Open {
        /// Where it was to be served.
        address: SocketAddr,
    },
    /// It cannot listen there, or any more.
    #[error("{address}: {error}")]
    Io {
        /// Where.
        address: String,
        /// Why not.
        error: io::Error,
    },
}

impl Site {
    /// The site of a runtime.
    pub fn new(runtime: &Runtime) -> Self {
        Self::of(Behind::Runtime(runtime.clone()))
    }

    /// The site of a file that another process works on.
    #[cfg(all(feature = "cli", feature = "sqlite"))]
    pub(crate) fn beside(
        registry: Arc<crate::registry::Registry>,
        path: &std::path::Path,
    ) -> Result<Self, crate::store::StoreError> {
        let look = Arc::new(crate::store::SqliteLook::at(path)?);
        Ok(Self::of(Behind::File { registry, look, path: path.to_owned() }))
    }

    fn of(behind: Behind) -> Self {
        let program = std::env::args_os().next().map(std::path::PathBuf::from);
        let program = program.as_deref().and_then(std::path::Path::file_stem);
        Self {
            behind,
            guard: Guard::default(),
            body_limit: BODY,
            pace: (500, 100),
            program: program
                .map_or_else(|| "workflows".to_owned(), |name| name.to_string_lossy().into_owned()),
            version: String::new(),
            #[cfg(feature = "mcp")]
            offers: None,
        }
    }

    /// Lets in who knows this secret; called again, who knows one of these. Browsers are asked for it on a page, and keep it
    /// in a cookie that scripts cannot read.
    pub fn token(mut self, token: Token) -> Self {
        self.guard.add_token(token);
        self
    }

    /// Lets in whom this finds by the headers of a request, such as the session of the service that it is mounted in, or
    /// what a proxy says that has looked who asks.
    pub fn login<F, T>(mut self, find: F) -> Self
    where
        F: Fn(&HeaderMap) -> T + Send + Sync + 'static,
        T: Future<Output = Option<Person>> + Send + 'static,
    {
        self.guard.set_hook(find);
        self
    }

    /// Sets how many bytes may be sent with a request: 2 MiB, if nothing is said.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets how many requests one address may make at once, and in each second after that: 500 and 100, if nothing is said.
    pub fn pace(mut self, at_once: u32, per_second: u32) -> Self {
        self.pace = (at_once, per_second);
        self
    }

    /// Sets what the dashboard says of the program: its name, and its version.
    pub fn program(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        (self.program, self.version) = (name.into(), version.into());
        self
    }

    /// Serves agents and workflows as tools of the Model Context Protocol: over HTTP at `/mcp`, for operators, or by
    /// [`speak`](Self::speak).
    ///
    /// # Errors
    /// When there is nothing of a name or of a tag.
    #[cfg(feature = "mcp")]
    pub fn tools(mut self, tools: &mcp::Tools) -> Result<Self, mcp::NoTool> {
        self.offers = Some(mcp::Offers::of(self.behind.registry(), tools)?);
        Ok(self)
    }

    /// Speaks of its [tools](Self::tools) to one client, over two pipes, until the client goes away or something happens.
    /// Nobody is asked who he is: it is who holds the other ends.
    #[cfg(feature = "mcp")]
    pub async fn speak<R, W>(self, from: R, to: W, until: impl Future<Output = ()>)
    where
        R: tokio::io::AsyncRead + Send + Unpin + 'static,
        W: tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let offers = self.offers.clone().unwrap_or_default();
        mcp::Server::new(self.desk(), offers).speak(from, to, until).await;
    }

    fn desk(self) -> Arc<Desk> {
        Arc::new(Desk {
            behind: self.behind,
            guard: self.guard,
            pace: Pace::new(self.pace.0, self.pace.1),
            tries: Pace::new(TRIES.0, TRIES.1),
            body_limit: self.body_limit,
            program: self.program,
            version: self.version,
            listeners: Arc::new(Semaphore::new(LISTENERS)),
            trend: Trend::default(),
        })
    }

    /// All of it as a router: the dashboard at its root, the API under `/api`.
    pub fn router(self) -> Router {
        #[cfg(feature = "mcp")]
        let offers = self.offers.clone();
        let desk = self.desk();
        desk.behind.spawn(trend::keep(Arc::downgrade(&desk)));
        let endpoints = endpoints();
        let described = openapi::document(&endpoints, &desk.program, &desk.version);
        let description = described.to_string();
        let mut router = Router::new()
            .route("/", get(page::index))
            .route("/index.html", get(page::index))
            .route("/page/{name}", get(page::part))
            .route("/api/openapi.json", get(move || async move { text(Form::Json, description) }))
            .fallback(page::nothing);
        for endpoint in endpoints {
            router = router.route(endpoint.path, route(&desk, endpoint));
        }
        #[cfg(feature = "mcp")]
        if let Some(offers) = offers {
            router = mcp::mount(router, &desk, mcp::Server::new(Arc::clone(&desk), offers));
        }
        router.layer(axum::middleware::map_response(page::harden))
    }

    /// Serves it at an address until something happens: `127.0.0.1:8080`, say. An address that other machines reach needs a
    /// [token](Self::token) or a [login](Self::login).
    ///
    /// # Errors
    /// When it cannot listen there, or everybody could ask.
    pub async fn serve(
        self,
        listener: TcpListener,
        until: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let failed = |error| ServeError::Io { address: "the listener".to_owned(), error };
        let address = listener.local_addr().map_err(failed)?;
        if !address.ip().to_canonical().is_loopback() && !self.guard.asks() {
            return Err(ServeError::Open { address });
        }
        let failed = move |error| ServeError::Io { address: address.to_string(), error };
        let service = self.router().into_make_service_with_connect_info::<SocketAddr>();
        let (ended, ends) = tokio::sync::oneshot::channel::<()>();
        let until = async move {
            until.await;
            drop(ended);
        };
        let served = axum::serve(listener, service).with_graceful_shutdown(until);
        tokio::select! {
            done = served.into_future() => done.map_err(failed),
            // Who listens to what happens would hold it up.
            () = async { let _ = ends.await; tokio::time::sleep(GRACE).await } => Ok(()),
        }
    }
}

/// All that can be asked for.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let parts = [
        looking::endpoints(),
        acting::endpoints(),
        places::endpoints(),
        live::endpoints(),
        login::endpoints(),
        health::endpoints(),
    ];
    parts.into_iter().flatten().collect()
}

fn route(desk: &Arc<Desk>, endpoint: Endpoint) -> axum::routing::MethodRouter {
    let filter = match endpoint.method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
    };
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let schema = Arc::new((endpoint.given)(&mut generator).to_value());
    let (desk, endpoint) = (Arc::clone(desk), Arc::new(endpoint));
    let answer = move |path: RawPathParams, request: Request| {
        let (desk, endpoint, schema) = (Arc::clone(&desk), Arc::clone(&endpoint), Arc::clone(&schema));
        async move { desk.answer(&endpoint, &schema, path, request).await }
    };
    on(filter, answer)
}
