//! What a role may do. Nothing is allowed that no rule allows.

mod address;
mod command;
mod host;
mod image;
mod limits;
mod mistake;
mod permit;
mod read;
mod refused;
mod role;
mod rules;
mod standard;
mod subject;
mod table;

pub use command::Command;
pub use limits::Limits;
pub use mistake::{Mistake, Mistakes};
pub use permit::{Permit, Program};
pub use refused::Refused;
pub use role::Role;
pub use rules::Policy;
#[cfg(any(feature = "embedding", feature = "llm"))]
pub(crate) use table::Text;
