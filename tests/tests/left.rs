//! Where tokio's runtime ends before ours does: nothing goes round in circles, and nothing is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use workflow_runtime::prelude::*;
use workflow_tests::folder::Folder;

/// How often it ends, each time somewhere else in the middle of what is to be written.
const ROUNDS: u64 = 20;

/// Something that is there as long as a runtime is.
struct Held {
    _alive: Arc<()>,
}

/// Gives it back.
#[task_agent]
async fn pass(n: u64, _held: State<Held>) -> u64 {
    n
}

workflow! {
    /// Passes something on.
    pub workflow Passes(n: u64) -> u64 {
        phase one { one = pass(*n); }
        phase two { two = pass(*one); }
        phase three { three = pass(*two); }
        *three
    }
}

#[test]
fn whoever_ends_tokios_runtime_ends_ours() {
    for round in 1..=ROUNDS {
        let folder = Folder::new("left");
        let held = Arc::new(());
        let left = Arc::downgrade(&held);
        let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let threads = threads.expect("there are threads");
        threads.block_on(async {
            let builder = Runtime::builder().state(Held { _alive: held });
            let runtime = builder.open(folder.file("jobs.db")).await.expect("it starts");
            for n in 0..round * 10 {
                runtime.submit(Passes { n }).await.expect("it is taken in");
            }
        });
        threads.shutdown_background();
        let begun = Instant::now();
        while left.strong_count() > 0 {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "round {round}: something of it is still there"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
