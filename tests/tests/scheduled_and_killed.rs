//! A program with a schedule, killed again and again by the operating system: each tick has one job, and all are done.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use workflow_runtime::schedule::Schedule;
use workflow_runtime::store::{Filter, SqliteStore, Store};
use workflow_runtime::{JobState, Timestamp};
use workflow_tests::folder::Folder;
use workflow_tests::random::Rng;

fn start(file: &Path, ends: Timestamp) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_timekeeper"));
    program.arg(file).arg(ends.to_string()).stdout(Stdio::piped()).spawn().expect("it starts")
}

/// Kills it after so many lines; says whether it came to its end before.
fn lives_to_its_end(mut child: Child, lines: u64) -> bool {
    let out = child.stdout.take().expect("it is read");
    let (mut told, mut is_over) = (0, false);
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        told += 1;
        is_over |= line == "end";
        if told == lines {
            break;
        }
    }
    let _ = child.kill();
    let status = child.wait().expect("it ends");
    assert!(is_over || told == lines, "it ended by itself after {told} lines: {status}");
    is_over
}

#[test]
fn each_tick_of_a_program_that_is_killed_has_one_job() {
    let folder = Folder::new("timekeeper");
    let file = folder.file("jobs.db");
    let (mut rng, mut kills) = (Rng::new(5), 0);
    let ends = Timestamp::now() + Duration::from_secs(4);
    while !lives_to_its_end(start(&file, ends), 1 + rng.below(40)) {
        kills += 1;
        if Timestamp::now() > ends {
            assert!(lives_to_its_end(start(&file, ends), u64::MAX));
            break;
        }
    }
    assert!(kills > 2, "killed {kills} times");
    let store = SqliteStore::open(&file).unwrap();
    let notes = store.notes("schedule").unwrap();
    let note: serde_json::Value = serde_json::from_str(&notes[0].text).unwrap();
    let schedule: Schedule = serde_json::from_value(note["schedule"].clone()).unwrap();
    let micro = Duration::from_micros(1);
    let wanted = schedule.backfill(schedule.since + micro, ends);
    let wanted: BTreeSet<String> = wanted.map(|tick| format!("schedule:{}", tick.key())).collect();
    let heads = store.list(&Filter::default()).unwrap();
    let not_done: Vec<_> = heads.iter().filter(|head| head.state != JobState::Succeeded).collect();
    assert!(not_done.is_empty(), "{not_done:?}");
    let ran: BTreeSet<String> =
        heads.iter().filter_map(|head| head.once.as_deref().map(str::to_owned)).collect();
    assert_eq!((ran.len(), heads.len()), (wanted.len(), wanted.len()), "after {kills} kills");
    assert_eq!(ran, wanted);
}
