//! NATS, against a real server.
#![cfg(feature = "nats")]

mod intakes;
mod killed;
mod services;
mod setting;
