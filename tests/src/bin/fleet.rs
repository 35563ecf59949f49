//! The long voyage: `fleet ROUNDS SEED`. So many things happen to processes on one database, a hundred in each voyage.

use private_postgres::Server;
use workflow_tests::fleet::Fleet;

/// How many things happen in one voyage.
const VOYAGE: u64 = 100;

fn main() {
    let arguments: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let [rounds, seed] = arguments[..] else { panic!("fleet ROUNDS SEED") };
    let own = std::env::current_exe().expect("a program knows where it is");
    let victim = own.with_file_name(format!("victim{}", std::env::consts::EXE_SUFFIX));
    let server = Server::start(&["fsync=off"]).unwrap_or_else(|why| panic!("{why}"));
    let mut wrong = 0;
    for (voyage, seed) in (seed..seed + rounds.div_ceil(VOYAGE)).enumerate() {
        let left = rounds - voyage as u64 * VOYAGE;
        let fleet = Fleet::of_victims(&victim, seed, u32::try_from(left.min(VOYAGE)).unwrap_or(1));
        match fleet.run(&server).and_then(|sailed| sailed.judge()) {
            Ok(seen) => println!("seed {seed}: {seen}"),
            Err(problem) => {
                wrong += 1;
                println!("seed {seed}: WRONG: {problem}");
            }
        }
    }
    assert_eq!(wrong, 0, "so many voyages went wrong");
}
