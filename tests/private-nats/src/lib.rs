//! A NATS server of one's own, that can be killed and started again: for tests.
//!
//! ```no_run
//! let mut server = private_nats::Server::start()?;
//! println!("nats --server {}", server.address());
//! server.kill();
//! server.again()?;
//! # Ok::<(), String>(())
//! ```

mod keeper;
mod program;
mod server;

pub use program::{VARIABLE, find};
pub use server::Server;
