//! Writes a file of jobs in every condition, as [`written`] says: `write_file FILE`. It is written by a process that is
//! killed, and then brought into one piece.

use std::process::{Command, Stdio};

use workflow_runtime::store::rusqlite::Connection;
use workflow_tests::written;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [file] => {
            let program = std::env::current_exe().expect("this program has a path");
            let status = Command::new(program).args([file, "and die"]).stdin(Stdio::null()).status();
            assert!(!status.expect("it can be run").success(), "it was to be killed");
            let connection = Connection::open(file).expect("it opens");
            connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("it can be written");
            let check: String =
                connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it is asked");
            assert_eq!(check, "ok");
        }
        [file, _] => {
            let runtime = tokio::runtime::Runtime::new().expect("threads can be had");
            runtime.block_on(written::write(file.as_ref()));
            std::process::abort();
        }
        _ => panic!("write_file FILE"),
    }
}
