//! What an operator sets without a rebuild, and how it comes into a runtime.

mod apply;
#[cfg(feature = "cli")]
mod code;
mod configuration;
mod contradictions;
mod environment;
mod given;
mod key;
mod mistake;
mod names;
mod options;
mod origin;
mod read;
mod resolve;
mod settings;
mod target;
mod value;

pub(crate) use apply::Setup;
#[cfg(feature = "cli")]
pub(crate) use code::{By, Code, Effective};
pub use configuration::Configuration;
pub use mistake::{Mistake, Mistakes};
pub use origin::Origin;
pub use settings::{Setting, Settings};
