//! Jobs that are written in a transaction of the user's own: they are there if and only if what else it writes is.

use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::prelude::*;
use workflow_runtime::store::rusqlite::Connection;
use workflow_runtime::store::{MemoryStore, SqliteOptions, SqliteStore, Store};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Conflict, JobFilter, JobState};
use workflow_tests::folder::Folder;

#[task_agent]
async fn ship(order: u64) -> u64 {
    order + 1
}

workflow! {
    /// Two of them.
    workflow Twice(order: u64) -> u64 {
        phase all {
            one = ship(order);
            two = ship(one);
        }
        *two
    }
}

fn connection(store: &SqliteStore) -> Connection {
    let connection = Connection::open(store.path()).expect("it opens");
    connection.busy_timeout(Duration::from_secs(5)).expect("it can be set");
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)")
        .expect("the table can be made");
    connection
}

fn begun(folder: &Folder, sweep_after: u32) -> (TestRuntime, Connection, Arc<SqliteStore>) {
    let store = SqliteOptions::new(folder.fresh("jobs.db")).sweep_after(sweep_after).open();
    let store = Arc::new(store.expect("it opens"));
    let runtime = TestRuntime::on(Runtime::builder(), 0, Arc::clone(&store) as Arc<dyn Store>);
    let connection = connection(&store);
    (runtime, connection, store)
}

fn orders(connection: &Connection) -> u32 {
    connection.query_row("SELECT count(*) FROM orders", [], |row| row.get(0)).expect("it can be read")
}

#[tokio::test]
async fn a_job_is_there_if_its_transaction_is_committed() {
    let folder = Folder::new("within-committed");
    for sweep_after in [2, 20_000] {
        let (runtime, mut connection, _store) = begun(&folder, sweep_after);
        for order in 0..20 {
            // Others come and go between them.
            assert_eq!(runtime.run(ship::with(100)).await.unwrap(), 101);
            let transaction = connection.transaction().unwrap();
            transaction.execute("INSERT INTO orders VALUES (?)", [u32::try_from(order).unwrap()]).unwrap();
            let pledge = runtime.submit(Twice { order }).tag("own").within(&transaction).unwrap();
            let id = pledge.id();
            assert!(runtime.fetch(id).await.unwrap().is_none(), "nobody sees it before");
            transaction.commit().unwrap();
            let job = pledge.begin().await.unwrap();
            assert_eq!((job.id(), job.await.unwrap()), (id, order + 2));
        }
        assert_eq!(orders(&connection), 20);
        let kept = runtime.history(JobFilter::new().tag("own")).await.unwrap();
        assert!(kept.len() == 20 && kept.iter().all(|head| head.state == JobState::Succeeded), "{kept:?}");
    }
}

#[tokio::test]
async fn a_job_is_not_there_if_its_transaction_is_rolled_back() {
    let folder = Folder::new("within-rolled-back");
    let (runtime, mut connection, _store) = begun(&folder, 20_000);
    let transaction = connection.transaction().unwrap();
    transaction.execute("INSERT INTO orders VALUES (1)", []).unwrap();
    let pledge = runtime.submit(ship::with(1)).unique("a").once("b").within(&transaction).unwrap();
    transaction.rollback().unwrap();
    let error = pledge.begin().await.unwrap_err().to_string();
    assert!(error.contains("was rolled back, or is not committed yet; commit it first"), "{error}");
    assert_eq!((orders(&connection), runtime.history(JobFilter::new()).await.unwrap().len()), (0, 0));
    // What it would have taken is free.
    assert_eq!(runtime.submit(ship::with(5)).unique("a").once("b").await.unwrap().await.unwrap(), 6);
}

#[tokio::test]
async fn a_job_that_nobody_lets_begin_begins_by_itself_or_with_the_next_process() {
    let folder = Folder::new("within-forgotten");
    let (runtime, mut connection, _store) = begun(&folder, 20_000);
    let mut hand_in = |order: u64| {
        let transaction = connection.transaction().unwrap();
        let pledge = runtime.submit(Twice { order }).within(&transaction).unwrap();
        transaction.commit().unwrap();
        pledge
    };
    let dropped = hand_in(1);
    let first = dropped.id();
    drop(dropped);
    runtime.advance(Duration::from_secs(200));
    assert_eq!(runtime.job(first).unwrap().await.unwrap(), 3);

    let second = hand_in(2);
    let id = second.id();
    std::mem::forget(second);
    runtime.crash_after(0);
    let next = runtime.restart();
    assert_eq!(next.job(id).unwrap().await.unwrap(), 4);
}

#[tokio::test]
async fn keys_hold_in_transactions() {
    let folder = Folder::new("within-keys");
    for sweep_after in [1, 20_000] {
        let (runtime, mut connection, _store) = begun(&folder, sweep_after);
        let held = runtime.submit(ship::with(1)).unique("key").delay("1h").await.unwrap();
        let transaction = connection.transaction().unwrap();
        let taken = runtime.submit(ship::with(2)).unique("key").within(&transaction).unwrap_err();
        assert!(taken.to_string().contains(&held.id().to_string()), "{taken}");
        let pledge =
            runtime.submit(ship::with(3)).unique("own").once("ever").delay("1h").within(&transaction);
        let pledge = pledge.unwrap();
        // Of the same transaction, too.
        runtime.submit(ship::with(4)).unique("own").within(&transaction).unwrap_err();
        runtime.submit(ship::with(4)).once("ever").within(&transaction).unwrap_err();
        transaction.commit().unwrap();
        let refused = runtime.submit(ship::with(5)).unique("own").on_conflict(Conflict::Reject).await;
        assert!(refused.is_err());
        let job = pledge.begin().await.unwrap();
        let again = runtime.submit(ship::with(5)).once("ever").await.unwrap();
        assert_eq!(again.id(), job.id());
        assert_eq!(job.await.unwrap(), 4);
        // It is over, and its key is free, whether that is in its row or not.
        let transaction = connection.transaction().unwrap();
        let next = runtime.submit(ship::with(6)).unique("own").within(&transaction).unwrap();
        transaction.commit().unwrap();
        assert_eq!(next.begin().await.unwrap().await.unwrap(), 7);
        assert_eq!(held.await.unwrap(), 2);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_connection_is_said() {
    let folder = Folder::new("within-wrong");
    let (runtime, connection, _store) = begun(&folder, 20_000);
    let error = runtime.submit(ship::with(1)).within(&connection).unwrap_err().to_string();
    assert!(error.contains("no transaction was begun on this connection; begin one"), "{error}");
    let mut other = Connection::open(folder.fresh("other.db")).unwrap();
    let transaction = other.transaction().unwrap();
    let error = runtime.submit(ship::with(1)).within(&transaction).unwrap_err().to_string();
    assert!(error.contains("other.db; open one to this file"), "{error}");
    let memory = TestRuntime::on(Runtime::builder(), 0, Arc::new(MemoryStore::new()));
    let error = memory.submit(ship::with(1)).within(&transaction).unwrap_err().to_string();
    assert!(error.contains("open the runtime by `Runtime::open`"), "{error}");
}
