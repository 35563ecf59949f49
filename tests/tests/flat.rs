//! While a store cannot be written, jobs are held and others are refused, and memory stays as it is.

use std::alloc::System;
use std::sync::Arc;
use std::time::Duration;

use fault_disk::Disk;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use workflow_runtime::prelude::*;
use workflow_runtime::store::{SqliteStore, Store};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{JobFilter, Queue, Registry, SubmitError};
use workflow_tests::folder::Folder;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[task_agent]
async fn nap(n: u64, ctx: &TaskContext) -> u64 {
    ctx.sleep(Duration::from_secs(30)).await;
    n
}

/// How many jobs run at once; others wait for a place.
const PLACES: usize = 8;
/// How many jobs there are room for beside them.
const ROOM: usize = 40;
/// How many are refused in one round.
const REFUSED: u64 = 200;

fn held(region: &Region<'_, System>) -> i128 {
    let change = region.change();
    let bytes = |count: usize| i128::try_from(count).expect("memory is not that large");
    bytes(change.bytes_allocated) - bytes(change.bytes_deallocated)
}

/// Hands in jobs, each of which is refused, with the reason.
async fn refuse(runtime: &TestRuntime) {
    for n in 0..REFUSED {
        match runtime.submit(nap::with(n)).unique(format!("{n}")).tag("refused").delay("1s").await {
            Err(SubmitError::Store(error)) => {
                assert!(error.to_string().contains("the disk is full"), "{error}")
            }
            other => panic!("{other:?}"),
        }
        match runtime.submit(nap::with(n)).deadline("1d").await {
            Err(SubmitError::Store(error)) => {
                assert!(error.to_string().contains("the disk is full"), "{error}")
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn memory_stays_as_it_is_while_nothing_can_be_written() {
    let (folder, disk) = (Folder::new("flat"), Disk::new());
    disk.mount(folder.as_ref()).unwrap();
    let store = Arc::new(SqliteStore::open(folder.file("jobs.db")).unwrap());
    let registry = Registry::builder().agent::<nap>().build().unwrap();
    let queue = Queue::new("default").concurrency(u32::try_from(PLACES).unwrap()).capacity(ROOM);
    let builder = Runtime::builder().registry(registry).queue(queue);
    let runtime = TestRuntime::on(builder, 0, store as Arc<dyn Store>);
    let mut jobs = Vec::new();
    for n in 0..30 {
        jobs.push(runtime.submit(nap::with(n)).await.unwrap());
    }
    disk.set_capacity(Some(0));
    // Once round so that what is kept of a kind is there; from then on nothing more may be.
    refuse(&runtime).await;
    let region = Region::new(ALLOCATOR);
    refuse(&runtime).await;
    let grown = held(&region);
    assert!(grown < 16 * 1024, "{grown} bytes more after {} jobs were refused", 2 * REFUSED);
    assert_eq!(runtime.jobs(&JobFilter::new()).len(), jobs.len());

    // What was held goes on, and the room is free again.
    disk.set_capacity(None);
    for (n, job) in (0..).zip(jobs) {
        assert_eq!(job.await.unwrap(), n);
    }
    for n in 0..2 * ROOM as u64 {
        assert!(runtime.submit(nap::with(n)).await.is_ok());
        runtime.advance(Duration::from_secs(10));
    }
}
