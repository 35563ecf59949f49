//! How anybody is asked over the web: by clients that know what a role may reach.

mod client;
mod later;
mod resolve;

pub(crate) use client::client;
pub(crate) use later::failure;
pub(crate) use resolve::refusal;
