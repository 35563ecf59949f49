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

/// Is done at once.
#[task_agent]
async fn nothing(n: u32) -> u32 {
    n
}

workflow! {
    /// Does nothing, many times at once.
    pub workflow Wide(times: u32) -> u32 {
        phase all { done = for n in (0..*times).collect::<Vec<u32>>() { nothing(n) }; }
        done.len() as u32
    }
}

fn main() -> ExitCode {
    cli::main()
}
