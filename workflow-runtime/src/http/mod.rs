//! The HTTP API and the dashboard: [`Site`].
//!
//! ```text
//!  browser, program ──► guard: who? ──► pace: how much? ──► endpoint ──► looking: view, lists ──► store
//!                                                              │
//!                                                              └──────► acting: Act ──► runtime, or who has the file
//! ```
//!
//! What can be asked for is described at `api/openapi.json`, which is made of the same table as the router.

mod access;
mod acting;
mod behind;
mod desk;
mod endpoint;
mod health;
mod live;
mod login;
mod long;
mod looking;
#[cfg(feature = "mcp")]
mod mcp;
mod memory;
mod openapi;
mod pace;
mod page;
mod places;
mod site;
mod trend;
mod trouble;

pub use access::{Person, Role, Token, WeakToken};
#[cfg(feature = "mcp")]
pub use mcp::{NoTool, Tools};
pub use site::{ServeError, Site};
