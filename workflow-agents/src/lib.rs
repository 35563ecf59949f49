#![doc = include_str!("../doc/crate.md")]

#[cfg(any(feature = "lua", feature = "wasm"))]
mod aside;
#[cfg(feature = "wasm")]
mod component;
#[cfg(any(feature = "http", feature = "shell"))]
mod output;
pub mod policy;
#[cfg(feature = "shell")]
mod process;
#[cfg(any(feature = "lua", feature = "wasm"))]
mod regular;
#[cfg(feature = "http")]
mod request;
#[cfg(feature = "lua")]
mod script;

#[cfg(feature = "wasm")]
pub use component::{Wasm, wasm};
#[cfg(any(feature = "http", feature = "shell"))]
pub use output::{Encoding, Output};
#[cfg(feature = "shell")]
pub use process::{Accept, Finished, Shell, shell};
#[cfg(feature = "http")]
pub use request::{Answer, Http, http};
#[cfg(feature = "lua")]
pub use script::{Lua, Script, lua};
