//! Components of WebAssembly under a policy.
#![cfg(feature = "wasm")]

mod hostile;
mod refusals;
mod runs;
mod setting;
mod written;
