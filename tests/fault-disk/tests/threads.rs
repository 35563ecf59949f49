//! Many connections in WAL mode, on threads of their own: one writes, others read, and the power goes meanwhile.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use fault_disk::{Disk, Loss};
use rusqlite::{Connection, TransactionBehavior};

const ACCOUNTS: i64 = 20;

fn open(disk: &Disk) -> rusqlite::Result<Connection> {
    let db = disk.open("bank.db")?;
    db.busy_timeout(Duration::from_secs(20))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 20;",
    )?;
    Ok(db)
}

fn prepare(disk: &Disk) {
    let db = open(disk).expect("it opens");
    db.execute_batch("CREATE TABLE account (id INTEGER PRIMARY KEY, has INTEGER) STRICT; BEGIN")
        .expect("it works");
    for id in 0..ACCOUNTS {
        db.execute("INSERT INTO account VALUES (?1, 100)", [id]).expect("it works");
    }
    db.execute_batch("COMMIT; CREATE TABLE done (n INTEGER PRIMARY KEY, who INTEGER) STRICT")
        .expect("it works");
}

/// Moves money, and notes it.
fn transfer(db: &mut Connection, number: i64, who: i64) -> rusqlite::Result<()> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (from, to) = (number % ACCOUNTS, (number * 7 + 1) % ACCOUNTS);
    transaction.execute("UPDATE account SET has = has - 1 WHERE id = ?1", [from])?;
    transaction.execute("UPDATE account SET has = has + 1 WHERE id = ?1", [to])?;
    transaction.execute("INSERT INTO done VALUES (?1, ?2)", [number, who])?;
    transaction.commit()
}

fn sum(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    db.query_row("SELECT (SELECT sum(has) FROM account), (SELECT count(*) FROM done)", (), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

#[test]
fn writers_and_readers_see_whole_transactions_only() {
    let disk = Disk::new();
    prepare(&disk);
    let (next, over) = (AtomicI64::new(0), AtomicBool::new(false));
    let looked = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|who| {
                let (disk, next) = (&disk, &next);
                scope.spawn(move || {
                    let mut db = open(disk).expect("it opens");
                    for _ in 0..150 {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        transfer(&mut db, number, who).expect("it works");
                    }
                })
            })
            .collect();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let db = open(&disk).expect("it opens");
                    let (mut looked, mut before) = (0, 0);
                    while !over.load(Ordering::Relaxed) {
                        let (money, done) = sum(&db).expect("it can be read");
                        assert_eq!(money, ACCOUNTS * 100);
                        assert!(done >= before, "what was there is there");
                        (looked, before) = (looked + 1, done);
                    }
                    looked
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().expect("it does not panic"));
        over.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().expect("it does not panic")).sum::<usize>()
    });
    assert!(looked > 10, "{looked}");
    assert_eq!(sum(&open(&disk).expect("it opens")), Ok((ACCOUNTS * 100, 450)));
}

#[test]
fn what_any_thread_was_told_is_in_every_image_of_a_later_moment() {
    let disk = Disk::new();
    prepare(&disk);
    disk.record();
    let next = AtomicI64::new(0);
    let mut told: Vec<(u64, i64)> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|who| {
                let (disk, next) = (&disk, &next);
                scope.spawn(move || {
                    let mut db = open(disk).expect("it opens");
                    let mut told = vec![];
                    for _ in 0..12 {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        transfer(&mut db, number, who).expect("it works");
                        told.push((disk.operations(), number));
                    }
                    told
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().expect("it does not panic")).collect()
    });
    told.sort_unstable();
    let recording = disk.recorded().expect("it was recorded");
    let mut replay = recording.replay();
    let mut looked = 0;
    while replay.step() {
        for loss in [Loss::Everything, Loss::Seeded(replay.operations())] {
            let left = Disk::holding(&replay.image(loss));
            let db = open(&left).expect("it opens");
            assert_eq!(sum(&db).expect("it can be read").0, ACCOUNTS * 100);
            for (_, number) in told.iter().take_while(|(at, _)| *at <= replay.operations()) {
                let there =
                    db.query_row("SELECT count(*) FROM done WHERE n = ?1", [number], |row| row.get(0));
                assert_eq!(there, Ok(1), "transfer {number} at {}", replay.operations());
                looked += 1;
            }
        }
    }
    assert!(looked > 500, "{looked}");
}
