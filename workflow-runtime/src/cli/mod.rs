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
//! that begins with `postgres://`, or `memory`.
//!
//! What operators set without a rebuild is read from the file that `WORKFLOW_CONFIG` names, or from `workflow.toml`, and from
//! the environment; see [`configuration`](crate::configuration). `doctor` shows what is set, and where.
//!
//! A program may be at work on the same file meanwhile. What only reads, reads the file beside it. What acts (`submit`,
//! `cancel`, `retry` …) is done by the program that has the file open, which is asked over a socket that only this machine
//! reaches and by a secret in `FILE.door`, which only the file's owner may read; for that it is built with the feature `cli`,
//! too. If there is none, the command opens the file, does what it is told, starts nothing, and closes it again.
//!
//! With the feature `mcp`, the command of that name serves agents and workflows as tools of the Model Context Protocol: those that have
//! the tag `mcp`, or that are named by `--tool` and `--tag`, or `--all`. Whoever has begun it is spoken to over its standard input and
//! output, and what agents print goes where errors go (on Windows it is in the way); by `--listen` they are served over HTTP, beside the
//! dashboard and for the same tokens. What another process works on is asked of that one. An editor or an assistant is set up so:
//!
//! ```json
//! { "mcpServers": { "orders": { "command": "orders", "args": ["mcp", "--store", "/srv/orders/jobs.db"] } } }
//! ```
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
//! | 7 | it does not go with how things stand: the job is over, the key is taken |
//! | 8 | the [configuration](crate::configuration) is not right |
//! | 130 | it was interrupted |

mod acting;
mod arguments;
mod catalogue;
mod doctor;
mod follow;
mod init;
mod jobs;
mod live;
mod logs;
mod looks;
mod main;
#[cfg(feature = "mcp")]
mod mcp;
mod nodes;
mod output;
mod prune;
mod queues;
mod refusal;
mod report;
mod run;
mod schedules;
#[cfg(feature = "http")]
mod serve;
mod sought;
mod stores;
mod strays;
mod threads;
mod transfer;
mod watch;
mod worker;

pub use main::{Cli, main};
