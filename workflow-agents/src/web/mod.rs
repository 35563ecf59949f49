//! What all have in common that ask over the web.

#[cfg(any(feature = "http", feature = "mcp"))]
mod filled;
#[cfg(any(feature = "embedding", feature = "http", feature = "llm"))]
mod later;
mod tls;

#[cfg(any(feature = "http", feature = "mcp"))]
pub(crate) use filled::filled;
#[cfg(any(feature = "embedding", feature = "http", feature = "llm"))]
pub(crate) use later::failure;
pub(crate) use tls::tls;
