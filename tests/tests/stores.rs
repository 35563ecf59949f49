//! Stores keep their promises, and the suite that says so finds those that do not.

use workflow_runtime::store::{
    Durability, MemoryStore, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore,
};
use workflow_runtime::testing::conformance;
use workflow_tests::faulty::{Fault, Faulty};
use workflow_tests::folder::Folder;
use workflow_tests::postgres;

#[test]
fn memory_keeps_its_promises() {
    conformance::check(MemoryStore::new, |store| store).unwrap();
}

#[test]
fn sqlite_keeps_its_promises() {
    sqlite_keeps_them(20_000);
}

#[test]
fn sqlite_keeps_its_promises_while_it_brings_rows_up_to_date() {
    sqlite_keeps_them(3);
}

fn sqlite_keeps_them(sweep_after: u32) {
    let folder = Folder::new(&format!("promises-{sweep_after}"));
    let open = |path: &std::path::Path| {
        // What is tested here outlives the process; that it outlives the machine is for SQLite to see to.
        SqliteOptions::new(path)
            .durability(Durability::Normal)
            .sweep_after(sweep_after)
            .open()
            .expect("it opens")
    };
    let reopen = |store: SqliteStore| {
        let path = store.path().to_owned();
        drop(store);
        open(&path)
    };
    conformance::check(|| open(&folder.fresh("jobs.db")), reopen).expect("it keeps its promises");
}

#[test]
fn postgres_keeps_its_promises() {
    let make = || postgres::options().open().expect("it opens");
    let reopen = |store: PostgresStore| {
        let same = PostgresOptions::new(postgres::address()).schema(store.schema());
        drop(store);
        same.open().expect("it opens")
    };
    conformance::check(make, reopen).expect("it keeps its promises");
}

#[test]
fn a_store_that_breaks_a_promise_is_found() {
    conformance::check(|| Faulty::new(Fault::None), Faulty::reopen).unwrap();
    let mut wrong = Vec::new();
    for (fault, promise) in Fault::ALL {
        assert!(conformance::promises().contains(promise), "there is no promise `{promise}`");
        if conformance::check_one(promise, || Faulty::new(*fault), Faulty::reopen).is_ok() {
            wrong.push(format!("{fault:?} should break `{promise}`, and is not found"));
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

#[test]
fn one_promise_is_checked_by_its_words() {
    let promise = "a term is greater than those before it";
    conformance::check_one(promise, MemoryStore::new, |store| store).unwrap();
    let report = conformance::check_one("it is fast", MemoryStore::new, |store| store).unwrap_err();
    assert_eq!(report.broken()[0].promise, "it is fast");
    assert!(report.to_string().contains("there is no such promise"), "{report}");
}

#[test]
fn what_is_no_file_is_refused_in_words_that_help() {
    let folder = Folder::new("no-file");
    let nowhere = folder.file("missing").join("jobs.db");
    for (path, cure) in [
        (std::path::Path::new(""), "give the path of one"),
        (std::path::Path::new(":memory:"), "`Runtime::in_memory` keeps jobs in memory"),
        (&nowhere, "missing is not there: make it first"),
    ] {
        let error = workflow_runtime::store::SqliteStore::open(path).expect_err("it is no file");
        assert!(error.to_string().contains(cure), "{error}");
    }
}
