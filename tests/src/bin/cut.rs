//! Every power cut: `cargo xtask cut`, or with the first seed and how many seeds there shall be. For each operation of the
//! workload's, the power goes there and takes what it may, and goes again while what is left is recovered.

use std::process::ExitCode;
use std::time::Instant;

use fault_disk::Loss;
use workflow_tests::folder::Folder;
use workflow_tests::power::{Cut, Seen};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (first, seeds) = (arguments.next().unwrap_or(0), arguments.next().unwrap_or(1));
    let (folder, start) = (Folder::new("every-cut"), Instant::now());
    let (mut cuts, mut wrong, mut all) = (0_u64, 0_u64, Seen::default());
    for seed in first..first + seeds {
        for operation in 1.. {
            let of_loss = |number| Loss::Seeded(operation << 8 | number);
            let losses = vec![Loss::Everything, Loss::Nothing, of_loss(1), of_loss(2)];
            let again = (operation % 2 == 0).then_some(1 + operation * 37 % 150);
            let cut = Cut { folder: folder.as_ref(), seed, operation, losses, again, lies: false };
            match cut.run().await {
                Ok(seen) => {
                    all.accepted += seen.accepted;
                    all.again += seen.again;
                    all.judged += seen.judged;
                    if seen.operations > 0 {
                        break;
                    }
                }
                Err(problem) => {
                    wrong += 1;
                    println!("seed {seed}, operation {operation}, then {again:?}: {problem}");
                }
            }
            cuts += 1;
        }
        println!("seed {seed}: {cuts} cuts, {wrong} wrong, in {:?}: {all:?}", start.elapsed());
    }
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
