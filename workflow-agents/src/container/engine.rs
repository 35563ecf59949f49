//! An engine, and what it says no to.

use std::error::Error as _;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use workflow_runtime::AgentError;

use super::address::Address;

/// For how many seconds it is waited for the beginning of an answer.
const PATIENCE: u64 = 60;

/// For how long it is waited for the end of a container: as long as who asks waits.
const FOR_EVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// An engine that has answered.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    pub(super) address: Address,
    /// Who asks it.
    pub(super) docker: Docker,
    /// Whether its `root` is whoever it runs as.
    pub(super) is_rootless: bool,
}

impl Engine {
    /// Asks an engine whether it is there, and what kind of one it is.
    ///
    /// # Errors
    /// When it does not answer; another time it may.
    pub(super) async fn reach(address: Address) -> Result<Self, AgentError> {
        let silent = |error: Error| {
            let why = told(&error);
            AgentError::retry(format!(
                "no engine answers at {address}: {why}; start it, or say where one is by DOCKER_HOST or by `engine` in the role's rules"
            ))
        };
        let docker = address.client(PATIENCE).map_err(silent)?;
        let info = docker.info().await.map_err(silent)?;
        let options = info.security_options.unwrap_or_default();
        let is_rootless = options.iter().any(|option| option.contains("name=rootless"));
        Ok(Self { address, docker, is_rootless })
    }

    /// Who asks it what takes as long as a container runs.
    pub(super) fn patient(&self) -> Docker {
        self.docker.clone().with_timeout(FOR_EVER)
    }

    /// That it did not do something: for good, if that is how it was asked.
    pub(super) fn failure(&self, what: &str, error: &Error) -> AgentError {
        let text = format!("the engine at {} did not {what}: {}", self.address, told(error));
        if is_final(status(error)) { AgentError::permanent(text) } else { AgentError::retry(text) }
    }
}

/// What it answered, if it did.
pub(super) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether an answer will be the same another time.
pub(super) fn is_final(status: Option<u16>) -> bool {
    status.is_some_and(|status| (400..500).contains(&status) && !matches!(status, 408 | 409 | 429))
}

/// An error, with what is behind it.
pub(super) fn told(error: &Error) -> String {
    if let Error::DockerResponseServerError { status_code, message } = error {
        return format!("{} ({status_code})", message.trim());
    }
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        behind = error.source();
    }
    text
}
