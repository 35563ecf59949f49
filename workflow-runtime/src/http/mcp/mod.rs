//! Agents and workflows as tools of the Model Context Protocol.
//!
//! ```text
//!  client ──► stdio ────────────────► server ──► offer: which, and as what ──► call: a job ──► desk
//!         └─► http: guard: who? ──────►─┘
//! ```

mod call;
mod http;
mod offer;
mod server;
mod tools;
mod wrap;

pub(super) use http::mount;
pub(super) use offer::Offers;
pub(super) use server::Server;
pub use tools::{NoTool, Tools};
