//! Several processes on one database, whatever happens to them. `cargo xtask fleet` does it for long.

use std::sync::Arc;

use private_postgres::Server;
use workflow_tests::fleet::Fleet;
use workflow_tests::folder::Folder;
use workflow_tests::machine::Machine;

#[test]
fn whatever_happens_to_nodes_and_their_database_nothing_is_lost_and_nothing_ends_twice() {
    let server = Server::start(&["fsync=off"]).unwrap_or_else(|why| panic!("{why}"));
    let fleet = Fleet::of_victims(env!("CARGO_BIN_EXE_victim"), 1, 80);
    let judged = fleet.run(&server).and_then(|sailed| sailed.judge());
    println!("{}", judged.unwrap_or_else(|problem| panic!("{problem}")));
}

#[test]
fn nodes_on_machines_whose_links_are_cut_lose_nothing() {
    let made: Result<Vec<Machine>, String> = (0..2).map(|_| Machine::new()).collect();
    let machines: Vec<Arc<Machine>> = match made {
        Ok(machines) => machines.into_iter().map(Arc::new).collect(),
        Err(why) => return eprintln!("skipped: there are no other machines to be had here: {why}"),
    };
    // The database is reached from them, and from nowhere else.
    let folder = Folder::new("machines");
    let trusted = folder.file("trusted");
    std::fs::write(&trusted, "local all all trust\nhost all all samenet trust\n").expect("it can be written");
    let hosts: Vec<&str> = machines.iter().map(|machine| machine.host()).collect();
    let listens = format!("listen_addresses=127.0.0.1,{}", hosts.join(","));
    let trusts = format!("hba_file={}", trusted.display());
    let server = Server::start(&["fsync=off", &listens, &trusts]).unwrap_or_else(|why| panic!("{why}"));
    let fleet = Fleet::of_victims(env!("CARGO_BIN_EXE_victim"), 2, 6).on(machines);
    let judged = fleet.run(&server).and_then(|sailed| sailed.judge());
    println!("{}", judged.unwrap_or_else(|problem| panic!("{problem}")));
}
