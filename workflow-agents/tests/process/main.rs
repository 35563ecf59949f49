//! Commands under a policy, for real: on this machine, with its processes, its files and its kernel.
#![cfg(all(feature = "shell", target_os = "linux"))]

mod bombs;
mod confinement;
mod ends;
mod limits;
mod refusals;
mod runs;
mod setting;
