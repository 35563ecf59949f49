//! A program under more load than it can bear ends cleanly when it is interrupted.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn an_interrupted_program_ends_cleanly_and_loses_nothing_that_ran() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_loaded"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    let mut line = || lines.next().expect("it says something").expect("it can be read");
    assert_eq!(line(), "under load");
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().expect("a signal can be sent");
    assert!(sent.success());
    let end = line();
    assert!(child.wait().expect("it ends").success(), "{end}");
    let numbers: Vec<u64> = end.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [taken, done, left, active] = numbers[..] else { panic!("{end}") };
    assert_eq!((taken, active), (done + left, 0), "{end}");
    assert!(done >= 100 && left <= 64 + 8, "{end}");
}
