//! The runtime on a disk whose power goes, whatever it does just then. `cargo xtask cut` tries every operation; here it
//! is a sample of them, spread over the whole.

use fault_disk::Loss;
use workflow_tests::folder::Folder;
use workflow_tests::power::{Cut, Seen};

/// How many operations are tried.
const SAMPLE: u64 = 48;

/// The operations that are tried, of so many, and what is lost then.
fn sample(operations: u64) -> impl Iterator<Item = (u64, Loss)> {
    (0..SAMPLE).map(move |number| {
        let loss = match number % 4 {
            0 => Loss::Everything,
            1 => Loss::Nothing,
            _ => Loss::Seeded(number),
        };
        (1 + (2 * number + 1) * operations / (2 * SAMPLE), loss)
    })
}

fn cut(folder: &Folder, operation: u64, loss: Loss) -> Cut<'_> {
    Cut { folder: folder.as_ref(), seed: 0, operation, losses: vec![loss], again: None, lies: false }
}

/// How many operations there are when nothing goes wrong.
async fn operations(folder: &Folder) -> u64 {
    cut(folder, u64::MAX, Loss::Nothing).run().await.expect("nothing goes wrong").operations
}

#[tokio::test]
async fn whenever_the_power_goes_every_promise_is_kept() {
    let folder = Folder::new("cut");
    let mut all = Seen::default();
    for (operation, loss) in sample(operations(&folder).await) {
        // Now and then it goes again while what is left is recovered.
        let again = (operation % 3 == 0).then_some(1 + operation % 150);
        let seen = Cut { again, ..cut(&folder, operation, loss) }.run().await;
        let seen = seen.unwrap_or_else(|problem| panic!("operation {operation}, then {again:?}: {problem}"));
        all.accepted += seen.accepted;
        all.again += seen.again;
    }
    assert!(all.again as u64 > SAMPLE && all.accepted as u64 > 2 * SAMPLE, "{all:?}");
}

#[tokio::test]
async fn a_disk_that_lies_is_seen_to_break_promises() {
    let folder = Folder::new("lies");
    let mut wrong = Vec::new();
    for (operation, loss) in sample(operations(&folder).await).step_by(4) {
        let seen = Cut { lies: true, ..cut(&folder, operation, loss) }.run().await;
        wrong.extend(seen.err());
    }
    assert!(wrong.len() > 5 && wrong.iter().any(|problem| problem.contains("is lost")), "{wrong:?}");
}
