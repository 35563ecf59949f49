#![doc = include_str!("../doc/crate.md")]

#[cfg(feature = "lua")]
mod aside;
#[cfg(feature = "shell")]
mod output;
pub mod policy;
#[cfg(feature = "shell")]
mod process;
#[cfg(feature = "lua")]
mod regular;
#[cfg(feature = "lua")]
mod script;

#[cfg(feature = "shell")]
pub use output::{Encoding, Output};
#[cfg(feature = "shell")]
pub use process::{Accept, Finished, Shell, shell};
#[cfg(feature = "lua")]
pub use script::{Lua, lua};
