//! The client by which models are asked.

use std::time::Duration;

use crate::web::tls;

/// How long it may take until somebody answers at all.
const CONNECT: Duration = Duration::from_secs(10);

/// A client that goes nowhere but where the table of models says: what a role may ask is a question of names in that table, and
/// a model may well be on this machine.
pub(super) fn client() -> Result<genai::Client, Box<dyn std::error::Error + Send + Sync>> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        // A key goes to nobody whom the table does not name.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // What comes is as long as it looks.
        .no_gzip()
        .connect_timeout(CONNECT)
        .user_agent(concat!("workflow-agents/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(genai::Client::builder().with_reqwest(client).build()?)
}
