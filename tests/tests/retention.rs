//! Jobs that are over are kept as long as it was said, and no longer; an archive has what was forgotten.

use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::prelude::*;
use workflow_runtime::store::{
    Claimed, Entry, Expiry, Filter, Head, Kept, MemoryStore, Most, Note, SqliteStore, Store, StoreError,
    StoreErrorKind, Term, Verdict,
};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Archive, JobFilter, JobId, Keep, LetterFilter, Registry, Retention, RuntimeBuilder};
use workflow_tests::folder::Folder;

#[task_agent]
async fn echo(text: String) -> String {
    text
}

#[task_agent]
async fn count(n: u32) -> Result<u32, AgentError> {
    if n == 13 { Err(AgentError::permanent("no")) } else { Ok(n) }
}

/// Waits for another thread, of which no clock knows.
#[task_agent]
async fn outside() -> Result<(), AgentError> {
    let (told, heard) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        (0..1000).for_each(|_| std::thread::yield_now());
        told.send(())
    });
    heard.await.map_err(AgentError::from)
}

fn builder(retention: Retention) -> RuntimeBuilder {
    let registry = Registry::builder()
        .agent::<echo>()
        .agent::<count>()
        .agent::<outside>()
        .build()
        .expect("they are right");
    Runtime::builder().registry(registry).retention(retention)
}

/// A store in memory, and a file.
fn stores(folder: &Folder) -> Vec<Arc<dyn Store>> {
    let file = SqliteStore::open(folder.file("jobs.db")).expect("the file can be made");
    vec![Arc::new(MemoryStore::new()), Arc::new(file)]
}

async fn counted(runtime: &TestRuntime, n: u32) -> JobId {
    let job = runtime.submit(count::with(n)).await.expect("it works");
    let _ = job.outcome().await;
    job.id()
}

async fn kept(runtime: &TestRuntime, name: &str) -> Vec<JobId> {
    let heads = runtime.history(JobFilter::new().name(name)).await.expect("it works");
    heads.into_iter().map(|head| head.id).collect()
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn jobs_are_kept_for_their_time_and_in_their_number() {
    let folder = Folder::new("retention");
    for store in stores(&folder) {
        let retention = Retention::new(Keep::for_time(HOUR)).of("echo", Keep::last(2));
        let runtime = TestRuntime::on(builder(retention), 0, store);
        let old = counted(&runtime, 1).await;
        let dead = counted(&runtime, 13).await;
        let mut texts = Vec::new();
        for n in 0..5 {
            let job = runtime.submit(echo::with(n.to_string())).await.unwrap();
            texts.push(job.id());
            job.await.unwrap();
        }
        runtime.advance(HOUR / 2);
        assert_eq!(kept(&runtime, "echo").await, texts[3..]);
        let young = counted(&runtime, 2).await;
        assert_eq!(kept(&runtime, "count").await, [old, dead, young]);
        runtime.advance(HOUR / 2 + Duration::from_secs(120));
        // The dead letter stays, and what has its own rule.
        assert_eq!(kept(&runtime, "count").await, [dead, young]);
        assert_eq!(kept(&runtime, "echo").await, texts[3..]);
        assert!(runtime.fetch(old).await.unwrap().is_none(), "it is not in memory either");
        let runtime = runtime.restart();
        assert!(runtime.dead_letters().discard(dead).await.unwrap());
        runtime.advance(HOUR);
        assert_eq!(kept(&runtime, "count").await, []);
    }
}

#[tokio::test]
async fn letters_have_a_rule_of_their_own() {
    let folder = Folder::new("retention-letters");
    for store in stores(&folder) {
        let retention = Retention::new(Keep::all()).letters(Keep::for_time(HOUR).at_most(2));
        let runtime = TestRuntime::on(builder(retention), 0, store);
        let fine = counted(&runtime, 1).await;
        let mut dead = Vec::new();
        for _ in 0..4 {
            dead.push(counted(&runtime, 13).await);
        }
        runtime.advance(Duration::from_secs(120));
        let letters = runtime.dead_letters().list(LetterFilter::new()).await.unwrap();
        assert_eq!(letters.iter().map(|head| head.id).collect::<Vec<_>>(), dead[2..]);
        runtime.advance(HOUR);
        assert_eq!(kept(&runtime, "count").await, [fine]);
    }
}

#[tokio::test]
async fn the_clock_does_not_run_away_while_something_outside_is_awaited() {
    let runtime = TestRuntime::on(builder(Retention::new(Keep::last(1))), 0, Arc::new(MemoryStore::new()));
    let job = runtime.submit(outside::with()).await.unwrap();
    job.await.unwrap();
    assert!(runtime.elapsed() < HOUR, "{:?}", runtime.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn time_passes_by_itself_and_nothing_is_held() {
    let store = Arc::new(MemoryStore::new());
    let retention = Retention::new(Keep::last(3)).every(Duration::from_millis(10));
    let runtime = builder(retention).on(store.clone()).await.unwrap();
    for n in 0..500 {
        runtime.submit(count::with(n + 100)).await.unwrap().await.unwrap();
    }
    while store.list(&Filter::default()).unwrap().len() > 3 {
        tokio::task::yield_now().await;
    }
    // What looks now and then does not keep the runtime.
    let engine = Arc::downgrade(&(store as Arc<dyn Store>));
    drop(runtime);
    while engine.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_file_is_smaller_when_jobs_are_forgotten() {
    let folder = Folder::new("retention-file");
    let path = folder.file("jobs.db");
    let store = Arc::new(SqliteStore::open(&path).unwrap());
    let retention = Retention::new(Keep::for_time(HOUR));
    let runtime = TestRuntime::on(builder(retention), 0, store);
    let text: String = (0..20_000_u32).map(|n| char::from(b'a' + (n.wrapping_mul(n) % 23) as u8)).collect();
    let jobs = (0..400).map(|n| echo::with(format!("{n}{text}")));
    for job in runtime.submit_all(jobs).await.unwrap() {
        job.await.unwrap();
    }
    let size = |path: &std::path::Path| std::fs::metadata(path).unwrap().len();
    runtime.advance(HOUR * 2);
    assert_eq!(kept(&runtime, "echo").await, []);
    runtime.shutdown(Duration::from_secs(1)).await;
    drop(runtime);
    assert!(size(&path) < 1_000_000, "it is {} bytes", size(&path));
}

/// A store that forgets nothing when it is told to fail.
#[derive(Debug, Default)]
struct Stubborn {
    inner: MemoryStore,
    fails: std::sync::atomic::AtomicBool,
}

impl Store for Stubborn {
    fn describe(&self) -> String {
        "a stubborn store".to_owned()
    }
    fn begin(&self, node: &str) -> Result<Term, StoreError> {
        self.inner.begin(node)
    }
    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError> {
        self.inner.write(entries)
    }
    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError> {
        self.inner.claim(term, most)
    }
    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError> {
        self.inner.read(job)
    }
    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError> {
        self.inner.list(filter)
    }
    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError> {
        self.inner.taker(once)
    }
    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError> {
        self.inner.notes(topic)
    }
    fn expired(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError> {
        self.inner.expired(rule)
    }
    fn forget(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        if self.fails.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "the disk is full"));
        }
        self.inner.forget(jobs)
    }
}

#[tokio::test]
async fn the_archive_has_each_job_that_was_forgotten_once() {
    let folder = Folder::new("archive");
    let (place, store) = (folder.file("old"), Arc::new(Stubborn::default()));
    let retention = || Retention::new(Keep::for_time(HOUR)).archive(&place);
    let runtime = TestRuntime::on(builder(retention()), 0, store.clone());
    let mut jobs = Vec::new();
    for n in 100..350 {
        jobs.push(counted(&runtime, n).await);
    }
    let before = store.read(jobs[7]).unwrap().unwrap();
    // The process ends, or the store fails, between archive and forgetting.
    store.fails.store(true, std::sync::atomic::Ordering::SeqCst);
    runtime.advance(HOUR + Duration::from_secs(90));
    assert_eq!(kept(&runtime, "count").await.len(), jobs.len());
    store.fails.store(false, std::sync::atomic::Ordering::SeqCst);
    let runtime = runtime.restart();
    runtime.advance(Duration::from_secs(90));
    assert_eq!(kept(&runtime, "count").await, []);
    // By hand it goes the same way.
    let last = counted(&runtime, 13).await;
    jobs.push(last);
    runtime.advance(Duration::from_secs(10));
    assert_eq!(runtime.prune(Duration::from_secs(1)).await.unwrap(), 1);

    let archive = Archive::open(&place).unwrap();
    let mut found: Vec<JobId> = archive.jobs().map(|job| job.unwrap().head.id).collect();
    found.sort();
    assert_eq!(found, jobs);
    let after = archive.find(jobs[7]).unwrap().unwrap();
    assert_eq!(after.head, before.head);
    assert_eq!(after.records().unwrap(), before.records().unwrap());
    assert!(archive.find(last).unwrap().unwrap().head.failure.is_some());
    assert!(archive.find("019ac5c4-6f3a-7000-8000-000000000001".parse().unwrap()).unwrap().is_none());
}

#[tokio::test]
async fn a_torn_end_of_an_archive_hides_nothing() {
    let folder = Folder::new("torn");
    let place = folder.file("old");
    let store = Arc::new(MemoryStore::new());
    let runtime = TestRuntime::on(builder(Retention::new(Keep::all()).archive(&place)), 0, store);
    let mut jobs = Vec::new();
    for n in 100..103 {
        jobs.push(counted(&runtime, n).await);
        runtime.advance(Duration::from_secs(10));
        assert_eq!(runtime.prune(Duration::from_secs(1)).await.unwrap(), 1);
    }
    let file = std::fs::read_dir(&place).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    let all = |path: &std::path::Path| {
        Archive::open(path).unwrap().jobs().map(|job| job.map(|kept| kept.head.id)).collect::<Vec<_>>()
    };
    assert_eq!(all(&file).into_iter().collect::<Result<Vec<_>, _>>().unwrap(), jobs);
    for length in (0..whole.len()).step_by(7) {
        std::fs::write(&file, &whole[..length]).unwrap();
        let found = all(&place).into_iter().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(found, jobs[..found.len()], "of {length} bytes");
        let mut blank = whole[..length].to_vec();
        blank.extend([0; 100]);
        std::fs::write(&file, blank).unwrap();
        assert!(all(&place).iter().flatten().zip(&jobs).all(|(found, job)| found == job));
    }
    let mut wrong = whole.clone();
    wrong[0] ^= 1;
    std::fs::write(&file, wrong).unwrap();
    let problems = all(&place);
    assert!(matches!(&problems[..], [Err(error)] if error.kind() == StoreErrorKind::Corrupt), "{problems:?}");
}

#[tokio::test]
async fn what_cannot_be_archived_is_not_forgotten() {
    let folder = Folder::new("no-archive");
    let place = folder.file("old");
    std::fs::write(&place, "in the way").unwrap();
    let store = Arc::new(MemoryStore::new());
    let runtime = TestRuntime::on(builder(Retention::new(Keep::all()).archive(&place)), 0, store);
    let job = counted(&runtime, 1).await;
    runtime.advance(Duration::from_secs(10));
    let error = runtime.prune(Duration::from_secs(1)).await.unwrap_err();
    assert!(error.to_string().contains("nothing is forgotten, for the archive cannot be written"), "{error}");
    assert_eq!(kept(&runtime, "count").await, [job]);
}
