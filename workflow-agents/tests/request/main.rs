//! Requests under a policy, to servers of this process.
#![cfg(feature = "http")]

mod answers;
mod refusals;
mod secrets;
mod server;
mod setting;
mod tls;
mod trouble;
