//! The dashboard, on a port of this machine.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;

use super::refusal::{Exit, Refusal};
use super::stores::Stores;
use super::threads::{block_on, interrupted};
use super::worker::{Started, begin};
use crate::builder::RuntimeBuilder;
use crate::http::{Person, ServeError, Site, Token, WeakToken};
use crate::runtime::Runtime;

/// How long attempts may run on when it is to end.
const GRACE: Duration = Duration::from_secs(30);

/// Where it is served, and for whom.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Where to listen; other addresses than this machine's own need a token
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    tokens: Tokens,
}

/// Who is let in.
#[derive(Debug, Args)]
pub(super) struct Tokens {
    /// A file that holds the token of an operator; the variable WORKFLOW_TOKEN may hold it as well
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file that holds the token of those who may only look; or the variable WORKFLOW_READER_TOKEN
    #[arg(long, value_name = "FILE")]
    reader_token_file: Option<PathBuf>,
}

/// What the program is called, and its version.
pub(super) struct Named {
    pub(super) program: String,
    pub(super) version: String,
}

pub(super) fn serve(at: At<'_>, named: Named, how: &Serve, err: &mut dyn Write) -> Result<Exit, Refusal> {
    let dress = |site: Site| Ok(site.program(named.program, named.version));
    serve_at(how.listen, &how.tokens, at, dress, err)
}

/// Where work is done, and how that begins.
pub(super) struct At<'a> {
    pub(super) builder: RuntimeBuilder,
    pub(super) started: Started,
    pub(super) stores: &'a Stores,
}

/// Serves a site until somebody interrupts that: of a runtime of its own, or of a file that another process works on.
pub(super) fn serve_at(
    listen: SocketAddr,
    tokens: &Tokens,
    at: At<'_>,
    dress: impl FnOnce(Site) -> Result<Site, Refusal>,
    err: &mut dyn Write,
) -> Result<Exit, Refusal> {
    let tokens = tokens.read()?;
    let has_token = !tokens.is_empty();
    let dress = |site: Site| dress(tokens.into_iter().fold(site, Site::token));
    let At { builder, started, stores } = at;
    block_on(async {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Refusal::new(Exit::Failed, format!("{listen}: {error}; name another by --listen"))
        })?;
        let address = listener.local_addr()?;
        if !address.ip().to_canonical().is_loopback() && !has_token {
            return Err(refusal(ServeError::Open { address }));
        }
        #[cfg(feature = "sqlite")]
        if let Some(path) = stores.at_work() {
            let site = dress(Site::beside(builder.registered()?, &path)?)?;
            let path = path.display();
            writeln!(err, "another process works on {path}: it is shown here, and asked to act")?;
            return serve_until_interrupted(site, listener, None, err).await;
        }
        let runtime = begin(builder, started, stores).await?;
        match dress(Site::new(&runtime)) {
            Ok(site) => serve_until_interrupted(site, listener, Some(runtime), err).await,
            Err(refusal) => {
                runtime.shutdown(GRACE).await;
                Err(refusal)
            }
        }
    })
}

async fn serve_until_interrupted(
    site: Site,
    listener: TcpListener,
    runtime: Option<Runtime>,
    err: &mut dyn Write,
) -> Result<Exit, Refusal> {
    let address = listener.local_addr()?;
    let served = site.serve(listener, interrupted());
    writeln!(err, "at http://{address}/; interrupt to end")?;
    let done = served.await;
    if let Some(runtime) = runtime {
        writeln!(err, "ending: what runs may run on for {} s", GRACE.as_secs())?;
        runtime.shutdown(GRACE).await;
    }
    done.map(|()| Exit::Done).map_err(refusal)
}

/// Why it is not served.
fn refusal(error: ServeError) -> Refusal {
    match error {
        ServeError::Open { .. } => {
            let message = format!("{error}; put a token into WORKFLOW_TOKEN, or name a file by --token-file");
            Refusal::new(Exit::Misused, message)
        }
        error @ ServeError::Io { .. } => Refusal::new(Exit::Failed, error.to_string()),
    }
}

impl Tokens {
    /// All that there are.
    fn read(&self) -> Result<Vec<Token>, Refusal> {
        let tokens = [
            token(Person::operator("operator"), self.token_file.as_ref(), "WORKFLOW_TOKEN")?,
            token(Person::reader("reader"), self.reader_token_file.as_ref(), "WORKFLOW_READER_TOKEN")?,
        ];
        Ok(tokens.into_iter().flatten().collect())
    }
}

/// The token that a file or a variable holds.
fn token(person: Person, file: Option<&PathBuf>, variable: &str) -> Result<Option<Token>, Refusal> {
    let (place, secret) = match file {
        Some(file) => {
            let secret = std::fs::read_to_string(file)
                .map_err(|error| Refusal::new(Exit::Misused, format!("{}: {error}", file.display())))?;
            (file.display().to_string(), secret)
        }
        None => match std::env::var(variable) {
            Ok(secret) if !secret.is_empty() => (variable.to_owned(), secret),
            _ => return Ok(None),
        },
    };
    let weak = |error: WeakToken| Refusal::new(Exit::Misused, format!("{place}: {error}"));
    Token::new(person, secret.trim()).map(Some).map_err(weak)
}
