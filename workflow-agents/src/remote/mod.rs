//! Tools of other servers, by the Model Context Protocol.

mod agent;
mod calling;
mod connection;
mod request;
mod server;
mod told;

pub use agent::mcp;
pub use request::{Mcp, McpAnswer};
pub use server::{McpServer, McpServers};
