//! Servers whose tools may be called.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::connection::Connection;

/// The servers whose tools the agent [`mcp`](crate::mcp()) may call, by the names that requests and policies call them. A runtime is
/// given them by `.state(servers)`.
///
/// ```
/// use workflow_agents::{McpServer, McpServers};
///
/// let servers = McpServers::new()
///     .server("files", McpServer::program("mcp-server-files").argument("/srv/files"))
///     .server("shop", McpServer::http("https://shop.example/mcp").secret_header("authorization", "Bearer ${SHOP_KEY}"));
/// ```
#[derive(Clone, Default)]
pub struct McpServers {
    known: BTreeMap<String, Arc<Connection>>,
}

impl fmt::Debug for McpServers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.known.keys()).finish()
    }
}

impl McpServers {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a server; a second one of the same name replaces the first. It is connected to when it is first asked.
    #[must_use]
    pub fn server(mut self, name: impl Into<String>, server: McpServer) -> Self {
        self.known.insert(name.into(), Arc::new(Connection::to(server)));
        self
    }

    pub(super) fn get(&self, name: &str) -> Result<&Arc<Connection>, String> {
        self.known.get(name).ok_or_else(|| {
            let nearest = workflow_graph::nearest(name, self.known.keys().map(String::as_str));
            let cure = nearest.map(|near| format!("; did you mean `{near}`?"));
            let cure = cure.unwrap_or_else(|| "; make it known by `McpServers::server`".to_owned());
            format!("there is no server `{name}`{cure}")
        })
    }
}

/// How a server is reached.
#[derive(Clone)]
pub struct McpServer(pub(super) Way);

#[derive(Clone)]
pub(super) enum Way {
    /// It is asked over HTTP.
    Http { url: String, headers: BTreeMap<String, String> },
    /// It is a program of this machine, begun for it and talked to over its standard input and output.
    Program { program: String, arguments: Vec<String>, environment: BTreeMap<String, String> },
}

impl fmt::Debug for McpServer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Way::Http { .. } => out.write_str("McpServer(http)"),
            Way::Program { program, .. } => write!(out, "McpServer({program})"),
        }
    }
}

impl McpServer {
    /// One that is asked over HTTP, at the address of its endpoint.
    pub fn http(url: impl Into<String>) -> Self {
        Self(Way::Http { url: url.into(), headers: BTreeMap::new() })
    }

    /// One that is a program of this machine. It is begun when it is first asked, as often as it has ended, and has nothing of this
    /// process's environment but where programs are (`PATH`) and what it is [given](Self::environment). It ends with this process.
    pub fn program(program: impl Into<String>) -> Self {
        Self(Way::Program { program: program.into(), arguments: Vec::new(), environment: BTreeMap::new() })
    }

    /// Gives its program an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        if let Way::Program { arguments, .. } = &mut self.0 {
            arguments.push(argument.into());
        }
        self
    }

    /// Gives its program a variable. `${NAME}` in its value stands for a variable of this process.
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Way::Program { environment, .. } = &mut self.0 {
            environment.insert(name.into(), value.into());
        }
        self
    }

    /// Sends a header with each request to it. `${NAME}` in its value stands for a variable of this process, so that no secret
    /// stands in code.
    #[must_use]
    pub fn secret_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Way::Http { headers, .. } = &mut self.0 {
            headers.insert(name.into(), value.into());
        }
        self
    }
}
