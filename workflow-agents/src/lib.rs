#![doc = include_str!("../doc/crate.md")]

#[cfg(any(feature = "docker", feature = "shell"))]
mod accept;
#[cfg(any(feature = "embedding-local", feature = "lua", feature = "wasm"))]
mod aside;
#[cfg(feature = "llm")]
pub mod ask;
#[cfg(any(feature = "http", feature = "nats"))]
mod body;
#[cfg(feature = "nats")]
mod broker;
#[cfg(feature = "wasm")]
mod component;
#[cfg(feature = "docker")]
mod container;
#[cfg(feature = "embedding")]
pub mod embedding;
#[cfg(any(feature = "docker", feature = "shell"))]
mod finished;
#[cfg(any(feature = "embedding", feature = "http", feature = "llm", feature = "mcp", feature = "nats"))]
mod held;
#[cfg(feature = "llm")]
pub mod model;
#[cfg(any(feature = "docker", feature = "http", feature = "nats", feature = "shell"))]
mod output;
pub mod policy;
#[cfg(feature = "shell")]
mod process;
#[cfg(any(feature = "embedding-local", feature = "lua", feature = "wasm"))]
mod regular;
#[cfg(feature = "mcp")]
mod remote;
#[cfg(feature = "http")]
mod request;
#[cfg(feature = "coordination")]
pub mod routing;
#[cfg(feature = "lua")]
mod script;
#[cfg(feature = "embedding")]
pub mod vectors;
#[cfg(any(feature = "embedding", feature = "http", feature = "llm", feature = "mcp"))]
mod web;
#[cfg(feature = "llm")]
#[doc = include_str!("../doc/workflows.md")]
pub mod workflows {}

#[cfg(any(feature = "docker", feature = "shell"))]
pub use accept::Accept;
#[cfg(feature = "llm")]
pub use ask::LlmRequest;
#[cfg(feature = "nats")]
pub use async_nats;
#[cfg(any(feature = "http", feature = "nats"))]
pub use body::Body;
#[cfg(feature = "nats")]
pub use broker::{Bridge, Bridged, Intake, Nats, NatsError, NatsMessage, NatsReply, Outlet, nats};
#[cfg(feature = "wasm")]
pub use component::{Wasm, wasm};
#[cfg(feature = "docker")]
pub use container::{Container, Pull, docker};
#[cfg(feature = "embedding")]
pub use embedding::Embedding;
#[cfg(any(feature = "docker", feature = "shell"))]
pub use finished::Finished;
#[cfg(feature = "llm")]
pub use model::{Llm, llm};
#[cfg(any(feature = "docker", feature = "http", feature = "nats", feature = "shell"))]
pub use output::{Encoding, Output};
#[cfg(feature = "shell")]
pub use process::{Shell, shell};
#[cfg(feature = "mcp")]
pub use remote::{Mcp, McpAnswer, McpServer, McpServers, mcp};
#[cfg(feature = "http")]
pub use request::{Answer, Http, http};
#[cfg(feature = "coordination")]
pub use routing::{AgentCoordination, AgentMessage, Routes};
#[cfg(feature = "lua")]
pub use script::{Lua, lua};
#[cfg(feature = "embedding")]
pub use vectors::{Embed, Vectors, embed};
