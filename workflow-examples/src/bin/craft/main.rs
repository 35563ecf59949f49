//! Agents at work, each as what its role may: a model plans, a coder writes, a tester tests, a critic judges by a script, and is
//! refused what is none of his business. `craft run Craft --input '{"task": "greet people"}'`, or `craft serve` to see it.

mod crafted;
mod plan;
mod setting;
mod stand_in;
mod workflow;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use workflow_agents::model::Models;
use workflow_runtime::cli::Cli;

/// Where its jobs are kept, unless `--store` says otherwise; and where the agents work.
const STORE: &str = "target/craft.db";
const FOLDER: &str = "target/craft";

fn main() -> ExitCode {
    let (folder, models) = match prepared() {
        Ok(prepared) => prepared,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    Cli::new()
        .version(env!("CARGO_PKG_VERSION"))
        .about("Agents at work: planned by a model, written, tested and judged.")
        .default_store(STORE)
        .set_up(move |builder| builder.state(setting::policy(&folder)).state(models))
        .main()
}

fn prepared() -> Result<(PathBuf, Models), Box<dyn Error>> {
    std::fs::create_dir_all(FOLDER)?;
    Ok((PathBuf::from(FOLDER).canonicalize()?, setting::models()?))
}
