//! Programs and jobs of different builds: whether a program can go on with a job, and what a change of program would
//! park.

mod catalogues;
mod job;
mod plans;
mod stored;

pub use catalogues::{CatalogueChange, CatalogueCheck};
pub(crate) use job::{Reader, Restored, begin};
pub(crate) use plans::Plans;
pub(crate) use stored::Journals;
pub use stored::{StoreCheck, WouldPark};
