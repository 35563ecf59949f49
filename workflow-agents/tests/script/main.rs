//! Scripts in Lua under a policy.
#![cfg(feature = "lua")]

mod ends;
mod hostile;
mod kept;
mod refusals;
mod runs;
mod setting;
mod values;
