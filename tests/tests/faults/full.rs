//! Disks that are full, and files and folders that may not be written.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fault_disk::{Disk, Loss};
use workflow_runtime::store::{SqliteOptions, SqliteStore, Store, StoreErrorKind};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{JobFilter, Runtime, SubmitError};
use workflow_tests::folder::Folder;
use workflow_tests::history::{Event, Recorder, check};
use workflow_tests::workload::{self, Outside};

use super::{Tell, alone_on, let_end, open, text};

const CURE: &str = "the disk is full: make room, and it goes on by itself";

fn used(disk: &Disk) -> usize {
    disk.image(Loss::Nothing).files().map(|(_, content)| content.len()).sum()
}

/// Every form of the language is in the middle of something when the disk is full; a minute later there is room again.
#[tokio::test]
async fn a_full_disk_holds_work_up_and_loses_none() {
    let folder = Folder::new("full");
    for moment in [0, 20, 60, 100] {
        let (recorder, disk) = (Recorder::in_memory(1), Disk::new());
        disk.mount(folder.as_ref()).unwrap();
        let store = Arc::new(SqliteStore::open(folder.file("jobs.db")).unwrap());
        let builder = workload::builder(&recorder, Duration::from_millis(20));
        let runtime = TestRuntime::on(builder, moment, Arc::clone(&store) as Arc<dyn Store>);
        let mut outside = Outside::new(&recorder);
        for number in 0..6 {
            outside.load(&runtime, &number.to_string()).await.unwrap();
        }
        runtime.advance(Duration::from_millis(moment));
        disk.set_capacity(Some(used(&disk)));
        runtime.advance(Duration::from_secs(30));
        let refused = refused(&runtime, "more").await;
        assert!(refused.contains(CURE) && refused.contains("jobs.db"), "{refused}");
        let begun =
            || recorder.parsed().lines.iter().filter(|line| matches!(line.event, Event::Began(_))).count();
        let before = begun();
        runtime.advance(Duration::from_secs(30));
        assert_eq!(begun(), before, "nothing begins that is not written");

        disk.set_capacity(None);
        outside.end(&runtime, || false).await.unwrap();
        let history = recorder.parsed().lines;
        let found = check(&history, &workload::rules());
        assert!(found.is_empty(), "at {moment}: {found:#?}");
        // What was refused is nowhere.
        let kept = history.iter().filter(|line| matches!(line.event, Event::Kept(_))).count();
        let heads = runtime.history(JobFilter::new().name("Load")).await.unwrap();
        assert!(heads.len() >= 6 && kept >= heads.len(), "{} of {kept}", heads.len());
        runtime.shutdown(Duration::ZERO).await;
    }
}

/// Hands jobs in until one is refused, for what was written before leaves some room; says why.
async fn refused(runtime: &Runtime, request: &str) -> String {
    for _ in 0..1000 {
        match runtime.submit(workload::input(request)).await {
            Ok(_) => {}
            Err(SubmitError::Store(error)) => return error.to_string(),
            Err(other) => panic!("{other}"),
        }
    }
    panic!("nothing is refused");
}

/// Jobs in a file that cannot grow are there, and end, once it can.
#[tokio::test]
async fn a_file_that_cannot_grow_keeps_what_was_accepted() {
    let folder = Folder::new("pages");
    let file = folder.file("jobs.db");
    let store = Arc::new(SqliteOptions::new(&file).max_pages(80).open().unwrap());
    let runtime = alone_on(&store);
    let accepted = fill(&runtime).await;
    assert!(accepted > 10, "{accepted}");
    runtime.shutdown(Duration::ZERO).await;
    drop((runtime, store));

    let store = open(&file).unwrap();
    let runtime = alone_on(&store);
    runtime.recovered().await;
    let_end(&runtime).await;
    let kept = runtime.history(JobFilter::new().name("Tell")).await.unwrap();
    assert!(kept.len() >= accepted && kept.iter().all(|head| head.state.is_over()), "{}", kept.len());
    runtime.shutdown(Duration::from_secs(5)).await;
}

/// Hands jobs in until one is refused; says how many were not.
async fn fill(runtime: &Runtime) -> usize {
    for number in 0.. {
        match runtime.submit(Tell { text: format!("{} {}", text(number), "x".repeat(2000)) }).await {
            Ok(_) => {}
            Err(SubmitError::Store(error)) => {
                assert!(error.to_string().contains(CURE), "{error}");
                return number;
            }
            Err(other) => panic!("{other}"),
        }
    }
    0
}

/// A file system in memory, of some megabytes, as long as it lives.
struct Small(PathBuf);

impl Small {
    /// None where this process may not mount one.
    fn mount(folder: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder.to_owned())),
            Ok(output) => {
                println!(
                    "skipped, no tmpfs can be mounted: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                );
                None
            }
            Err(error) => {
                println!("skipped, there is no `mount`: {error}");
                None
            }
        }
    }

    fn may_be_written(&self, whether: bool) {
        let how = if whether { "remount,rw" } else { "remount,ro" };
        let done = Command::new("mount").args(["-o", how]).arg(&self.0).status();
        assert!(done.is_ok_and(|status| status.success()), "it cannot be mounted again");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Whatever is still open there, it is gone from here.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A real disk that is full, and has room again while the process runs; and one that may not be written.
#[tokio::test]
async fn a_file_system_that_is_full_or_read_only_is_told_and_survived() {
    let folder = Folder::new("small");
    let Some(disk) = Small::mount(folder.as_ref()) else { return };
    let file = folder.file("jobs.db");
    std::fs::write(folder.file("filler"), vec![7; 16_000_000]).unwrap();
    let store = open(&file).unwrap();
    let runtime = alone_on(&store);
    let accepted = fill(&runtime).await;
    assert!(accepted > 10, "{accepted}");
    std::fs::remove_file(folder.file("filler")).unwrap();
    let_end(&runtime).await;
    assert!(runtime.submit(Tell { text: text(0) }).await.is_ok(), "there is room again");
    runtime.shutdown(Duration::from_secs(5)).await;
    drop((runtime, store));

    disk.may_be_written(false);
    let refused = open(&file).unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(
        refused.to_string().contains("jobs.db") && refused.to_string().contains("may write"),
        "{refused}"
    );
    disk.may_be_written(true);
    let store = open(&file).unwrap();
    let runtime = alone_on(&store);
    runtime.recovered().await;
    let_end(&runtime).await;
    assert_eq!(runtime.history(JobFilter::new()).await.unwrap().len(), accepted + 1);
    runtime.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_refused_and_left_as_it_is() {
    let folder = Folder::new("read-only");
    let file = folder.file("jobs.db");
    let store = open(&file).unwrap();
    let runtime = alone_on(&store);
    runtime.submit(Tell { text: text(0) }).await.unwrap();
    runtime.shutdown(Duration::from_secs(5)).await;
    drop((runtime, store));

    let before = std::fs::read(&file).unwrap();
    let mut permissions = std::fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&file, permissions.clone()).unwrap();
    let refused = open(&file).unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(
        refused.to_string().ends_with("the file is read-only; let this process write to it"),
        "{refused}"
    );
    assert_eq!(std::fs::read(&file).unwrap(), before);

    #[expect(clippy::permissions_set_readonly_false, reason = "it is a file of this test's own")]
    permissions.set_readonly(false);
    std::fs::set_permissions(&file, permissions).unwrap();
    let store = open(&file).unwrap();
    let runtime = alone_on(&store);
    runtime.recovered().await;
    let_end(&runtime).await;
    runtime.shutdown(Duration::from_secs(5)).await;
}
