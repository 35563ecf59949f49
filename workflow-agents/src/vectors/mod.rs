//! Vectors of texts: who makes them, how one is asked, and what comes of it.

mod agent;
mod answer;
mod asked;
mod batch;
#[cfg(feature = "embedding-local")]
mod bert;
mod client;
mod embedder;
mod endpoint;
#[cfg(feature = "embedding-local")]
mod folder;
mod key;
mod made;
mod making;
#[cfg(feature = "embedding-local")]
mod network;
mod read;
#[cfg(feature = "embedding-local")]
mod recipe;
#[cfg(feature = "embedding-local")]
mod shelf;
mod table;

pub use agent::embed;
pub use asked::Embed;
pub use embedder::Embedder;
pub use made::Vectors;
pub use table::Embedders;
