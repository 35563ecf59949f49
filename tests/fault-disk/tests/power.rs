//! Power cuts at every boundary, with SQLite set up rightly and wrongly: what was committed is there, or its loss is seen.

use fault_disk::{Disk, Image, Loss};
use rusqlite::{Connection, OptionalExtension};

const WAL: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 12;";
const WAL_OFF: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 12;";
const DELETE_EXTRA: &str = "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;";
const DELETE_FULL: &str = "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;";
const TRUNCATE_FULL: &str = "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL;";

/// How many transactions a run has.
const ROUNDS: u64 = 24;

/// Row `n` is so long, and made of its own number.
fn payload(n: u64) -> Vec<u8> {
    let length = (n * 2711 % 9000) as usize;
    vec![(n % 251) as u8 + 1; length]
}

/// Opens the ledger: a row for each transaction, and their number in a place that all of them change.
fn open(disk: &Disk, setup: &str) -> rusqlite::Result<Connection> {
    let db = disk.open("ledger.db")?;
    db.execute_batch(setup)?;
    db.execute_batch(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS ledger (n INTEGER PRIMARY KEY, payload BLOB) STRICT;
         CREATE TABLE IF NOT EXISTS total (n INTEGER) STRICT;
         INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM total);
         COMMIT;",
    )?;
    Ok(db)
}

/// Writes row after row until something fails; says of each that it is committed.
fn write(disk: &Disk, setup: &str, mut committed: impl FnMut(u64)) -> rusqlite::Result<()> {
    let mut db = open(disk, setup)?;
    for n in total(&db)? + 1..=ROUNDS {
        let transaction = db.transaction()?;
        transaction.execute("INSERT INTO ledger VALUES (?1, ?2)", (n as i64, payload(n)))?;
        transaction.execute("UPDATE total SET n = ?1", [n as i64])?;
        transaction.commit()?;
        committed(n);
    }
    Ok(())
}

fn total(db: &Connection) -> rusqlite::Result<u64> {
    let total: Option<i64> = db.query_row("SELECT n FROM total", (), |row| row.get(0)).optional()?;
    Ok(total.unwrap_or(0) as u64)
}

/// What is found on a disk: how many transactions, or what is broken.
fn found(disk: &Disk) -> Result<u64, String> {
    let told = |error: rusqlite::Error| error.to_string();
    let db = disk.open("ledger.db").map_err(told)?;
    let state: String = db.query_row("PRAGMA integrity_check", (), |row| row.get(0)).map_err(told)?;
    if state != "ok" {
        return Err(state);
    }
    let tables: i64 =
        db.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0)).map_err(told)?;
    if tables == 0 {
        return Ok(0);
    }
    let total = total(&db).map_err(told)?;
    let mut rows = db.prepare("SELECT n, payload FROM ledger ORDER BY n").map_err(told)?;
    let rows = rows.query_map((), |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))).map_err(told)?;
    let rows: Vec<(u64, Vec<u8>)> = rows.collect::<Result<_, _>>().map_err(told)?;
    let expected: Vec<(u64, Vec<u8>)> = (1..=total).map(|n| (n, payload(n))).collect();
    if rows == expected { Ok(total) } else { Err(format!("{} rows of {total}", rows.len())) }
}

/// What became of runs that were cut.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    whole: usize,
    lost: usize,
    broken: usize,
    /// How often something was kept and something else was not.
    partly: usize,
}

impl Seen {
    fn look(&mut self, disk: &Disk, acknowledged: u64) {
        match found(disk) {
            Ok(total) if total >= acknowledged => self.whole += 1,
            Ok(_) => self.lost += 1,
            Err(_) => self.broken += 1,
        }
    }

    fn look_at(&mut self, image: &Image, everything: &Image, nothing: &Image, acknowledged: u64) {
        self.partly += usize::from(image != everything && image != nothing);
        self.look(&Disk::holding(image), acknowledged);
    }
}

/// Runs once for each boundary, and cuts the power there.
fn stop_everywhere(setup: &str) -> Seen {
    let whole = Disk::new();
    write(&whole, setup, |_| ()).expect("it works");
    let mut seen = Seen::default();
    for operation in 1..=whole.operations() {
        let disk = Disk::new();
        disk.stop_at(operation);
        let mut acknowledged = 0;
        // Closing a connection changes the disk, too, and SQLite says nothing of what goes wrong there.
        let failed = write(&disk, setup, |n| acknowledged = n).is_err();
        assert!(disk.is_off() && (failed || acknowledged == ROUNDS), "operation {operation} goes wrong");
        for loss in [Loss::Everything, Loss::Nothing, Loss::Seeded(operation), Loss::Seeded(!operation)] {
            seen.look(&Disk::holding(&disk.image(loss)), acknowledged);
        }
    }
    seen
}

/// Runs once, and looks at what would have been left at every moment.
fn replay_everywhere(setup: &str, lies: bool, seeds: u64) -> Seen {
    let disk = Disk::new();
    disk.lie(lies);
    disk.record();
    let mut promised = vec![];
    write(&disk, setup, |n| promised.push((disk.operations(), n))).expect("it works");
    let recording = disk.recorded().expect("it was recorded");
    assert!(lies || recording.len() as u64 == disk.operations());
    let (mut replay, mut seen) = (recording.replay(), Seen::default());
    while replay.step() {
        let acknowledged = promised.iter().take_while(|(at, _)| *at <= replay.operations()).last();
        let acknowledged = acknowledged.map_or(0, |(_, n)| *n);
        let (everything, nothing) = (replay.image(Loss::Everything), replay.image(Loss::Nothing));
        seen.look_at(&everything, &everything, &nothing, acknowledged);
        for seed in 0..seeds {
            let image = replay.image(Loss::Seeded(seed << 32 | replay.operations()));
            seen.look_at(&image, &everything, &nothing, acknowledged);
        }
    }
    seen
}

fn expect_whole(seen: &Seen) {
    assert!(seen.whole > 500 && (seen.lost, seen.broken) == (0, 0), "{seen:?}");
}

#[test]
fn what_is_committed_in_wal_mode_survives_every_stop() {
    expect_whole(&stop_everywhere(WAL));
}

#[test]
fn torn_frames_of_the_wal_are_found_by_their_checksums() {
    let seen = replay_everywhere(WAL, false, 6);
    assert!(seen.partly > 500, "{seen:?}");
    expect_whole(&seen);
}

#[test]
fn without_syncs_what_was_committed_is_lost() {
    let seen = replay_everywhere(WAL_OFF, false, 6);
    assert!(seen.lost > 100 && seen.broken > 10, "{seen:?}");
}

#[test]
fn a_disk_that_lies_loses_what_was_committed() {
    let seen = replay_everywhere(WAL, true, 6);
    assert!(seen.lost > 100, "{seen:?}");
    let seen = replay_everywhere(DELETE_EXTRA, true, 6);
    assert!(seen.lost + seen.broken > 100, "{seen:?}");
}

#[test]
fn what_is_committed_with_a_rollback_journal_survives_every_stop() {
    expect_whole(&stop_everywhere(DELETE_EXTRA));
    expect_whole(&replay_everywhere(DELETE_EXTRA, false, 3));
    expect_whole(&replay_everywhere(TRUNCATE_FULL, false, 3));
}

#[test]
fn a_journal_whose_deletion_is_not_synced_comes_back_and_takes_a_commit_with_it() {
    // So SQLite's documentation says: that is what EXTRA is for.
    let seen = replay_everywhere(DELETE_FULL, false, 3);
    assert!(seen.lost > 10 && seen.broken == 0, "{seen:?}");
}

#[test]
fn a_cut_while_it_recovers_harms_nothing() {
    let first = Disk::new();
    first.stop_at(150);
    let mut acknowledged = 0;
    assert!(write(&first, WAL, |n| acknowledged = n).is_err());
    assert!(acknowledged > 5);
    let mut seen = Seen::default();
    for operation in 1..=40 {
        let second = Disk::holding(&first.image(Loss::Seeded(operation)));
        second.stop_at(operation);
        let mut then = acknowledged;
        // It may be done before the power goes.
        let _ = write(&second, WAL, |n| then = n);
        for seed in 0..4 {
            seen.look(&Disk::holding(&second.image(Loss::Seeded(seed))), then);
        }
    }
    assert_eq!((seen.lost, seen.broken), (0, 0), "{seen:?}");
}

#[test]
fn what_is_left_goes_on() {
    let disk = Disk::new();
    disk.stop_at(100);
    assert!(write(&disk, WAL, |_| ()).is_err());
    let next = disk.reboot(Loss::Seeded(1));
    assert_eq!(write(&next, WAL, |_| ()), Ok(()));
    assert_eq!(found(&next), Ok(ROUNDS));
    assert!(disk.open("ledger.db").is_err(), "the old one stays off");
}
