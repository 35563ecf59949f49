//! The project's chores; `cargo xtask help` lists them.

mod arguments;
mod benches;
mod chromium;
mod invocation;
mod needs;
mod postgres;
mod python;
mod steps;
mod summary;
mod toolchain;

use std::process::ExitCode;

use arguments::{Command, HELP};
use steps::Step;

/// The exit code of a command line that cannot be understood.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    match arguments::parse(&words) {
        Ok(Command::Help) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Command::Test { keep_going }) => run(&steps::TEST.iter().collect::<Vec<_>>(), keep_going),
        Ok(Command::Bench { benches }) => run(&benches, false),
        Ok(Command::Simulate) => run(&[&benches::SIMULATION], false),
        Ok(Command::Kill { rounds, seed }) => {
            run(&[&benches::PROGRAMS, &benches::killing(rounds, seed)], false)
        }
        Ok(Command::Cut { seed, rounds }) => run(&[&benches::cutting(seed, rounds)], false),
        Ok(Command::Fleet { rounds, seed }) => {
            run(&[&steps::DOCTOR, &benches::PROGRAMS, &benches::fleet(rounds, seed)], false)
        }
        Ok(Command::Doctor) => run(&[&steps::DOCTOR], false),
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(MISUSED)
        }
    }
}

fn run(steps: &[&Step], keep_going: bool) -> ExitCode {
    let summary = steps::run(steps, keep_going, Step::perform);
    println!("\n{summary}");
    if summary.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
