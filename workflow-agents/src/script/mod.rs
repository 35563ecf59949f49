//! Scripts in Lua.

mod agent;
mod ambit;
mod find;
mod json;
mod library;
mod pattern;
mod request;
mod run;
mod source;
mod watch;

pub use agent::lua;
pub use request::Lua;
