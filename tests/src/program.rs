//! A program of these tests as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::http::Client;

/// A program at work, killed when it is dropped.
#[derive(Debug)]
pub struct Program {
    process: Child,
    /// What it has said so far, line by line.
    pub said: Vec<String>,
}

/// A command of a program on a file, which nothing in the environment changes.
pub fn program(program: &str, words: &[&str], file: &Path) -> Command {
    let mut program = Command::new(program);
    program.args(words).arg("--store").arg(file);
    for name in ["WORKFLOW_STORE", "WORKFLOW_CONFIG", "WORKFLOW_TOKEN", "WORKFLOW_READER_TOKEN"] {
        program.env_remove(name);
    }
    program
}

impl Program {
    /// Starts it, and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(name: &str, words: &[&str], file: &Path) -> Self {
        let mut program = program(name, words, file);
        let process = program.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let mut program = Self { process, said: Vec::new() };
        let mut lines = BufReader::new(program.process.stderr.take().expect("it is piped")).lines();
        while let Some(Ok(line)) = lines.next() {
            let is_ready = line.contains("interrupt to end");
            program.said.push(line);
            if is_ready {
                // What it says besides is read to its end, so that it need not wait.
                std::thread::spawn(move || lines.for_each(drop));
                return program;
            }
        }
        panic!("it was not ready: {:?}", program.said);
    }

    /// Where it says that it is reached.
    ///
    /// # Panics
    /// When it does not say it.
    pub fn address(&self) -> SocketAddr {
        let line = self.said.last().expect("it said where it is");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        address.and_then(|address| address.parse().ok()).expect("it is an address")
    }

    /// Who asks it.
    ///
    /// # Panics
    /// As [`address`](Self::address).
    pub fn client(&self) -> Client {
        Client::new(self.address())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
