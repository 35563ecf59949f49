#![doc = include_str!("../doc/crate.md")]

#[cfg(any(feature = "docker", feature = "shell"))]
mod accept;
#[cfg(feature = "docker")]
mod container;
#[cfg(any(feature = "docker", feature = "shell"))]
mod finished;
#[cfg(any(feature = "docker", feature = "shell"))]
mod output;
pub mod policy;
#[cfg(feature = "shell")]
mod process;

#[cfg(any(feature = "docker", feature = "shell"))]
pub use accept::Accept;
#[cfg(feature = "docker")]
pub use container::{Container, Pull, docker};
#[cfg(any(feature = "docker", feature = "shell"))]
pub use finished::Finished;
#[cfg(any(feature = "docker", feature = "shell"))]
pub use output::{Encoding, Output};
#[cfg(feature = "shell")]
pub use process::{Shell, shell};
