//! Files that versions of this library have left behind are opened by this one, and their jobs end as they should.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use serde_json::{Value as Json, json};
use workflow_runtime::store::SqliteStore;
use workflow_runtime::store::rusqlite::Connection;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{JobFilter, JobHandle, JobId, JobState, LetterFilter, Timestamp};
use workflow_tests::folder::Folder;
use workflow_tests::written::{self, Reader};

/// The files that are kept, with their versions.
fn kept() -> Vec<(u32, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("files");
    let all = fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it can be listed").path());
    let mut all: Vec<(u32, PathBuf)> = all.map(|path| (version(&path), path)).collect();
    all.sort();
    all
}

/// `v3.db` is of version 3.
fn version(path: &Path) -> u32 {
    let name = path.file_stem().and_then(|name| name.to_str()).expect("it has a name");
    name.strip_prefix('v').and_then(|number| number.parse().ok()).expect("it is called by its version")
}

fn copy(folder: &Folder, of: &Path) -> PathBuf {
    let file = folder.fresh("jobs.db");
    fs::copy(of, &file).expect("it can be copied");
    file
}

/// A program on a file, long after that was written.
fn program(file: &Path, reader: &Reader) -> TestRuntime {
    let store = SqliteStore::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let runtime = TestRuntime::on(written::builder(reader), 0, Arc::new(store));
    let moment: Timestamp = "2027-06-01T12:00:00Z".parse().expect("a moment");
    runtime.advance(moment.since(runtime.now()));
    runtime
}

async fn tagged(runtime: &TestRuntime, tag: &str) -> Vec<JobHandle<Json>> {
    let heads = runtime.history(JobFilter::new().tag(tag)).await.expect("it can be read");
    let mut all = Vec::new();
    for head in heads {
        all.push(runtime.fetch(head.id).await.expect("it can be read").expect("it is there"));
    }
    all
}

async fn only(runtime: &TestRuntime, tag: &str) -> JobHandle<Json> {
    let mut all = tagged(runtime, tag).await;
    assert_eq!(all.len(), 1, "of tag {tag}");
    all.remove(0)
}

/// What a job gave: the lines of its sheet.
async fn lines(runtime: &TestRuntime, tag: &str) -> Json {
    let sheet = only(runtime, tag).await.outcome().await.unwrap_or_else(|failure| panic!("{tag}: {failure}"));
    sheet["lines"].clone()
}

async fn why(runtime: &TestRuntime, tag: &str) -> String {
    only(runtime, tag).await.outcome().await.expect_err("it does not succeed").to_string()
}

#[tokio::test]
async fn their_jobs_go_on() {
    let folder = Folder::new("files");
    for (version, path) in kept() {
        let file = copy(&folder, &path);
        let reader = Reader::default();
        let runtime = program(&file, &reader);
        assert!(runtime.parked().is_empty(), "v{version}: {:?}", runtime.parked());

        assert_eq!(lines(&runtime, "done").await, json!(["begun by done"]));
        assert!(why(&runtime, "torn").await.contains("the sheet is torn"));
        assert!(why(&runtime, "cancelled").await.contains("nobody wants it"));
        assert_eq!(lines(&runtime, "held").await, json!(["begun by held", "held"]));
        assert_eq!(lines(&runtime, "later").await, json!(["begun by later", "held"]));
        assert_eq!(lines(&runtime, "unique").await, json!(["begun by unique"]));
        assert_eq!(
            lines(&runtime, "saved").await,
            json!(["begun by saved", "begun by a part", "saved Some(7)"])
        );
        let within =
            ["begun by within", "held", "held", "begun by within, beside", "begun by a part", "saved None"];
        assert_eq!(lines(&runtime, "within").await, json!(within));
        assert_eq!(only(&runtime, "paused").await.state(), JobState::Paused);

        let seen = reader.seen();
        let begun = |seen: &&String| seen.starts_with("begin") && *seen != "begin yearly";
        let begun: Vec<&String> = seen.iter().filter(begun).collect();
        assert_eq!(begun, ["begin a part", "begin unique"], "v{version}");
        for again in ["hold held 2", "hold within 2", "save saved Some(7)", "hold later 1"] {
            assert!(seen.iter().any(|seen| seen == again), "v{version}: {again} in {seen:?}");
        }

        only(&runtime, "granted").await.signal("go", true).await.expect("it waits");
        only(&runtime, "refused").await.signal("go", false).await.expect("it waits");
        assert!(only(&runtime, "paused").await.resume().await);
        runtime.run_until_idle();
        assert_eq!(lines(&runtime, "granted").await, json!(["begun by granted", "held"]));
        assert!(why(&runtime, "refused").await.contains("the sheet is torn"));
        assert!(reader.seen().contains(&"burn refused".to_owned()));

        let letters = runtime.dead_letters().list(LetterFilter::new()).await.expect("it can be read");
        let dead: Vec<JobId> = letters.iter().map(|head| head.id).collect();
        let (torn, refused) = (only(&runtime, "torn").await.id(), only(&runtime, "refused").await.id());
        assert_eq!(dead, [torn, refused], "v{version}");
        if version >= 2 {
            since_2(&runtime).await;
        }
        runtime.check_journals().unwrap_or_else(|error| panic!("v{version}: {error}"));
    }
}

async fn since_2(runtime: &TestRuntime) {
    let once = only(runtime, "once").await;
    let again =
        runtime.submit_json("SheetDone", json!({ "of": "once" })).once("ever").await.expect("it is taken in");
    assert_eq!(again.id(), once.id());
    let queued = only(runtime, "queued").await;
    assert_eq!(queued.state(), JobState::Pending);
    runtime.resume_queue("closed").await.expect("it can be written");
    runtime.run_until_idle();
    assert_eq!(lines(runtime, "queued").await, json!(["begun by queued"]));
    // Once by hand, and once for the new year that was missed.
    let yearly = tagged(runtime, "yearly").await;
    assert_eq!(yearly.len(), 2);
    assert!(yearly.iter().all(|job| job.state() == JobState::Succeeded));
}

#[test]
fn they_can_be_read_by_people() {
    let folder = Folder::new("files-read");
    for (version, path) in kept() {
        let file = copy(&folder, &path);
        let before: i64 = Connection::open(&file)
            .expect("it opens")
            .query_row("SELECT count(*) FROM journal", [], |row| row.get(0))
            .expect("it is a view");
        drop(SqliteStore::open(&file).unwrap_or_else(|error| panic!("v{version}: {error}")));
        let connection = Connection::open(&file).expect("it opens");
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
        assert_eq!(count("PRAGMA user_version"), i64::from(written::VERSION));
        assert_eq!(count("SELECT count(*) FROM journal"), before, "v{version}");
        assert_eq!(
            count("SELECT count(*) FROM failed_jobs WHERE failure LIKE '%the sheet is torn%'"),
            if version >= 2 { 2 } else { 1 }
        );
        assert_eq!(count("SELECT count(*) FROM unfinished_jobs WHERE unique_key = 'only one'"), 1);
        assert!(count("SELECT count(*) FROM journal WHERE fact = 'fell' OR fact = 'succeeded'") > 5);
    }
}

#[test]
fn there_is_one_of_each_version() {
    let versions: Vec<u32> = kept().into_iter().map(|(version, _)| version).collect();
    assert_eq!(
        versions,
        (1..=written::VERSION).collect::<Vec<_>>(),
        "`--bin write_file` writes one of today's"
    );
}
