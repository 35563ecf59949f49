//! Several processes on one database, whatever happens to them. `cargo xtask fleet` does it for long.

use private_postgres::Server;
use workflow_tests::fleet::Fleet;

#[test]
fn whatever_happens_to_nodes_and_their_database_nothing_is_lost_and_nothing_ends_twice() {
    let server = Server::start(&["fsync=off"]).unwrap_or_else(|why| panic!("{why}"));
    let fleet = Fleet::of_victims(env!("CARGO_BIN_EXE_victim"), 1, 20);
    let judged = fleet.run(&server).and_then(|sailed| sailed.judge());
    println!("{}", judged.unwrap_or_else(|problem| panic!("{problem}")));
}
