//! What goes wrong while the power is on: a full disk, a read or a write that fails, a disk that is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fault_disk::{Disk, Loss, Operation, VFS};
use rusqlite::{Connection, ErrorCode, OpenFlags};

fn open(disk: &Disk) -> rusqlite::Result<Connection> {
    let db = disk.open("a.db")?;
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8;")?;
    db.execute_batch("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, b BLOB) STRICT")?;
    if mode(&db)? == "wal" { Ok(db) } else { Err(rusqlite::Error::InvalidQuery) }
}

fn mode(db: &Connection) -> rusqlite::Result<String> {
    db.query_row("PRAGMA journal_mode", (), |row| row.get(0))
}

fn insert(db: &Connection, n: i64) -> rusqlite::Result<()> {
    db.execute("INSERT INTO t VALUES (?1, zeroblob(3000))", [n]).map(drop)
}

fn rows(db: &Connection) -> rusqlite::Result<Vec<i64>> {
    db.prepare("SELECT n FROM t WHERE length(b) = 3000 ORDER BY n")?
        .query_map((), |row| row.get(0))?
        .collect()
}

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

#[test]
fn a_full_disk_refuses_and_goes_on_once_there_is_room() {
    let disk = Disk::new();
    let db = open(&disk).expect("it opens");
    let mut written = vec![];
    disk.set_capacity(Some(100_000));
    let error = loop {
        let n = written.len() as i64;
        match insert(&db, n) {
            Ok(()) => written.push(n),
            Err(error) => break error,
        }
    };
    assert_eq!(code(&error), Some(ErrorCode::DiskFull));
    assert!(written.len() > 5, "{written:?}");
    assert_eq!(rows(&db).expect("it can be read"), written);
    disk.set_capacity(None);
    insert(&db, 1000).expect("there is room again");
    written.push(1000);
    let left = disk.reboot(Loss::Everything);
    assert_eq!(rows(&open(&left).expect("it opens")).expect("it can be read"), written);
}

#[test]
fn a_read_that_fails_is_an_error_and_never_a_wrong_answer() {
    let disk = Disk::new();
    let db = open(&disk).expect("it opens");
    let expected: Vec<i64> = (0..40).collect();
    expected.iter().for_each(|n| insert(&db, *n).expect("it works"));
    drop(db);
    let image = disk.image(Loss::Nothing);
    let (mut failed, mut number) = (0, 0);
    loop {
        number += 1;
        let disk = Disk::holding(&image);
        disk.fail_read(number);
        match open(&disk).and_then(|db| rows(&db)) {
            Ok(found) => assert_eq!(found, expected),
            Err(_) => failed += 1,
        }
        if disk.reads() < number {
            break;
        }
    }
    assert!(failed > 20, "{failed} of {number}");
}

#[test]
fn a_write_or_a_sync_that_fails_is_an_error_and_leaves_what_was_committed() {
    let (mut failed, mut number) = (0, 0);
    loop {
        number += 1;
        let disk = Disk::new();
        disk.fail_operation(number);
        let mut committed = vec![];
        if let Ok(db) = open(&disk) {
            for n in 0..20 {
                match insert(&db, n) {
                    Ok(()) => committed.push(n),
                    Err(_) => failed += 1,
                }
            }
            assert_eq!(rows(&db).expect("it can be read"), committed);
        }
        let left = disk.reboot(Loss::Seeded(number));
        let found = rows(&open(&left).expect("it opens")).expect("it can be read");
        // What failed may be there after all: the power went before it was taken back.
        assert!(committed.iter().all(|n| found.contains(n)), "{number}: {committed:?} {found:?}");
        if disk.operations() < number {
            break;
        }
    }
    assert!(failed > 50 && number > 60, "{failed} of {number}");
}

/// The story of a trap: who sets WAL and believes the answer may go on without it, and lose what it committed.
#[test]
fn whether_it_is_wal_is_known_only_after_a_write() {
    let disk = Disk::new();
    disk.fail_operation(4);
    let db = disk.open("a.db").expect("it opens");
    assert_eq!(db.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0)), Ok("wal".to_owned()));
    assert_eq!(mode(&db), Ok("wal".to_owned()));
    db.execute_batch("CREATE TABLE t (n)").expect("it works");
    assert_eq!(mode(&db), Ok("delete".to_owned()));
}

#[test]
fn a_disk_can_be_slow_and_be_watched() {
    let disk = Disk::new();
    let syncs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&syncs);
    disk.before_each(move |operation, name| {
        if operation == Operation::Sync && name.ends_with("-wal") {
            counted.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    });
    let db = open(&disk).expect("it opens");
    let before = (syncs.load(Ordering::Relaxed), std::time::Instant::now());
    insert(&db, 1).expect("it works");
    assert_eq!(syncs.load(Ordering::Relaxed), before.0 + 1, "one commit is one sync of the log");
    assert!(before.1.elapsed() >= std::time::Duration::from_millis(2));
}

#[test]
fn a_file_is_opened_by_its_uri_or_by_its_path() {
    let disk = Disk::new();
    insert(&open(&disk).expect("it opens"), 7).expect("it works");
    let by_uri = Connection::open(disk.url("a.db")).expect("its URI says all");
    assert_eq!(rows(&by_uri), Ok(vec![7]));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let by_path = Connection::open_with_flags_and_vfs(disk.path("a.db"), flags, VFS).expect("it opens");
    assert_eq!(rows(&by_path), Ok(vec![7]));
    let other = Disk::new();
    assert!(Connection::open_with_flags_and_vfs(other.path("a.db"), flags, VFS).is_err(), "another disk");
    let gone = disk.url("b.db").replace("file:/", "file:/9");
    assert!(Connection::open(gone).is_err(), "no such disk");
}

#[test]
fn what_is_opened_in_a_folder_is_on_the_disk_that_is_mounted_there() {
    let folder = std::env::temp_dir().join(format!("mounted-{}", std::process::id()));
    let beside = folder.with_extension("beside");
    for folder in [&folder, &beside] {
        std::fs::create_dir_all(folder).expect("a folder can be made");
    }
    let path = folder.canonicalize().expect("it is there").join("a.db");
    let disk = Disk::new();
    disk.mount(&folder).expect("it is there");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let db = Connection::open_with_flags(&path, flags).expect("it opens");
    db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n); INSERT INTO t VALUES (1)")
        .expect("it works");
    let other = Connection::open(beside.join("a.db")).expect("it opens");
    other
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n); INSERT INTO t VALUES (2)")
        .expect("it works");
    assert!(disk.operations() > 5 && !path.exists() && beside.join("a.db").exists());
    let n =
        |path| Connection::open(path).and_then(|db| db.query_row("SELECT n FROM t", (), |row| row.get(0)));
    assert_eq!((n(path.clone()), n(beside.join("a.db"))), (Ok(1), Ok(2)));
    disk.stop();
    assert!(n(path.clone()).is_err());
    let next = disk.reboot(Loss::Everything);
    next.mount(&folder).expect("it is there");
    assert_eq!(n(path.clone()), Ok(1));
    drop((next, disk, db, other));
    assert!(n(path.clone()).is_err() && !path.exists(), "a disk that is gone leaves nothing elsewhere");
    for folder in [&folder, &beside] {
        std::fs::remove_dir_all(folder).expect("it can be removed");
    }
}

#[test]
fn a_connection_may_outlive_its_disk() {
    let disk = Disk::new();
    let db = open(&disk).expect("it opens");
    let uri = disk.url("a.db");
    drop(disk);
    insert(&db, 1).expect("it works");
    assert_eq!(rows(&db), Ok(vec![1]));
    drop(db);
    assert!(Connection::open(uri).is_err(), "the last who used it is gone");
}
