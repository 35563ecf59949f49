//! Agents and workflows as tools of the Model Context Protocol.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tokio::io::AsyncWrite;

use super::refusal::{Exit, Refusal};
use super::serve::{At, Named, Tokens, serve_at};
use super::threads::{block_on_reading, interrupted};
use super::worker::begin;
use crate::http::{NoTool, Site, Tools};

/// How long attempts may run on when it is to end.
const GRACE: Duration = Duration::from_secs(5);

/// What are tools, and how they are reached.
#[derive(Debug, Args)]
pub(super) struct Mcp {
    /// Makes a tool of what has this tag; of what has the tag `mcp`, if nothing is said
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Makes a tool of this agent or workflow
    #[arg(long, value_name = "NAME")]
    tool: Vec<String>,
    /// Makes tools of all agents and workflows
    #[arg(long, conflicts_with_all = ["tag", "tool"])]
    all: bool,
    /// Serves them over HTTP, at /mcp beside the dashboard, and not to who has begun this program
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    tokens: Tokens,
}

impl Mcp {
    fn tools(&self) -> Tools {
        if self.all {
            return Tools::all();
        }
        if self.tag.is_empty() && self.tool.is_empty() {
            return Tools::tagged("mcp");
        }
        let tagged = self.tag.iter().fold(Tools::default(), |tools, tag| tools.and_tagged(tag));
        self.tool.iter().fold(tagged, |tools, name| tools.and_named(name))
    }
}

pub(super) fn serve(at: At<'_>, named: Named, how: &Mcp, err: &mut dyn Write) -> Result<Exit, Refusal> {
    let tools = how.tools();
    let dress = |site: Site| site.program(named.program, named.version).tools(&tools).map_err(refusal);
    match how.listen {
        Some(listen) => serve_at(listen, &how.tokens, at, dress, err),
        None => speak(at, dress),
    }
}

/// Speaks to who has begun this program. Nothing else may be written to where he reads.
fn speak(at: At<'_>, dress: impl FnOnce(Site) -> Result<Site, Refusal>) -> Result<Exit, Refusal> {
    block_on_reading(async {
        let own = own_output().map_err(|error| {
            Refusal::new(Exit::Failed, format!("the standard output cannot be kept for answers: {error}"))
        })?;
        #[cfg(feature = "sqlite")]
        if let Some(path) = at.stores.at_work() {
            let site = dress(Site::beside(at.builder.registered()?, &path)?)?;
            site.speak(tokio::io::stdin(), own, interrupted()).await;
            return Ok(Exit::Done);
        }
        let runtime = begin(at.builder, at.started, at.stores).await?;
        let dressed = dress(Site::new(&runtime));
        let spoken = match dressed {
            Ok(site) => {
                site.speak(tokio::io::stdin(), own, interrupted()).await;
                Ok(Exit::Done)
            }
            Err(refusal) => Err(refusal),
        };
        runtime.shutdown(GRACE).await;
        spoken
    })
}

/// Why they are no tools.
fn refusal(error: NoTool) -> Refusal {
    Refusal::new(Exit::Unknown, error.to_string())
}

/// The standard output for answers only: what agents print goes where errors go.
#[cfg(unix)]
fn own_output() -> io::Result<impl AsyncWrite + Send + Unpin + 'static> {
    use std::os::fd::AsFd;
    let own = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(tokio::fs::File::from_std(own.into()))
}

/// The standard output. What agents print is in the way there.
#[cfg(not(unix))]
fn own_output() -> io::Result<impl AsyncWrite + Send + Unpin + 'static> {
    Ok(tokio::io::stdout())
}
