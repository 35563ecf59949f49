//! How fast jobs are that are kept in a file: each row beside its floor, both measured in this run on the same disk, and
//! every result checked. `DISK=/path` says where, besides a RAM disk where there is one; `OVER=10000000` how many jobs
//! that are over lie beside those of the row that says so.

#[path = "shared/work.rs"]
mod work;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{Durability, Entry, Head, Lines, SqliteOptions, SqliteStore, Store};
use workflow_runtime::{JobId, JobState, Queue, Timestamp};
use workflow_tests::bench::median;

use work::{
    Chain, Long, bytes_of, bytes_of_a_waiting, load, nothing, payload, registry, row, since_start, stamp,
};

/// The floor: one thread that writes texts into one table, and at once whatever came while the last of it was written.
#[derive(Clone)]
struct Bare(mpsc::Sender<Rows>);

/// Rows that are to be written, and who waits for it.
type Rows = (Vec<(u64, String)>, oneshot::Sender<()>);

impl Bare {
    fn open(path: &Path, durability: Durability) -> Self {
        let connection = Connection::open(path).expect("the file can be made");
        let how = match durability {
            Durability::Full => "FULL",
            _ => "NORMAL",
        };
        let pragmas = format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {how};");
        connection.execute_batch(&pragmas).expect("the pragmas are known");
        connection
            .execute_batch("CREATE TABLE lines (entry INTEGER PRIMARY KEY, job INTEGER, json TEXT)")
            .expect("the table is new");
        let (bare, inbox) = mpsc::channel::<Rows>();
        std::thread::spawn(move || {
            while let Ok(first) = inbox.recv() {
                let mut batch = vec![first];
                batch.extend(inbox.try_iter());
                connection.execute_batch("BEGIN IMMEDIATE").expect("it begins");
                let mut insert = connection
                    .prepare_cached("INSERT INTO lines (job, json) VALUES (?, ?)")
                    .expect("it is right");
                for (job, json) in batch.iter().flat_map(|(rows, _)| rows) {
                    let job = i64::try_from(*job).expect("small");
                    insert.execute((job, json)).expect("it is written");
                }
                drop(insert);
                connection.execute_batch("COMMIT").expect("it is written");
                for (_, told) in batch {
                    let _ = told.send(());
                }
            }
        });
        Self(bare)
    }

    async fn write(&self, job: u64, json: String) {
        self.write_all(vec![(job, json)]).await;
    }

    async fn write_all(&self, rows: Vec<(u64, String)>) {
        let (told, answer) = oneshot::channel();
        self.0.send((rows, told)).expect("the thread is there");
        answer.await.expect("it answers");
    }
}

struct Place {
    name: &'static str,
    folder: PathBuf,
    files: AtomicU64,
}

impl Place {
    fn file(&self) -> PathBuf {
        let number = self.files.fetch_add(1, Relaxed);
        self.folder.join(format!("durable-{}-{number}.db", std::process::id()))
    }
}

fn remove(path: &Path) {
    for end in ["", "-wal", "-shm", ".lock"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}

async fn open(path: &Path, durability: Durability) -> Runtime {
    let store = SqliteOptions::new(path).durability(durability).open().expect("it opens");
    Runtime::builder().registry(registry()).on(Arc::new(store)).await.expect("it begins")
}

async fn chain(place: &Place, durability: Durability, how: &str, target: &str, rounds: usize) {
    let texts = Arc::new(bytes_of(Chain { x: payload(1234) }).await);
    let jobs = 2000;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let path = place.file();
        let runtime = open(&path, durability).await;
        let job = {
            let runtime = runtime.clone();
            move |n| {
                let runtime = runtime.clone();
                async move { runtime.run(Chain { x: payload(n) }).await.expect("a chain runs") }
            }
        };
        let warm = job.clone();
        load(64, 64, warm).await;
        let (took, sum) = load(jobs, 64, job).await;
        assert_eq!(sum, (0..jobs).map(|n| n + 5).sum::<u64>());
        ours.push(took);
        runtime.shutdown(Duration::from_secs(5)).await;
        drop(runtime);
        remove(&path);

        let path = place.file();
        let bare = Bare::open(&path, durability);
        let texts = Arc::clone(&texts);
        let job = move |n| {
            let (bare, texts) = (bare.clone(), Arc::clone(&texts));
            async move {
                for text in &*texts {
                    bare.write(n, text.clone()).await;
                }
                1
            }
        };
        let (took, _) = load(jobs, 64, job).await;
        floor.push(took);
        remove(&path);
    }
    let rate = |times: Vec<Duration>| f64::from(2000) / median(times).as_secs_f64() / 1e3;
    let (a, b) = (rate(ours), rate(floor));
    let bytes: usize = texts.iter().map(String::len).sum();
    row(&format!("chain of 5, {how}, {}", place.name), "k jobs/s", a, b, target, a / b);
    println!("  {} bytes of JSON a step, in {} rows a job", bytes / 5, texts.len());
}

async fn submits(place: &Place, rounds: usize) {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    let (mut batches, mut batch_floor) = (Vec::new(), Vec::new());
    let count = 10_000;
    let text = bytes_of_a_waiting(1234).await.swap_remove(0);
    for _ in 0..rounds {
        let path = place.file();
        let runtime = open(&path, Durability::Full).await;
        runtime.pause_queue("default").await.expect("it is written down");
        let job = {
            let runtime = runtime.clone();
            move |n| {
                let runtime = runtime.clone();
                async move {
                    runtime.submit(nothing::with(n)).await.expect("it is taken");
                    1
                }
            }
        };
        ours.push(load(count, 64, job).await.0);
        let start = Instant::now();
        for batch in 0..10 {
            let many = (0..1000).map(|n| nothing::with(batch * 1000 + n));
            runtime.submit_all(many).await.expect("they are taken");
        }
        batches.push(start.elapsed());
        runtime.shutdown(Duration::from_secs(5)).await;
        drop(runtime);
        remove(&path);

        let path = place.file();
        let bare = Bare::open(&path, Durability::Full);
        let (bare_again, text_again) = (bare.clone(), text.clone());
        let job = move |n| {
            let (bare, text) = (bare.clone(), text_again.clone());
            async move {
                bare.write(n, text).await;
                1
            }
        };
        floor.push(load(count, 64, job).await.0);
        let start = Instant::now();
        for batch in 0..10 {
            bare_again.write_all((0..1000).map(|n| (batch * 1000 + n, text.clone())).collect()).await;
        }
        batch_floor.push(start.elapsed());
        remove(&path);
    }
    let rate = |times: Vec<Duration>| f64::from(10_000) / median(times).as_secs_f64() / 1e3;
    let (a, b) = (rate(ours), rate(floor));
    row(&format!("submit one by one, 64 tasks, {}", place.name), "k jobs/s", a, b, ">= 0.7", a / b);
    let (a, b) = (rate(batches), rate(batch_floor));
    row(&format!("submit in batches of 1,000, {}", place.name), "k jobs/s", a, b, ">= 0.7", a / b);
}

async fn drain(place: &Place, rounds: usize) {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    let texts = Arc::new(bytes_of_a_waiting(1234).await.split_off(1));
    for _ in 0..rounds {
        let path = place.file();
        let runtime = open(&path, Durability::Full).await;
        runtime.pause_queue("default").await.expect("it pauses");
        let mut jobs = Vec::new();
        for batch in 0..20 {
            let many = (0..1000).map(|n| nothing::with(batch * 1000 + n));
            jobs.extend(runtime.submit_all(many).await.expect("they are taken"));
        }
        let start = Instant::now();
        runtime.resume_queue("default").await.expect("it goes on");
        let mut sum = 0;
        for job in jobs {
            sum += job.await.expect("it runs");
        }
        ours.push(start.elapsed());
        assert_eq!(sum, (0..20_000).sum::<u64>());
        runtime.shutdown(Duration::from_secs(5)).await;
        drop(runtime);
        remove(&path);

        let path = place.file();
        let bare = Bare::open(&path, Durability::Full);
        let texts = Arc::clone(&texts);
        let job = move |n| {
            let (bare, texts) = (bare.clone(), Arc::clone(&texts));
            async move {
                for text in &*texts {
                    bare.write(n, text.clone()).await;
                }
                1
            }
        };
        // As many at once as a queue lets run that nobody set.
        floor.push(load(20_000, 1024, job).await.0);
        remove(&path);
    }
    let rate = |times: Vec<Duration>| 20_000.0 / median(times).as_secs_f64() / 1e3;
    let (a, b) = (rate(ours), rate(floor));
    row(&format!("20,000 no-op jobs drained, {}", place.name), "k jobs/s", a, b, ">= 50 k or 0.5", a / b);
}

/// The first row again, beside many jobs that are over; the floor is ours without them.
async fn beside(place: &Place, over: u64, rounds: usize) {
    let path = place.file();
    let store = SqliteOptions::new(&path).durability(Durability::Off).open().expect("it opens");
    let texts = bytes_of(Chain { x: payload(1234) }).await;
    fill(&store, over, &texts);
    drop(store);
    // What was written so far is not to be waited for in what is measured.
    std::fs::File::open(&path).and_then(|file| file.sync_all()).expect("it is there");
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let jobs = 2000;
    for _ in 0..rounds {
        let empty = place.file();
        for (path, times) in [(&path, &mut with), (&empty, &mut without)] {
            let runtime = open(path, Durability::Full).await;
            let job = {
                let runtime = runtime.clone();
                move |n| {
                    let runtime = runtime.clone();
                    async move { runtime.run(Chain { x: payload(n) }).await.expect("a chain runs") }
                }
            };
            load(64, 64, job.clone()).await;
            times.push(load(jobs, 64, job).await.0);
            runtime.shutdown(Duration::from_secs(5)).await;
        }
        remove(&empty);
    }
    let size = std::fs::metadata(&path).expect("it is there").len();
    remove(&path);
    let rate = |times: Vec<Duration>| f64::from(2000) / median(times).as_secs_f64() / 1e3;
    let (a, b) = (rate(with), rate(without));
    let what = format!("the first row beside {over} jobs that are over, {}", place.name);
    row(&what, "k jobs/s", a, b, ">= 0.9", a / b);
    println!("  {:.1} GB in that file", size as f64 / 1e9);
}

/// Writes jobs that are over.
fn fill(store: &SqliteStore, count: u64, texts: &[String]) {
    let term = store.begin("local").expect("it begins");
    let all: Vec<serde_json::Value> = texts
        .iter()
        .flat_map(|text| serde_json::from_str::<Vec<serde_json::Value>>(text).expect("an array"))
        .collect();
    let lines = Lines {
        count: u32::try_from(all.len()).expect("few"),
        json: serde_json::to_string(&all).expect("json"),
    };
    let moment = Timestamp::from_micros(1_760_000_000_000_000);
    let new = |number: u64| {
        let id = JobId::from_u128((0x0199_0000_0000 + u128::from(number)) << 80 | 7 << 76 | 2 << 62);
        let mut head = Head::new(id, "Chain", moment);
        (head.state, head.ended) = (JobState::Succeeded, Some(moment + Duration::from_micros(number)));
        Entry::New { head: Arc::new(head), term, lines: lines.clone(), settles: None, free: None }
    };
    for first in (0..count).step_by(10_000) {
        let entries: Vec<Entry> = (first..(first + 10_000).min(count)).map(new).collect();
        store.write(&entries).expect("they are written");
    }
}

async fn latency(place: &Place) {
    let path = place.file();
    let runtime = open(&path, Durability::Full).await;
    let bare_path = place.file();
    let bare = Bare::open(&bare_path, Durability::Full);
    for _ in 0..100 {
        runtime.run(stamp::with(since_start())).await.expect("it runs");
    }
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for n in 0..500 {
        tokio::time::sleep(Duration::from_micros(500)).await;
        let job = runtime.submit(stamp::with(since_start())).await.expect("it is taken");
        ours.push(Duration::from_nanos(job.await.expect("it runs")));
        tokio::time::sleep(Duration::from_micros(500)).await;
        let start = Instant::now();
        bare.write(n, "[{\"at\":\"2026\",\"fact\":\"submitted\"}]".repeat(8)).await;
        floor.push(start.elapsed());
    }
    runtime.shutdown(Duration::from_secs(5)).await;
    drop(runtime);
    remove(&path);
    remove(&bare_path);
    let (a, b) = (median(ours).as_secs_f64() * 1e6, median(floor).as_secs_f64() * 1e6);
    row(&format!("idle submit to the first line, {}", place.name), "us", a, b, "<= 1.5", a / b);
}

async fn recovery(place: &Place) {
    let count = 100_000_u64;
    let path = place.file();
    let store = Arc::new(SqliteOptions::new(&path).durability(Durability::Off).open().expect("it opens"));
    let texts = bytes_of(Long { x: payload(1234) }).await;
    let half: Vec<String> = texts[..6].to_vec();
    let runtime = Runtime::builder().registry(registry()).on(Arc::clone(&store) as Arc<dyn Store>).await;
    let runtime = runtime.expect("it begins");
    // Jobs as they are half-way, written by hand.
    half_done(&store, count, &half);
    runtime.shutdown(Duration::from_secs(1)).await;
    drop(runtime);
    drop(store);
    let floor = read_all(&path);
    let start = Instant::now();
    let store = SqliteOptions::new(&path).durability(Durability::Off).open().expect("it opens");
    // One place, so that reading is measured, and not what the jobs do then.
    let builder = Runtime::builder().registry(registry()).queue(Queue::new("default").concurrency(1));
    let runtime = builder.on(Arc::new(store)).await.expect("it begins");
    runtime.recovered().await;
    let took = start.elapsed();
    let (ours, floor) = (took.as_secs_f64(), floor.as_secs_f64());
    row(
        &format!("100,000 half-done jobs are back, {}", place.name),
        "s",
        ours,
        floor,
        "<= 2 s",
        ours / floor,
    );
    runtime.shutdown(Duration::from_millis(1)).await;
    drop(runtime);
    remove(&path);
}

/// The floor: every text is read by one thread, and made a tree of values.
fn read_all(path: &Path) -> Duration {
    let connection = Connection::open(path).expect("it opens");
    let start = Instant::now();
    let mut select = connection.prepare("SELECT head, json FROM lines").expect("it is right");
    let mut rows = select.query([]).expect("it runs");
    while let Some(row) = rows.next().expect("it is read") {
        for column in 0..2 {
            if let Some(text) =
                row.get_ref(column).expect("it is there").as_str_or_null().expect("it is text")
            {
                let value: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
                std::hint::black_box(value);
            }
        }
    }
    start.elapsed()
}

/// Writes jobs as they are half-way.
fn half_done(store: &SqliteStore, count: u64, texts: &[String]) {
    let term = store.begin("local").expect("it begins");
    let ids: Vec<String> = (0..count).map(|n| format!("019ac5c4-6f3a-7000-8000-{n:012x}")).collect();
    let old = texts[0].split("\"id\":\"").nth(1).and_then(|rest| rest.get(..36)).expect("an id").to_owned();
    for chunk in ids.chunks(1000) {
        let mut entries = Vec::new();
        for id in chunk {
            let head = serde_json::json!({
                "id": id, "name": "Long", "state": "running", "queue": "default", "priority": null, "tags": [],
                "unique": null, "parent": null, "submitted": "2026-01-01T00:00:00Z", "not_before": null,
                "ended": null, "failure": null,
            });
            let head = serde_json::from_value(head).expect("a head");
            let all: Vec<serde_json::Value> = texts
                .iter()
                .flat_map(|text| {
                    let text = text.replace(&old, id);
                    serde_json::from_str::<Vec<serde_json::Value>>(&text).expect("an array")
                })
                .collect();
            let lines = Lines {
                count: u32::try_from(all.len()).expect("few"),
                json: serde_json::to_string(&all).expect("json"),
            };
            entries.push(Entry::New { head, term, lines, settles: None, free: None });
        }
        store.write(&entries).expect("they are written");
    }
}

fn main() {
    let only: Option<String> = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wants = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let number = |name: &str, usual: u64| {
        std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
    };
    let rounds = usize::try_from(number("ROUNDS", 5)).expect("few");
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let tokio = tokio.expect("tokio's runtime can be made");
    let disk =
        std::env::var_os("DISK").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let mut places = vec![Place { name: "disk", folder: disk, files: AtomicU64::new(0) }];
    let ram = PathBuf::from("/dev/shm");
    if ram.is_dir() {
        places.push(Place { name: "RAM disk", folder: ram, files: AtomicU64::new(0) });
    }
    println!("{:<52} {:>10} {:>10} {:<8} {:>6}   target", "work", "ours", "floor", "", "ratio");
    for place in &places {
        tokio.block_on(async {
            if wants("chain") {
                chain(place, Durability::Full, "FULL", ">= 0.7", rounds).await;
                chain(place, Durability::Normal, "NORMAL", ">= 0.5", rounds).await;
            }
            if wants("submit") {
                submits(place, rounds).await;
            }
            if wants("drain") {
                drain(place, rounds).await;
            }
            if wants("latency") {
                latency(place).await;
            }
            if wants("beside") {
                beside(place, number("OVER", 1_000_000), rounds.min(3)).await;
            }
            if wants("recovery") {
                recovery(place).await;
            }
        });
    }
}
