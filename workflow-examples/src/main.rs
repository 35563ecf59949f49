//! All the examples in one program, with its command line. Without a word, it runs a first workflow.

use std::env;
use std::process::ExitCode;

use workflow_examples::nightly;
use workflow_runtime::cli::Cli;

/// Where its jobs are kept, unless `--store` says otherwise.
const STORE: &str = "target/examples.db";

/// What is run if nothing is asked for: the job that is under way, if there is one.
const FIRST: [&str; 6] = ["run", "Report", "--input", r#"{"day": "Monday"}"#, "--unique", "first"];

const NEXT: &str = "
It ran on SQLite: interrupt it in the middle, and run it again. Where to look next:

  workflow-examples/src/report.rs                      what you have just seen, in code
  cargo run -q -p workflow-examples -- jobs            what became of it, step by step with `job ID`
  cargo run -q -p workflow-examples -- workflows       what else is here, and `show NAME`, `run NAME`
  cargo doc --open -p workflow-examples                the same with pictures
";

fn main() -> ExitCode {
    let cli = Cli::new()
        .version(env!("CARGO_PKG_VERSION"))
        .about("Workflows as people use them.")
        .default_store(STORE)
        .started(async |runtime| nightly::set_schedule(&runtime).await.map(drop));
    if env::args_os().len() > 1 {
        return cli.main();
    }
    let exit = cli.main_with(FIRST);
    if exit == ExitCode::SUCCESS {
        eprintln!("{NEXT}");
    }
    exit
}
