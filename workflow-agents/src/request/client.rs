//! Clients, one for each role: what one role may reach, another has no connection to.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use reqwest::Client;
use workflow_runtime::AgentError;

use super::resolve::Resolver;
use crate::policy::{Permit, Role};
use crate::web::tls;

/// How long it may take until somebody answers at all.
const CONNECT: Duration = Duration::from_secs(10);

/// How many roles' clients are kept.
const KEPT: usize = 64;

static CLIENTS: Mutex<Vec<(Weak<Role>, Client)>> = Mutex::new(Vec::new());

/// The client of a role.
///
/// # Errors
/// When the system has no certificates by which anybody could be known, or no randomness.
pub(super) fn client(permit: &Permit) -> Result<Client, AgentError> {
    let role = permit.shared_role();
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    clients.retain(|(known, _)| known.strong_count() > 0);
    if let Some((_, client)) =
        clients.iter().find(|(known, _)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(role)))
    {
        return Ok(client.clone());
    }
    let client =
        make(permit).map_err(|error| AgentError::permanent(format!("no client can be made: {error}")))?;
    if clients.len() < KEPT {
        clients.push((Arc::downgrade(role), client.clone()));
    }
    Ok(client)
}

fn make(permit: &Permit) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls()?)
        .dns_resolver(Arc::new(Resolver { permit: permit.clone() }))
        .redirect(reqwest::redirect::Policy::none())
        // A proxy would look names up itself.
        .no_proxy()
        .connect_timeout(CONNECT)
        // What is sent back is counted as it comes.
        .no_gzip()
        .user_agent(concat!("workflow-agents/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}
