//! Stores keep their promises, and the suite that says so finds those that do not.

use workflow_runtime::store::{Durability, MemoryStore, SqliteOptions, SqliteStore};
use workflow_runtime::testing::conformance;
use workflow_tests::faulty::{Fault, Faulty};
use workflow_tests::folder::Folder;

#[test]
fn memory_keeps_its_promises() {
    conformance::check(MemoryStore::new, |store| store).unwrap();
}

#[test]
fn sqlite_keeps_its_promises() {
    let folder = Folder::new("promises");
    let open = |path: &std::path::Path| {
        // What is tested here outlives the process; that it outlives the machine is for SQLite to see to.
        SqliteOptions::new(path).durability(Durability::Normal).open().unwrap()
    };
    let reopen = |store: SqliteStore| {
        let path = store.path().to_owned();
        drop(store);
        open(&path)
    };
    conformance::check(|| open(&folder.fresh("jobs.db")), reopen).unwrap();
}

#[test]
fn a_store_that_breaks_a_promise_is_found() {
    conformance::check(|| Faulty::new(Fault::None), Faulty::reopen).unwrap();
    let mut wrong = Vec::new();
    for (fault, promise) in Fault::ALL {
        match conformance::check(|| Faulty::new(*fault), Faulty::reopen) {
            Ok(()) => wrong.push(format!("{fault:?} is not found at all")),
            Err(report) if report.broken().iter().any(|broken| broken.promise == *promise) => {}
            Err(report) => wrong.push(format!("{fault:?} should break `{promise}`, and {report}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_promise_can_be_broken() {
    let broken: Vec<&str> = Fault::ALL.iter().map(|(_, promise)| *promise).collect();
    for promise in conformance::promises() {
        assert!(broken.contains(&promise), "no faulty store breaks `{promise}`");
    }
}

#[test]
fn a_report_names_what_is_broken_and_what_was_seen() {
    let report = conformance::check(|| Faulty::new(Fault::IgnoresTags), Faulty::reopen).unwrap_err();
    let text = report.to_string();
    assert!(text.starts_with("the store breaks "), "{text}");
    assert!(text.contains("\n- a list holds what its filter lets through: what Filter {"), "{text}");
}
