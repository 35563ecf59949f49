//! Processes that are killed at random, and what is left of what they promised.
//!
//! `KILLS=5000 cargo test -p workflow-tests --test killing` kills so often; `SEED` decides when.

use std::collections::BTreeSet;
use std::path::PathBuf;

use workflow_tests::history::{Event, Outcome, Rules, Violation, check};
use workflow_tests::killing::{Killed, Killing};
use workflow_tests::workload;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

/// Kills a stand-in that does this wrong.
fn stand_in(wrong: &str, seed: u64, kills: u64) -> (Killed, Vec<Violation>) {
    let folder = folder(wrong);
    let arguments = vec![folder.display().to_string(), wrong.to_owned()];
    let killed = kill(env!("CARGO_BIN_EXE_stand_in"), arguments, seed, kills, 40);
    std::fs::remove_dir_all(&folder).expect("it can be removed");
    let found = check(&killed.history, &rules());
    (killed, found)
}

/// `lines` are so many that some jobs come to their ends, and others do not.
fn kill(program: &str, arguments: Vec<String>, seed: u64, kills: u64, lines: u64) -> Killed {
    let kills = u32::try_from(kills).expect("not that many");
    let killing = Killing { program: program.into(), arguments, seed, kills, jobs: 3, lines };
    killing.run().unwrap_or_else(|problem| panic!("SEED={seed}: {problem}"))
}

fn rules() -> Rules {
    let is_of_c = |_: &str, outcome: &Outcome| matches!(outcome, Outcome::Done(value) if value["by"] == "c");
    Rules { limits: [("only".to_owned(), 1)].into(), ticks: None, expected: Some(is_of_c) }
}

#[test]
fn who_writes_before_he_speaks_keeps_every_promise() {
    let kills = number("KILLS", 40);
    let (killed, found) = stand_in("nothing", number("SEED", 1), kills);
    assert!(found.is_empty(), "{found:#?}");
    let count = |wanted: fn(&Event) -> bool| killed.history.iter().filter(|line| wanted(&line.event)).count();
    let again = count(|event| matches!(event, Event::Began(began) if began.attempt > 1));
    let accepted = count(|event| matches!(event, Event::Accepted { .. }));
    let told = count(|event| matches!(event, Event::Told { .. }));
    println!(
        "{kills} kills: {} asked, {accepted} accepted, {told} told, {again} again, {} torn",
        killed.asked, killed.torn
    );
    assert!(
        again as u64 > kills / 10 && told as u64 > kills / 2 && accepted < killed.asked,
        "{again} {told}"
    );
}

/// How many kills it takes is chance; so many are enough.
#[test]
fn who_speaks_before_he_writes_is_found_out() {
    for (wrong, expected) in [
        ("accepts", "Lost"),
        ("hurries", "RanAgain"),
        ("miscounts", "Repeated"),
        ("boasts", "RanAgain"),
        ("forgets", "Unexpected"),
    ] {
        let mut seen = BTreeSet::new();
        let is_found = (0..40).any(|seed| {
            let (_, found) = stand_in(wrong, seed, 20);
            let name = |found: &Violation| format!("{found:?}").split(' ').next().map(str::to_owned);
            seen.extend(found.iter().filter_map(name));
            seen.contains(expected)
        });
        assert!(is_found, "{wrong}: {seen:?}");
    }
}

/// The real runtime on a file: whenever it is killed, nothing is lost, nothing is done twice, nothing comes early.
#[test]
fn what_is_kept_in_a_file_survives() {
    let (seed, kills) = (number("SEED", 1), number("KILLS", 40));
    let folder = folder("file");
    let file = folder.join("jobs.db").display().to_string();
    let killed = kill(env!("CARGO_BIN_EXE_victim"), vec![file], seed, kills, 200);
    let found = check(&killed.history, &workload::rules());
    assert!(found.is_empty(), "SEED={seed}: {found:#?}");
    let count = |wanted: fn(&Event) -> bool| killed.history.iter().filter(|line| wanted(&line.event)).count();
    let accepted = count(|event| matches!(event, Event::Accepted { .. }));
    let kept = count(|event| matches!(event, Event::Kept(_)));
    println!("{kills} kills: {} asked, {accepted} accepted, {kept} kept", killed.asked);
    assert!(accepted as u64 > kills / 2 && kept >= accepted, "{accepted} were accepted, and {kept} are kept");
    std::fs::remove_dir_all(&folder).expect("it can be removed");
}

/// Not killed, it ends well; killed, it loses what it had in memory alone: so the real one is judged, too.
#[test]
fn what_is_kept_in_memory_is_lost_and_seen_to_be() {
    let run = |kills| kill(env!("CARGO_BIN_EXE_victim"), vec!["memory".to_owned()], 1, kills, 40);
    let whole = run(0).history;
    assert_eq!(check(&whole, &workload::rules()), []);
    assert_eq!(whole.iter().filter(|line| matches!(line.event, Event::Told { .. })).count(), 3);
    let found = check(&run(5).history, &workload::rules());
    assert!(found.iter().any(|found| matches!(found, Violation::Lost { .. })), "{found:?}");
}
