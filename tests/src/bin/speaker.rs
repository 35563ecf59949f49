//! A program with a command line, of which an agent prints by itself.

use std::process::ExitCode;

use workflow_runtime::cli;
use workflow_runtime::prelude::*;

/// Says something where the command line says things, too.
#[task_agent]
async fn speak(what: String) -> String {
    println!("an agent says {what}");
    eprintln!("an agent mutters {what}");
    what
}

fn main() -> ExitCode {
    cli::main()
}
