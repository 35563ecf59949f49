//! A server, from its start to its end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{find, keeper};

/// What it says before its address.
const LISTENS: &str = "Listening for client connections on ";

/// What it says when it can be used.
const READY: &str = "Server is ready";

/// A server with JetStream, which syncs whatever it answers to. It ends when it is dropped, or when the program does, however
/// that is.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    folder: PathBuf,
    process: Child,
    port: u16,
}

impl Server {
    /// Starts one; waits until it can be used.
    ///
    /// # Errors
    /// When there is none, or when it fails; says what to do.
    pub fn start() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let program = find()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("workflow-nats-{}-{number}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let (process, port) = run(&program, &folder, None)?;
        Ok(Self { program, folder, process, port })
    }

    /// Kills it, as a failure of its machine's power supply would but for what the disk has not synced.
    pub fn kill(&mut self) {
        keeper::kill(&mut self.process);
    }

    /// Starts it again, where it was and with what it had.
    ///
    /// # Errors
    /// When it fails.
    pub fn again(&mut self) -> Result<(), String> {
        (self.process, self.port) = run(&self.program, &self.folder, Some(self.port))?;
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        keeper::kill(&mut self.process);
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Runs it until it is killed, at a port that is free unless it is said.
fn run(program: &Path, folder: &Path, port: Option<u16>) -> Result<(Child, u16), String> {
    let file = folder.join("server.conf");
    let store = folder.join("store").display().to_string().replace('\\', "/");
    let listen = port.map_or(-1, i32::from);
    let settings = format!(
        "listen: \"127.0.0.1:{listen}\"\njetstream {{ store_dir: \"{store}\", sync_interval: always }}\n"
    );
    fs::write(&file, settings).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut command = Command::new(program);
    command.arg("--config").arg(file);
    let process = keeper::start(&command, folder);
    let mut process = process.map_err(|error| format!("{}: {error}", program.display()))?;
    let port = said(&mut process).map_err(|said| format!("{}: {said}", program.display()))?;
    Ok((process, port))
}

/// The port that it says it listens at, when it is ready; else all that it has said.
fn said(process: &mut Child) -> Result<u16, String> {
    let (mut said, mut port) = (String::new(), None);
    let mut lines = BufReader::new(process.stderr.take().ok_or("its output is piped")?).lines();
    while let Some(Ok(line)) = lines.next() {
        if let Some((_, address)) = line.split_once(LISTENS) {
            port = address.rsplit(':').next().and_then(|port| port.trim().parse().ok());
        }
        if line.contains(READY)
            && let Some(port) = port
        {
            // What it says besides is read to its end, so that it need not wait.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(port);
        }
        said.push_str(&line);
        said.push('\n');
    }
    Err(format!("it ends: {said}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn it_is_killed_and_is_there_again_and_leaves_nothing() {
        let mut server = Server::start().unwrap();
        let (folder, port) = (server.folder.clone(), server.port);
        let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        assert!(listens());
        server.kill();
        assert!(!listens());
        server.again().unwrap();
        assert!(listens() && server.port == port);
        drop(server);
        assert!(!listens() && !folder.exists());
    }
}
