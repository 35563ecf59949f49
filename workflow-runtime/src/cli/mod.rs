//! The command line of a program: what is in it, and what has become of its jobs.
//!
//! It is in the program itself, because that is where its agents are. A program of which it is all:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     workflow_runtime::cli::main()
//! }
//! ```
//!
//! What agents ask for (states, pools), queues and limits are given by [`Cli::set_up`].
//!
//! Where jobs are kept, `--store` says, or `WORKFLOW_STORE`: a SQLite file (`jobs.db`, if nothing is said), an address
//! that begins with `postgres://`, or `memory`. What only reads does not disturb a program that runs on the same file.
//!
//! | exit code | means |
//! | --- | --- |
//! | 0 | it is done |
//! | 1 | a job did not succeed, or a check has found something |
//! | 2 | the command line is not right |
//! | 3 | there is no such agent, workflow or job |
//! | 4 | an input is not right |
//! | 5 | the store cannot be used |
//! | 6 | the program itself is not right: its agents and workflows contradict each other |
//! | 130 | it was interrupted |

mod arguments;
mod catalogue;
mod jobs;
mod main;
mod output;
mod refusal;
mod run;
mod stores;

pub use main::{Cli, main};
