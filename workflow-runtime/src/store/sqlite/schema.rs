//! The tables of a file, and how those of an older one become those of today.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::failure::Trouble;
use crate::store::{StoreError, StoreErrorKind};

/// What tells our files from those of others: "wkfl".
const APPLICATION: i32 = 0x776b_666c;

/// What makes each version from the one before it; a file's version is how many of them it has seen. What stands here
/// never changes: what is to be different is added at the end.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("second.sql")];

/// The version that this program writes.
#[cfg(feature = "cli")]
pub(super) const NEWEST: usize = MIGRATIONS.len();

/// Makes the tables, if the file is empty, or brings them up to date.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), Trouble> {
    bring_up(connection, path, MIGRATIONS)?;
    // SQLite says that it writes ahead before it does; only after a write it is known.
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    let what = format!(
        "{}: SQLite cannot write ahead on this disk, and writes in mode `{mode}`; try again, or put the file on a local \
         disk",
        path.display()
    );
    Err(StoreError::new(StoreErrorKind::Unavailable, what).into())
}

/// Refuses a file that one who only looks cannot read.
pub(super) fn expect_newest(connection: &Connection, path: &Path) -> Result<(), Trouble> {
    let (found, newest) = (known_version(connection, path, MIGRATIONS.len())?, MIGRATIONS.len());
    if found == newest {
        return Ok(());
    }
    let what = format!(
        "{}: its tables are of version {found}, and this program reads version {newest}; run a program of this version \
         on it, which brings it up to date",
        path.display()
    );
    Err(StoreError::new(StoreErrorKind::Foreign, what).into())
}

/// Which version a file is of, which must not be newer than this.
fn known_version(connection: &Connection, path: &Path, newest: usize) -> Result<usize, Trouble> {
    let found = version(connection, path)?;
    if found <= newest {
        return Ok(found);
    }
    let what = format!(
        "{}: it was written by a newer version of this program: its tables are of version {found}, and this program \
         knows those up to {newest}; use the newer program, or another file",
        path.display()
    );
    Err(StoreError::new(StoreErrorKind::Foreign, what).into())
}

fn bring_up(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), Trouble> {
    let newest = migrations.len();
    let found = known_version(connection, path, newest)?;
    if found == 0 {
        // To be said before there is a table. What is forgotten is given back by `forget`.
        connection.execute_batch("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in &migrations[found..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", i64::try_from(newest).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    Ok(())
}

/// Which version a file is of; 0 if there is nothing in it.
fn version(connection: &Connection, path: &Path) -> Result<usize, Trouble> {
    let foreign = |what: &str| {
        let message = format!("{}: {what}; nothing was changed: give another file", path.display());
        Trouble::from(StoreError::new(StoreErrorKind::Foreign, message))
    };
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let application = match number("application_id") {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            return Err(foreign("it is no database"));
        }
        other => other?,
    };
    let found = number("user_version")?;
    let empty = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
    match (i32::try_from(application), empty) {
        (Ok(APPLICATION), _) if found > 0 => Ok(usize::try_from(found).unwrap_or(usize::MAX)),
        (Ok(0), true) if found == 0 => Ok(0),
        _ => Err(foreign("it is the database of another program")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "jobs.db";

    fn up(connection: &mut Connection, migrations: &[&str]) -> Result<(), Trouble> {
        bring_up(connection, Path::new(PATH), migrations)
    }

    fn columns(connection: &Connection) -> Vec<String> {
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info('jobs')").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn an_old_file_is_brought_up_to_date_in_place() {
        let first = MIGRATIONS[0];
        let mut connection = Connection::open_in_memory().unwrap();
        up(&mut connection, &[first]).unwrap();
        let job = "INSERT INTO jobs (id, name, state, over, epoch, term, queue, submitted) VALUES \
                   ('a', 'b', 'running', 0, 1, 1, 'default', '2025')";
        connection.execute(job, []).unwrap();

        let then = [first, "ALTER TABLE jobs ADD COLUMN color TEXT", "UPDATE jobs SET color = 'red'"];
        up(&mut connection, &then).unwrap();

        let color: String = connection.query_row("SELECT color FROM jobs", [], |row| row.get(0)).unwrap();
        assert_eq!(color, "red");
        assert_eq!(version(&connection, Path::new(PATH)).unwrap(), 3);
        up(&mut connection, &then).unwrap();
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let first = MIGRATIONS[0];
        let mut connection = Connection::open_in_memory().unwrap();
        up(&mut connection, &[first]).unwrap();
        let before = columns(&connection);
        let then = [first, "ALTER TABLE jobs ADD COLUMN color TEXT", "UPDATE nothing SET color = 'red'"];
        up(&mut connection, &then).unwrap_err();
        assert_eq!(columns(&connection), before);
        assert_eq!(version(&connection, Path::new(PATH)).unwrap(), 1);
    }

    #[test]
    fn a_newer_file_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        up(&mut connection, &[MIGRATIONS[0], "SELECT 1"]).unwrap();
        let error = up(&mut connection, &MIGRATIONS[..1]).unwrap_err().of(Path::new(PATH), "");
        assert_eq!(error.kind(), StoreErrorKind::Foreign);
        assert!(error.to_string().contains("of version 2, and this program knows those up to 1"), "{error}");
    }
}
