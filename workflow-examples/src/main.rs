//! All the examples in one program, with its command line: `cargo run -p workflow-examples -- workflows`.

use std::process::ExitCode;

use workflow_examples as _;
use workflow_runtime::cli::Cli;

fn main() -> ExitCode {
    Cli::new().version(env!("CARGO_PKG_VERSION")).about("Workflows as people use them.").main()
}
