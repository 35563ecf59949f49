//! The long killing: `cargo xtask kill`, or with how often there shall be killed, and the seed that decides when. After so
//! many kills the victim gets a new file.

use std::process::ExitCode;
use std::time::Instant;

use workflow_tests::folder::Folder;
use workflow_tests::history::{Event, Line, check};
use workflow_tests::killing::{Killed, Killing};
use workflow_tests::workload;

/// How often who uses one file is killed.
const OF_ONE: u64 = 100;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (rounds, seed) = (arguments.next().unwrap_or(2000), arguments.next().unwrap_or(1));
    let (folder, start) = (Folder::new("killed"), Instant::now());
    let (mut kills, mut accepted) = (0, 0);
    for seed in seed.. {
        if kills >= rounds {
            break;
        }
        let killed = match kill(&folder, seed, (rounds - kills).min(OF_ONE)) {
            Ok(killed) => killed,
            Err(problem) => {
                println!("SEED={seed}: {problem}");
                return ExitCode::FAILURE;
            }
        };
        kills += u64::from(killed.kills);
        let is_accepted = |line: &&Line| matches!(line.event, Event::Accepted { .. });
        accepted += killed.history.iter().filter(is_accepted).count();
        println!("seed {seed}: {kills} kills, {accepted} jobs, in {:?}", start.elapsed());
    }
    ExitCode::SUCCESS
}

fn kill(folder: &Folder, seed: u64, kills: u64) -> Result<Killed, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = own.with_file_name(format!("victim{}", std::env::consts::EXE_SUFFIX));
    let arguments = vec![folder.fresh("jobs.db").display().to_string()];
    let kills = u32::try_from(kills).map_err(|error| error.to_string())?;
    let killed = Killing { program, arguments, seed, kills, jobs: 3, lines: 200 }.run()?;
    match &check(&killed.history, &workload::rules())[..] {
        [] => Ok(killed),
        found => {
            let kept = std::env::temp_dir().join(format!("killed-{seed}.history"));
            let lines: Vec<u8> = killed.history.iter().flat_map(Line::to_bytes).collect();
            std::fs::write(&kept, lines).map_err(|error| error.to_string())?;
            Err(format!("{found:#?}, in {}", kept.display()))
        }
    }
}
