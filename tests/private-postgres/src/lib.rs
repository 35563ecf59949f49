//! A PostgreSQL of one's own, from the programs that the machine has: for tests and benches.
//!
//! ```no_run
//! # #[cfg(unix)] {
//! let server = private_postgres::Server::start(&["fsync=off"])?;
//! println!("psql '{}'", server.address());
//! # }
//! # Ok::<(), String>(())
//! ```

mod programs;
#[cfg(unix)]
mod server;

pub use programs::{Programs, find};
#[cfg(unix)]
pub use server::Server;
