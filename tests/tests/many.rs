//! Several processes on one database, whatever happens to them.
//!
//! `ROUNDS=500 cargo test -p workflow-tests --test many` lets so many things happen; `SEED` decides which and when.

use std::time::Duration;

use private_postgres::Server;
use workflow_tests::fleet::Fleet;
use workflow_tests::history::{Event, Rules, check};
use workflow_tests::workload;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn whatever_happens_to_nodes_and_their_database_nothing_is_lost_and_nothing_ends_twice() {
    let (seed, rounds) = (number("SEED", 1), number("ROUNDS", 20));
    let server = Server::start(&["fsync=off"]).expect("there is PostgreSQL");
    let fleet = Fleet {
        program: env!("CARGO_BIN_EXE_victim").into(),
        arguments: vec![format!("{} fleet", server.address())],
        seed,
        nodes: 3,
        jobs: 3,
        rounds: u32::try_from(rounds).expect("not that many"),
        lease: Duration::from_secs(2),
    };
    let sailed = fleet.run(&server).unwrap_or_else(|problem| panic!("SEED={seed}: {problem}"));
    let rules = Rules { limits: Default::default(), ..workload::rules() };
    let found = check(&sailed.history, &rules);
    assert!(found.is_empty(), "SEED={seed}: {found:#?}");
    let count = |wanted: fn(&Event) -> bool| sailed.history.iter().filter(|line| wanted(&line.event)).count();
    let accepted = count(|event| matches!(event, Event::Accepted { .. }));
    let kept = count(|event| matches!(event, Event::Kept(_)));
    println!("{:?}: {} asked, {accepted} accepted, {kept} kept", sailed.mishaps, sailed.asked);
    assert!(accepted as u64 > rounds && kept >= accepted, "{accepted} were accepted, and {kept} are kept");
}
