//! A Chromium of one's own, from the programs that the machine has: for tests of pages.
//!
//! ```no_run
//! let browser = private_browser::Browser::start()?;
//! println!("it is talked to at {}", browser.address());
//! # Ok::<(), String>(())
//! ```

mod browser;
mod keeper;
mod programs;

pub use browser::Browser;
pub use programs::{Program, VARIABLE, find};
