//! Where an engine is.

use std::fmt;
#[cfg(unix)]
use std::path::{Path, PathBuf};

use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::io::{AsyncRead, AsyncWrite};

/// The variable that names an engine, for all programs that use one.
const VARIABLE: &str = "DOCKER_HOST";

/// The system's usual place for an engine.
#[cfg(unix)]
const USUAL: &str = "unix:///var/run/docker.sock";
#[cfg(not(unix))]
const USUAL: &str = "npipe:////./pipe/docker_engine";

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// At a socket of this machine.
    #[cfg(unix)]
    Socket(PathBuf),
    /// At a pipe of this machine.
    #[cfg(windows)]
    Pipe(String),
    /// At a host, as `host:port`.
    Host(String),
}

/// What bytes go both ways by.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

impl Address {
    /// Where the engine is that a role says, or else the environment, or else usage.
    ///
    /// # Errors
    /// When it is nowhere that one can get to.
    pub(super) fn find(said: Option<&str>) -> Result<Self, String> {
        let variable = || std::env::var(VARIABLE).ok().filter(|address| !address.is_empty());
        let address = said.map(str::to_owned).or_else(variable);
        Self::read(address.as_deref().unwrap_or(USUAL))
    }

    fn read(text: &str) -> Result<Self, String> {
        let (kind, place) = text.split_once("://").unwrap_or_default();
        match kind {
            #[cfg(unix)]
            "unix" if place.starts_with('/') => Ok(Self::Socket(PathBuf::from(place))),
            #[cfg(windows)]
            "npipe" => Ok(Self::Pipe(place.to_owned())),
            "tcp" | "http" if is_host(place) => Ok(Self::Host(place.trim_end_matches('/').to_owned())),
            _ => Err(format!(
                "`{text}` is no address of an engine that can be asked; write one like `{USUAL}` or `tcp://10.0.0.7:2375`"
            )),
        }
    }

    /// Who asks there, and waits so many seconds for the beginning of an answer.
    pub(super) fn client(&self, patience: u64) -> Result<Docker, bollard::errors::Error> {
        match self {
            #[cfg(unix)]
            Self::Socket(path) => {
                Docker::connect_with_unix(&path.to_string_lossy(), patience, API_DEFAULT_VERSION)
            }
            #[cfg(windows)]
            Self::Pipe(path) => Docker::connect_with_named_pipe(path, patience, API_DEFAULT_VERSION),
            Self::Host(host) => Docker::connect_with_http(host, patience, API_DEFAULT_VERSION),
        }
    }

    /// A connection of one's own.
    pub(super) async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self {
            #[cfg(unix)]
            Self::Socket(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
            #[cfg(windows)]
            Self::Pipe(path) => Box::new(tokio::net::windows::named_pipe::ClientOptions::new().open(path)?),
            Self::Host(host) => Box::new(tokio::net::TcpStream::connect(host).await?),
        })
    }

    /// The socket, if it is at one.
    #[cfg(unix)]
    pub(super) fn socket(&self) -> Option<&Path> {
        match self {
            Self::Socket(path) => Some(path),
            Self::Host(_) => None,
        }
    }

    #[cfg(not(unix))]
    pub(super) fn socket(&self) -> Option<&std::path::Path> {
        None
    }
}

/// Whether it is a host and a port, and nothing else.
fn is_host(place: &str) -> bool {
    let place = place.trim_end_matches('/');
    let (host, port) = place.rsplit_once(':').unwrap_or_default();
    !host.is_empty() && port.parse::<u16>().is_ok() && !place.contains(['/', '@', '?', '#', ' '])
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(unix)]
            Self::Socket(path) => write!(out, "unix://{}", path.display()),
            #[cfg(windows)]
            Self::Pipe(path) => write!(out, "npipe://{path}"),
            Self::Host(host) => write!(out, "tcp://{host}"),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_others_write_them() {
        for (text, shown) in [
            ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
            ("tcp://10.0.0.7:2375", "tcp://10.0.0.7:2375"),
            ("http://localhost:2375/", "tcp://localhost:2375"),
            ("tcp://[::1]:2375", "tcp://[::1]:2375"),
        ] {
            assert_eq!(Address::read(text).unwrap().to_string(), shown);
        }
        for wrong in
            ["", "/var/run/docker.sock", "unix://x", "ssh://me@host", "https://x:1", "tcp://x", "tcp://x:1/y"]
        {
            let told = Address::read(wrong).expect_err(wrong);
            assert!(told.contains(&format!("`{wrong}` is no address of an engine")), "{told}");
        }
    }
}
