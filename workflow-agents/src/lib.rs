#![doc = include_str!("../doc/crate.md")]

#[cfg(feature = "shell")]
mod output;
pub mod policy;
#[cfg(feature = "shell")]
mod process;

#[cfg(feature = "shell")]
pub use output::{Encoding, Output};
#[cfg(feature = "shell")]
pub use process::{Accept, Finished, Shell, shell};
