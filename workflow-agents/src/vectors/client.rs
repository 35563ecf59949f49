//! The client by which models are asked.

use std::time::Duration;

use reqwest::Client;

use crate::web::tls;

/// How long it may take until somebody answers at all.
const CONNECT: Duration = Duration::from_secs(10);

/// A client that goes nowhere but where the table says.
pub(super) fn client() -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls()?)
        // A key goes to nobody whom the table does not name.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // What comes is as long as it looks.
        .no_gzip()
        .connect_timeout(CONNECT)
        .user_agent(concat!("workflow-agents/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}
