#![doc = include_str!("../doc/crate.md")]

#[cfg(any(feature = "http", feature = "llm", feature = "shell"))]
mod output;
#[cfg(feature = "llm")]
pub mod model;
pub mod policy;
#[cfg(feature = "shell")]
mod process;
#[cfg(feature = "http")]
mod request;
#[cfg(any(feature = "http", feature = "llm"))]
mod web;

#[cfg(any(feature = "http", feature = "llm", feature = "shell"))]
pub use output::{Encoding, Output};
#[cfg(feature = "shell")]
pub use process::{Accept, Finished, Shell, shell};
#[cfg(feature = "http")]
pub use request::{Answer, Body, Http, http};
#[cfg(feature = "llm")]
pub use model::{Llm, llm};
