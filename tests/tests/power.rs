//! The store on a disk whose power goes at every boundary, whose operations fail, and which lies.
//!
//! `JOBS=60 SEEDS=4 cargo test -p workflow-tests --test power` looks longer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fault_disk::{Disk, Image, Loss};
use serde_json::json;
use workflow_runtime::store::{
    Change, Entry, Epoch, Expiry, Filter, Head, Lines, Most, SqliteOptions, SqliteStore, Store, StoreError,
    Verdict,
};
use workflow_runtime::{JobId, JobState, Timestamp};

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A folder of a test's own; nothing but the lock of the store comes to be there.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

fn open(disk: &Disk, folder: &Path) -> Result<SqliteStore, StoreError> {
    disk.mount(folder).expect("it can be mounted");
    // The jobs' own rows are brought up to date again and again, and not just at the end.
    SqliteOptions::new(folder.join("jobs.db")).sweep_after(9).open()
}

fn id(number: u64) -> JobId {
    JobId::from_u128(u128::from(number) << 80 | 7 << 76 | 0b10 << 62)
}

fn head(number: u64) -> Arc<Head> {
    let head = json!({
        "id": id(number), "name": "w", "state": "running", "queue": "default", "priority": null, "tags": [],
        "unique": null, "parent": null, "submitted": Timestamp::from_micros(1), "not_before": null,
        "ended": null, "failure": null,
    });
    Arc::new(serde_json::from_value(head).expect("it is a head"))
}

fn lines(first: u32, count: u32, size: usize) -> Lines {
    let record =
        |task| json!({ "at": Timestamp::EPOCH, "fact": "saved", "task": task, "value": "x".repeat(size) });
    let all: Vec<_> = (first..first + count).map(record).collect();
    Lines { count, json: serde_json::to_string(&all).expect("it is JSON") }
}

fn over() -> Box<Change> {
    let ended = Some(Timestamp::from_micros(5));
    Box::new(Change { ended, ..Change::to(JobState::Succeeded) })
}

/// What a store has said that it keeps: how many records of a job at least, and whether it is over.
type Promised = BTreeMap<JobId, (u32, bool)>;

/// Writes jobs, a few records at a time, and forgets some. Tells what is promised when it changes; what may be gone
/// before it is told is no longer promised.
fn work(store: &SqliteStore, jobs: u64, mut tell: impl FnMut(&Promised)) -> Result<(), StoreError> {
    let mut promised = Promised::new();
    let mut held: Vec<(JobId, Epoch, u32)> = Vec::new();
    let term = store.begin("node")?;
    while !store.claim(term, Most::of(10))?.is_empty() {}
    for number in 1..=jobs {
        let more = held.iter().map(|&(job, epoch, first)| {
            let lines = lines(first, 2, 300 * (number % 7) as usize);
            Entry::More { job, epoch, first, lines, change: (first > 8).then(over) }
        });
        let new = Entry::New { head: head(number), term, lines: lines(0, 1, 10), settles: None, free: None };
        let entries: Vec<Entry> = more.chain([new]).collect();
        let verdicts = store.write(&entries)?;
        held.clear();
        for (entry, verdict) in entries.iter().zip(verdicts) {
            let Verdict::Written(epoch) = verdict else { panic!("{entry:?}: {verdict:?}") };
            let (job, count, is_over) = match entry {
                Entry::New { head, .. } => (head.id, 1, false),
                Entry::More { job, first, change, .. } => (*job, first + 2, change.is_some()),
                Entry::Settle { .. } | Entry::Note { .. } | Entry::Reply { .. } => continue,
            };
            promised.insert(job, (count, is_over));
            if !is_over {
                held.push((job, epoch, count));
            }
        }
        tell(&promised);
        if number % 9 == 0 {
            promised.retain(|_, (_, is_over)| !*is_over);
            tell(&promised);
            let before = Some(Timestamp::from_micros(6));
            let rule = Expiry { ended_before: before, ..Expiry::at_most(3) };
            store.forget(&store.expired(&rule)?)?;
        }
    }
    Ok(())
}

/// What is promised is there, all of it can be read, and the store goes on.
fn look(image: &Image, folder: &Path, promised: &Promised) -> Result<(), String> {
    let disk = Disk::holding(image);
    let told = |error: StoreError| error.to_string();
    let store = open(&disk, folder).map_err(told)?;
    for (job, (count, is_over)) in promised {
        let kept = store.read(*job).map_err(told)?.ok_or_else(|| format!("job {job} is gone"))?;
        let records = kept.records().map_err(told)?.len();
        if records < *count as usize || *is_over && !kept.head.state.is_over() {
            return Err(format!("job {job} is {} and has {records} records of {count}", kept.head.state));
        }
    }
    for head in store.list(&Filter::default()).map_err(told)? {
        store
            .read(head.id)
            .map_err(told)?
            .ok_or("a list shows what is not there")?
            .records()
            .map_err(told)?;
    }
    let term = store.begin("node").map_err(told)?;
    while !store.claim(term, Most::of(100)).map_err(told)?.is_empty() {}
    let new = Entry::New { head: head(1_000_000), term, lines: lines(0, 1, 10), settles: None, free: None };
    match store.write(&[new]).map_err(told)?[..] {
        [Verdict::Written(_)] => Ok(()),
        ref refused => Err(format!("{refused:?}")),
    }
}

/// Runs once; looks at what would have been left at every moment.
fn cut_everywhere(name: &str, lies: bool) -> (usize, Vec<String>) {
    let (one, other) = (folder(&format!("{name}-one")), folder(&format!("{name}-other")));
    let disk = Disk::new();
    disk.lie(lies);
    disk.record();
    let mut told: Vec<(u64, Promised)> = vec![(0, Promised::new())];
    let store = open(&disk, &one).expect("it opens");
    work(&store, number("JOBS", 10), |promised| told.push((disk.operations(), promised.clone())))
        .expect("it works");
    drop(store);
    let recording = disk.recorded().expect("it was recorded");
    let (mut replay, mut looked, mut wrong) = (recording.replay(), 0, Vec::new());
    while replay.step() {
        let at = replay.operations();
        let now = told.iter().rposition(|(since, _)| *since <= at).expect("something was told");
        // What was taken back at this very moment had been promised before it.
        let promised = &told[now].1;
        let seeds = (0..number("SEEDS", 1)).map(|seed| Loss::Seeded(seed << 32 | at));
        for loss in [Loss::Everything, Loss::Nothing].into_iter().chain(seeds) {
            looked += 1;
            let seen = look(&replay.image(loss), &other, promised);
            wrong.extend(seen.err().map(|problem| format!("operation {at}, {loss:?}: {problem}")));
        }
    }
    [one, other].iter().for_each(|folder| std::fs::remove_dir_all(folder).expect("it can be removed"));
    (looked, wrong)
}

#[test]
fn what_was_written_survives_every_power_cut() {
    let (looked, wrong) = cut_everywhere("cut", false);
    assert!(wrong.is_empty(), "{} of {looked}: {}", wrong.len(), wrong[0]);
    assert!(looked > 500, "{looked}");
}

#[test]
fn a_disk_that_lies_is_seen_to_lose() {
    let (looked, wrong) = cut_everywhere("lie", true);
    assert!(wrong.len() > 50, "{} of {looked}", wrong.len());
}

#[test]
fn an_operation_that_fails_is_an_error_or_nothing_and_never_a_loss() {
    let (one, other) = (folder("fail-one"), folder("fail-other"));
    let mut failed = 0;
    for number in 1.. {
        let disk = Disk::new();
        disk.fail_operation(number);
        let mut promised = Promised::new();
        let result = open(&disk, &one).and_then(|store| work(&store, 10, |now| promised.clone_from(now)));
        failed += usize::from(result.is_err());
        for loss in [Loss::Everything, Loss::Seeded(number)] {
            let seen = look(&disk.image(loss), &other, &promised);
            assert_eq!(seen, Ok(()), "operation {number} fails: {result:?}: {loss:?}");
        }
        if disk.operations() < number {
            break;
        }
    }
    assert!(failed > 50, "{failed}");
    [one, other].iter().for_each(|folder| std::fs::remove_dir_all(folder).unwrap());
}
