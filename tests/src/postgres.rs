//! The PostgreSQL of the tests.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use private_postgres::Server;
use workflow_runtime::store::PostgresOptions;

/// Where tests find a server that runs already, as an address: a database in which they may make schemas.
const VARIABLE: &str = "WORKFLOW_TEST_POSTGRES";

/// The address of a database for the tests of this program: of a server that it starts, and that ends with it, or the one
/// that `WORKFLOW_TEST_POSTGRES` names.
///
/// # Panics
/// When there is none to be had; says what to install.
pub fn address() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        std::env::var(VARIABLE).unwrap_or_else(|_| {
            // Held until the program ends: the server hears of that by itself.
            let server = Server::start(&["fsync=off", "full_page_writes=off"]);
            let server = server.unwrap_or_else(|why| panic!("{why}; or name a database by {VARIABLE}"));
            let server = Box::leak(Box::new(server));
            server.address()
        })
    })
}

/// How to open a store of its own for a test, in a schema that nobody else has.
pub fn options() -> PostgresOptions {
    PostgresOptions::new(address()).schema(schema())
}

/// The name of a schema that nobody else has.
pub fn schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
