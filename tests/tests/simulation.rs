//! A short simulation: random workflows, random outcomes, delays, cancellations, signals and crashes.
//!
//! `SEED=7 cargo test -p workflow-tests --test simulation` runs one seed again; `cargo xtask simulate` runs long.

use std::sync::Arc;

use workflow_runtime::store::MemoryStore;
use workflow_tests::simulation::{Tally, simulate, simulate_on};

/// How many seeds the test command runs.
const SEEDS: u64 = 400;

#[tokio::test]
async fn random_workflows_in_a_random_world_keep_the_laws() {
    let one = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = one.map_or(0..SEEDS, |seed: u64| seed..seed + 1);
    let mut tally = Tally::default();
    for seed in seeds {
        match simulate(seed).await {
            Ok(run) => tally.add(run),
            Err(wrong) => panic!("SEED={seed}: {wrong}"),
        }
    }
    println!("{tally:?}");
    if one.is_none() {
        let all =
            [tally.succeeded, tally.failed, tally.cancelled, tally.expired, tally.crashes, tally.undone];
        assert!(all.iter().all(|count| *count > 5), "{tally:?}");
    }
}

#[tokio::test]
async fn a_seed_runs_the_same_again() {
    for seed in 0..20 {
        assert_eq!(simulate(seed).await, simulate(seed).await, "SEED={seed}");
    }
}

#[tokio::test]
async fn the_same_laws_hold_on_a_store() {
    let one = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = one.map_or(0..SEEDS, |seed: u64| seed..seed + 1);
    let mut tally = Tally::default();
    for seed in seeds {
        match simulate_on(seed, Some(Arc::new(MemoryStore::new()))).await {
            Ok(run) => tally.add(run),
            Err(wrong) => panic!("SEED={seed}: {wrong}"),
        }
    }
    println!("{tally:?}");
}
