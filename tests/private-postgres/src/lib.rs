//! A PostgreSQL of one's own, from the programs that the machine has: for tests and benches. And a network before it that
//! fails when it is told to.
//!
//! ```no_run
//! # #[cfg(unix)] {
//! let server = private_postgres::Server::start(&["fsync=off"])?;
//! println!("psql '{}'", server.address());
//! # }
//! # Ok::<(), String>(())
//! ```

#[cfg(unix)]
mod keeper;
#[cfg(unix)]
mod pooler;
mod programs;
mod proxy;
#[cfg(unix)]
mod server;

#[cfg(unix)]
pub use pooler::Pooler;
pub use programs::{Programs, find};
pub use proxy::{Proxy, Way};
#[cfg(unix)]
pub use server::Server;
