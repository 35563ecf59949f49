//! Containers under a policy: against an engine of ours, which keeps what it was asked and fails as it is told to, and against
//! a real one where there is one.
#![cfg(all(feature = "docker", target_os = "linux"))]

mod asked;
mod ends;
mod engine;
mod faults;
mod http;
mod images;
mod real;
mod refusals;
mod runs;
mod setting;
