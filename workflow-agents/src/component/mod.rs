//! Components of WebAssembly.

mod agent;
mod ambit;
mod compiled;
mod engine;
mod host;
mod request;
mod room;
mod run;

pub use agent::wasm;
pub use request::Wasm;
