//! How fast journals are written to a file: each row beside its floor, which is SQLite alone, given the same texts in
//! the same batches, one table, nothing else. Both are measured in this run, and all of it is there at the end.
//!
//! `OVER=10000000` says how many jobs that are over lie in the file of the last rows; `ROUNDS` how often it is done.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use workflow_runtime::store::{Change, Entry, Epoch, Head, Lines, Most, SqliteStore, Store, Term, Verdict};
use workflow_runtime::{JobId, JobState, Timestamp};
use workflow_tests::bench::median;

/// How many steps a job has; each but the last writes that it is done and the next begins.
const STEPS: u64 = 5;

fn id(job: u64) -> JobId {
    // As they are made: the milliseconds, a count, and who made it.
    JobId::from_u128(
        (0x019a_c5c4_6f3a + u128::from(job / 50)) << 80 | 7 << 76 | 2 << 62 | u128::from(job) << 32 | 77,
    )
}

fn moment(job: u64) -> Timestamp {
    Timestamp::from_micros(1_763_709_413_000_001 + job * 20)
}

fn payload(i: u64) -> String {
    format!(r#"{{"i":{i},"s":"abcdefghijklmnopqrstuvwxyz012345"}}"#)
}

/// What one turn of a job writes; the first is turn 0.
fn text(job: u64, turn: u64) -> String {
    let (at, value) = (moment(job), payload(job + turn));
    let started = |task: u64| format!(r#"{{"at":"{at}","fact":"started","task":{task},"attempt":1}}"#);
    if turn == 0 {
        return format!(
            r#"[{{"at":"{at}","fact":"submitted","submission":{{"version":1,"id":"{}","work":{{"call":{{"callee":{{"name":"chain","kind":"workflow"}},"input":{{"x":{value}}}}}}}}}}},{{"at":"{at}","fact":"begun"}},{}]"#,
            id(job),
            started(0)
        );
    }
    let then = if turn == STEPS {
        format!(r#"{{"at":"{at}","fact":"job_succeeded","output":{job}}}"#)
    } else {
        started(turn)
    };
    format!(r#"[{{"at":"{at}","fact":"succeeded","task":{},"output":{value}}},{then}]"#, turn - 1)
}

fn entry(job: u64, turn: u64, term: Term, epoch: Epoch) -> Entry {
    let json = text(job, turn);
    if turn == 0 {
        let mut head = Head::new(id(job), "chain", moment(job));
        head.state = JobState::Running;
        return Entry::New {
            head: Arc::new(head),
            term,
            lines: Lines { count: 3, json },
            settles: None,
            free: None,
        };
    }
    let change = (turn == STEPS)
        .then(|| Box::new(Change { ended: Some(moment(job)), ..Change::to(JobState::Succeeded) }));
    let first = u32::try_from(2 * turn + 1).expect("small");
    Entry::More { job: id(job), epoch, first, lines: Lines { count: 2, json }, change }
}

/// Which job writes next, and what: `jobs` from `first` on, so many under way at once; those of one batch follow one
/// another, or, of many, come as they will.
fn turns(first: u64, jobs: u64, at_once: usize) -> Vec<(u64, u64)> {
    let (mut under_way, mut next, mut turns) = (Vec::new(), first, Vec::new());
    let mut random = 12345_u64;
    loop {
        while under_way.len() < at_once && next < first + jobs {
            under_way.push((next, 0));
            turns.push((next, 0));
            next += 1;
        }
        if under_way.is_empty() {
            return turns;
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = if at_once <= 64 { turns.len() } else { usize::try_from(random >> 33).expect("it fits") };
        let place = place % under_way.len();
        under_way[place].1 += 1;
        turns.push(under_way[place]);
        if under_way[place].1 == STEPS {
            under_way.swap_remove(place);
        }
    }
}

fn remove(path: &Path) {
    for end in ["", "-wal", "-shm", ".lock"] {
        let mut path = path.as_os_str().to_owned();
        path.push(end);
        let _ = fs::remove_file(path);
    }
}

/// The floor: SQLite, and who calls it.
struct Bare {
    connection: Connection,
}

impl Bare {
    fn open(path: &Path) -> Self {
        let connection = Connection::open(path).expect("it opens");
        connection
            .execute_batch(
                "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 1000; \
                 CREATE TABLE IF NOT EXISTS lines (json TEXT)",
            )
            .expect("the table can be made");
        Self { connection }
    }

    fn write(&self, batch: &[&str]) {
        let transaction = self.connection.unchecked_transaction().expect("it begins");
        {
            let mut insert = transaction.prepare_cached("INSERT INTO lines VALUES (?)").expect("it is right");
            for text in batch {
                insert.execute([text]).expect("it is written");
            }
        }
        transaction.commit().expect("it is written");
    }
}

/// The same for ours and for the floor.
struct Work {
    turns: Vec<(u64, u64)>,
    batch: usize,
}

impl Work {
    fn ours(&self, store: &SqliteStore) -> Duration {
        let term = store.begin("bench").expect("it begins");
        let epoch = Epoch(1);
        let entries: Vec<Entry> =
            self.turns.iter().map(|(job, turn)| entry(*job, *turn, term, epoch)).collect();
        let start = Instant::now();
        for batch in entries.chunks(self.batch) {
            let verdicts = store.write(batch).expect("it is written");
            assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Written(epoch)), "{verdicts:?}");
        }
        start.elapsed()
    }

    fn floor(&self, bare: &Bare) -> Duration {
        let texts: Vec<String> = self.turns.iter().map(|(job, turn)| text(*job, *turn)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let start = Instant::now();
        texts.chunks(self.batch).for_each(|batch| bare.write(batch));
        start.elapsed()
    }

    fn row(&self, what: &str, ours: &[Duration], floor: &[Duration]) {
        let each = |times: &[Duration]| median(times.to_vec()).as_secs_f64() * 1e6 / self.turns.len() as f64;
        let (ours, floor) = (each(ours), each(floor));
        println!("{what:<60} {ours:>8.2} {floor:>8.2} us/entry {:>6.2}   >= 0.7", floor / ours);
    }
}

/// In files that are empty at first.
fn fresh(folder: &Path, what: &str, work: &Work, rounds: usize) {
    let (ours, floor) = (folder.join("ours.db"), folder.join("floor.db"));
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        remove(&ours);
        remove(&floor);
        let store = SqliteStore::open(&ours).expect("it opens");
        let taken = (work.ours(&store), work.floor(&Bare::open(&floor)));
        // The first is for warming up.
        if round > 0 {
            a.push(taken.0);
            b.push(taken.1);
        }
    }
    work.row(what, &a, &b);
    remove(&ours);
    remove(&floor);
}

/// In files that are full of jobs that are over.
fn full(folder: &Path, at: &str, over: u64, rounds: usize) {
    let (ours, floor) = (folder.join("ours.db"), folder.join("floor.db"));
    remove(&ours);
    remove(&floor);
    let (store, bare) = (SqliteStore::open(&ours).expect("it opens"), Bare::open(&floor));
    let start = Instant::now();
    let at_once = 5000;
    for first in (0..over).step_by(usize::try_from(at_once).expect("small")) {
        let turns =
            (first..first + at_once).flat_map(|job| (0..=STEPS).map(move |turn| (job, turn))).collect();
        let work = Work { turns, batch: 30_000 };
        work.ours(&store);
        work.floor(&bare);
    }
    let size = |path: &Path| fs::metadata(path).expect("it is there").len() / over;
    println!(
        "{:<60} {:>8} {:>8} bytes/job, {:.0?} to fill",
        format!("{over} jobs that are over, {at}"),
        size(&ours),
        size(&floor),
        start.elapsed()
    );
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let mut work = Work { turns: Vec::new(), batch: 64 };
    for round in 0..u64::try_from(rounds).expect("small") {
        work.turns = turns(over + at_once + round * 10_000, 10_000, 64);
        a.push(work.ours(&store));
        b.push(work.floor(&bare));
    }
    work.row(&format!("chain of 5, 64 at once, batches of 64, beside them, {at}"), &a, &b);
    drop((store, bare));
    let start = Instant::now();
    let store = SqliteStore::open(&ours).expect("it opens");
    let term = store.begin("bench").expect("it begins");
    assert_eq!(store.claim(term, Most::of(1000)).expect("it is read").len(), 0);
    println!(
        "{:<60} {:>8.2} ms",
        format!("open, begin and claim nothing, {at}"),
        start.elapsed().as_secs_f64() * 1e3
    );
    drop(store);
    remove(&ours);
    remove(&floor);
}

fn main() {
    let only: Option<String> = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wants = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let number = |name: &str, usual: u64| {
        std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
    };
    let rounds = usize::try_from(number("ROUNDS", 7)).expect("small");
    let disk = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-store");
    let mut folders: Vec<(&str, PathBuf)> = vec![("on the disk", disk)];
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        folders.push(("in /dev/shm", memory.join(format!("bench-store-{}", std::process::id()))));
    }
    println!("{:<60} {:>8} {:>8} {:<8} {:>6}   target", "work", "ours", "floor", "", "ratio");
    for (at, folder) in folders {
        fs::create_dir_all(&folder).expect("the folder can be made");
        if wants("chain") {
            let work = Work { turns: turns(0, 10_000, 64), batch: 64 };
            fresh(&folder, &format!("chain of 5, 64 at once, batches of 64, {at}"), &work, rounds);
            let work = Work { turns: turns(0, 20_000, 10_000), batch: 64 };
            fresh(&folder, &format!("chain of 5, 10,000 at once, batches of 64, {at}"), &work, rounds.min(3));
        }
        if wants("submit") {
            let turns = (0..50_000).map(|job| (job, 0)).collect();
            fresh(
                &folder,
                &format!("new jobs, batches of 1,000, {at}"),
                &Work { turns, batch: 1000 },
                rounds,
            );
        }
        if wants("full") {
            full(&folder, at, number("OVER", 1_000_000), rounds);
        }
        let _ = fs::remove_dir_all(&folder);
    }
}
