//! NATS, against a real server.
#![cfg(feature = "nats")]

mod folder;
mod intakes;
mod killed;
mod micro;
mod outlets;
mod sending;
mod services;
mod setting;
