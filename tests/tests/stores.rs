//! Stores keep their promises, and the suite that says so finds those that do not.

use workflow_runtime::store::{MemoryStore, SqliteStore};
use workflow_runtime::testing::conformance;

#[test]
fn memory_keeps_its_promises() {
    conformance::check(MemoryStore::new, |store| store).unwrap();
}

#[test]
fn sqlite_keeps_its_promises() {
    let folder = std::env::temp_dir().join(format!("stores-{}", std::process::id()));
    let count = std::sync::atomic::AtomicUsize::new(0);
    std::fs::create_dir_all(&folder).unwrap();
    let made = conformance::check(
        || {
            let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            SqliteStore::open(folder.join(format!("{n}.db"))).unwrap()
        },
        |store| {
            let path = store.path().to_owned();
            drop(store);
            SqliteStore::open(path).unwrap()
        },
    );
    std::fs::remove_dir_all(&folder).unwrap();
    made.unwrap();
}
