//! Stores that fail for a while, or take their time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fault_disk::{Disk, Image, Loss, Operation};
use workflow_runtime::store::SqliteStore;
use workflow_runtime::{JobFilter, Runtime};
use workflow_tests::folder::Folder;

use super::{Tell, copy, let_end, on, open, text};

const JOBS: usize = 20;

/// A disk with jobs that wait for a word.
async fn waiting(folder: &Folder) -> Image {
    let disk = Disk::new();
    disk.mount(folder.as_ref()).expect("nothing is in its way");
    let store = open(&folder.file("jobs.db")).expect("nothing is in its way");
    let runtime = on(&store).await.expect("nothing is in its way");
    for number in 0..JOBS {
        runtime.submit(Tell { text: text(number) }).await.expect("nothing is in its way");
    }
    runtime.shutdown(Duration::from_secs(5)).await;
    drop((runtime, store));
    disk.image(Loss::Everything)
}

async fn all_end(runtime: &Runtime) -> Result<(), String> {
    let recovered = tokio::time::timeout(Duration::from_secs(20), runtime.recovered()).await;
    recovered.map_err(|_| "it never comes to have read all jobs".to_owned())?;
    let_end(runtime).await;
    let kept = runtime.history(JobFilter::new().name("Tell")).await.map_err(|error| error.to_string())?;
    let open = kept.iter().filter(|head| !head.state.is_over()).count();
    if kept.len() == JOBS && open == 0 {
        Ok(())
    } else {
        Err(format!("{open} of {} do not go on", kept.len()))
    }
}

/// One operation fails while the jobs of an earlier process are taken over: either the runtime does not start, and says
/// why, or all jobs go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_over_at_first_is_taken_over_later() {
    let folder = Folder::new("first");
    let image = waiting(&folder).await;
    let (mut refused, mut survived) = (0, 0);
    // First the file is opened and a term begun; the operations behind those are what is tried.
    for number in 1.. {
        if survived == 6 {
            break;
        }
        let disk = Disk::holding(&image);
        disk.mount(folder.as_ref()).unwrap();
        disk.fail_operation(number);
        let opened = match open(&folder.file("jobs.db")) {
            Ok(store) => on(&store).await.map(|runtime| (runtime, store)),
            Err(error) => Err(error.to_string()),
        };
        match opened {
            Err(words) => {
                assert!(words.contains("jobs.db"), "{words}");
                refused += 1;
            }
            Ok((runtime, store)) => {
                all_end(&runtime)
                    .await
                    .unwrap_or_else(|problem| panic!("operation {number} fails: {problem}"));
                survived += 1;
                runtime.shutdown(Duration::from_secs(5)).await;
                drop((runtime, store));
            }
        }
    }
    assert!(refused > 2, "{refused}");
}

/// A disk that takes a hundredth of a second for each sync: jobs share them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_disk_is_shared_by_many() {
    let (folder, disk) = (Folder::new("slow"), Disk::new());
    let syncs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&syncs);
    disk.mount(folder.as_ref()).unwrap();
    let store = Arc::new(SqliteStore::open(folder.file("jobs.db")).unwrap());
    let runtime = on(&store).await.unwrap();
    disk.before_each(move |operation, _| {
        if operation == Operation::Sync {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let start = Instant::now();
    let jobs = (0..200).map(|number| {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.submit(copy::with(text(number))).await.unwrap().await.unwrap() })
    });
    for (number, job) in jobs.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(job.await.unwrap(), text(number));
    }
    let (syncs, took) = (syncs.load(Ordering::SeqCst), start.elapsed());
    assert!(syncs < 100, "{syncs} syncs for 200 jobs of two entries each, in {took:?}");
    runtime.shutdown(Duration::from_secs(5)).await;
}

/// A disk whose syncs wait until they are let.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn shut(&self, is_shut: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = is_shut;
        self.1.notify_all();
    }

    fn pass(&self) {
        let is_shut = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.1.wait_while(is_shut, |is_shut| *is_shut));
    }
}

/// A store that says nothing for a while: what it has in its hands waits, what comes later is refused after a while, with
/// the reason, and is nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_says_nothing_is_told() {
    let (folder, disk, gate) = (Folder::new("silent"), Disk::new(), Arc::new(Gate::default()));
    disk.mount(folder.as_ref()).unwrap();
    let store = open(&folder.file("jobs.db")).unwrap();
    let runtime = on(&store).await.unwrap();
    runtime.recovered().await;
    // So that the plan of its workflow is written, and the next sync is that of a job.
    assert_eq!(runtime.submit(copy::with(text(0))).await.unwrap().await.unwrap(), text(0));
    let passed = Arc::clone(&gate);
    let (at, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    disk.before_each(move |operation, _| {
        if operation == Operation::Sync {
            let _ = at.send(());
            passed.pass();
        }
    });
    gate.shut(true);
    let first = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.submit(copy::with(text(1))).await.unwrap().await.unwrap() }
    });
    arrived.recv().await.unwrap();
    let many = [copy::with(text(3)), copy::with(text(4))];
    let (one, many) =
        tokio::join!(runtime.submit(copy::with(text(2))).into_future(), runtime.submit_all(many));
    for refused in [one.unwrap_err(), many.unwrap_err()] {
        let why = refused.to_string();
        assert!(why.ends_with("what came before has not been written for 5 seconds"), "{why}");
    }
    assert!(!first.is_finished(), "nobody knows yet whether it is written");

    gate.shut(false);
    assert_eq!(first.await.unwrap(), text(1));
    let kept = runtime.history(JobFilter::new()).await.unwrap();
    assert_eq!(kept.len(), 2, "what was refused is nowhere: {kept:?}");
    runtime.shutdown(Duration::from_secs(5)).await;
}
