//! A server, from its making to its end.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::keeper::{Kept, Program, as_owner};
use crate::{Programs, find};

/// How a server is started that there is no reason to start otherwise.
const USUAL: [&str; 3] = ["listen_addresses=127.0.0.1", "max_connections=200", "shared_buffers=256MB"];

/// A server that ends when it is dropped, or when the program does, however that is. It trusts everybody who reaches it,
/// which from other machines nobody does.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    programs: Programs,
    owner: Option<(u32, u32)>,
    settings: Vec<String>,
    port: u16,
    running: Mutex<Option<Kept>>,
}

impl Server {
    /// Starts one in a folder of its own, with these settings besides the usual ones.
    ///
    /// # Errors
    /// When there are no programs for it, or when they fail; says what to do.
    pub fn start(settings: &[&str]) -> Result<Self, String> {
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// The same, in a folder below this one.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_in(place: &Path, settings: &[&str]) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let programs = find().ok_or(
            "there is no PostgreSQL to be found by `pg_config`, in PATH or in the usual folders: install it, as by \
             `apt-get install postgresql`",
        )?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = place.join(format!("workflow-postgres-{}-{number}", std::process::id()));
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        drop(fs::remove_dir_all(&folder));
        fs::create_dir(&folder).map_err(wrong)?;
        let owner = owner(&folder)?;
        if let Some((user, group)) = owner {
            chown(&folder, Some(user), Some(group)).map_err(wrong)?;
        }
        let port = free_port()?;
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let server = Self { folder, programs, owner, settings, port, running: Mutex::new(None) };
        let mut make = as_owner(server.programs.path("initdb").as_os_str(), owner, &server.folder);
        make.args([
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
            "--auth=trust",
            "--username=postgres",
            "-D",
        ]);
        let made = make.arg(server.data()).output().map_err(|error| format!("initdb: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
        }
        server.resume()?;
        Ok(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where it is reached by way of the file system.
    pub fn address(&self) -> String {
        format!("postgres://postgres@localhost:{}/postgres?host={}", self.port, self.folder.display())
    }

    /// Where it is reached by way of the network, on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again, if it does not run; waits until it takes connections.
    ///
    /// # Errors
    /// When it does not start: what it has said.
    pub fn resume(&self) -> Result<(), String> {
        let mut running = self.running();
        if running.is_some() {
            return Ok(());
        }
        let mut command = Command::new(self.programs.path("postgres"));
        command.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string()).arg("-k").arg(&self.folder);
        for setting in USUAL.into_iter().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        *running = Some(self.program(command, "QUIT", "ready to accept connections").start()?);
        Ok(())
    }

    /// Ends it at once, as if its processes were killed: what it has said to be written is written.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&self) -> Result<(), String> {
        let Some(kept) = self.running().take() else { return Ok(()) };
        kept.end().map_err(|error| format!("postgres does not end: {error}"))
    }

    fn running(&self) -> MutexGuard<'_, Option<Kept>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A program of whoever runs the server, in its folder. PostgreSQL refuses to be run by the administrator.
    pub(crate) fn program<'a>(
        &'a self,
        command: Command,
        signal: &'a str,
        ready: &'static str,
    ) -> Program<'a> {
        Program { command, owner: self.owner, folder: &self.folder, signal, ready }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// A port that nobody has. Nobody else is given it for a while, until a server has it.
pub(crate) fn free_port() -> Result<u16, String> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    Ok(free.map_err(|error| format!("no port: {error}"))?.port())
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop());
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Whose a server is where this is the administrator's program: that of the user who was made for it.
fn owner(folder: &Path) -> Result<Option<(u32, u32)>, String> {
    let is_root = fs::metadata(folder).is_ok_and(|own| own.uid() == 0);
    if !is_root {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    let number = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = number("postgres").or_else(|| number("nobody"));
    found.map(Some).ok_or_else(|| "there is no user `postgres` or `nobody` to run PostgreSQL".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_stopped_and_started_again_and_leaves_nothing() {
        let server = Server::start(&["fsync=off"]).unwrap();
        let folder = server.folder.clone();
        assert!(std::net::TcpStream::connect(("127.0.0.1", server.port())).is_ok());
        server.stop().unwrap();
        assert!(std::net::TcpStream::connect(("127.0.0.1", server.port())).is_err());
        server.resume().unwrap();
        server.resume().unwrap();
        assert!(std::net::TcpStream::connect(("127.0.0.1", server.port())).is_ok());
        drop(server);
        assert!(!folder.exists());
    }

    #[test]
    fn what_it_does_not_understand_it_says() {
        let error = Server::start(&["no_such_setting=1"]).unwrap_err();
        assert!(error.contains("no_such_setting"), "{error}");
    }
}
