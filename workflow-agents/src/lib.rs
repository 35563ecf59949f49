#![doc = include_str!("../doc/crate.md")]

#[cfg(feature = "lua")]
mod aside;
#[cfg(any(feature = "http", feature = "shell"))]
mod output;
pub mod policy;
#[cfg(feature = "shell")]
mod process;
#[cfg(feature = "http")]
mod request;
#[cfg(feature = "lua")]
mod regular;
#[cfg(feature = "lua")]
mod script;

#[cfg(any(feature = "http", feature = "shell"))]
pub use output::{Encoding, Output};
#[cfg(feature = "shell")]
pub use process::{Accept, Finished, Shell, shell};
#[cfg(feature = "http")]
pub use request::{Answer, Body, Http, http};
#[cfg(feature = "lua")]
pub use script::{Lua, lua};
