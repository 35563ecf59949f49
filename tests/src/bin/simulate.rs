//! A long simulation: `cargo xtask simulate`, or with the first seed and how many jobs there shall be at least.

use std::process::ExitCode;
use std::time::Instant;

use workflow_tests::simulation::{Tally, simulate};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let first = arguments.next().unwrap_or(1);
    let wanted = usize::try_from(arguments.next().unwrap_or(1_000_000)).unwrap_or(usize::MAX);
    // The panics of simulated agents are outcomes; nobody wants to read a hundred thousand of them.
    std::panic::set_hook(Box::new(|_| {}));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("tokio's runtime can be made");
    let (start, mut tally, mut seed) = (Instant::now(), Tally::default(), first);
    while tally.jobs() < wanted {
        let run = std::panic::catch_unwind(|| runtime.block_on(simulate(seed)));
        match run {
            Ok(Ok(run)) => tally.add(run),
            Ok(Err(wrong)) => {
                println!("SEED={seed}: {wrong}");
                return ExitCode::FAILURE;
            }
            Err(_) => {
                println!("SEED={seed}: it panicked");
                return ExitCode::FAILURE;
            }
        }
        seed += 1;
        if (seed - first) % 10_000 == 0 {
            println!("{} seeds, {:?}, {:?}", seed - first, start.elapsed(), tally);
        }
    }
    println!("{} seeds, {} jobs, in {:?}: {tally:?}", seed - first, tally.jobs(), start.elapsed());
    ExitCode::SUCCESS
}
