//! Stores that break one promise each: what the suite of conformance has to find.

mod fault;
mod letting_go;
mod looking;
mod store;
mod writing;

pub use fault::Fault;
pub use store::Faulty;
