//! A server, from its making to its end.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
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
        let server = Self::empty(place, settings)?;
        let mut make = server.command("initdb");
        make.args([
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
            "--auth=trust",
            "--username=postgres",
            "-D",
        ]);
        run(make.arg(server.data()))?;
        server.resume()?;
        Ok(server)
    }

    /// Starts one that follows this one, and is written only when it is [promoted](Self::promote). If this one was started
    /// with `synchronous_standby_names=*`, what it says to be committed both have.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn standby(&self, settings: &[&str]) -> Result<Self, String> {
        let server = Self::empty(self.folder.parent().ok_or("it is in a folder")?, settings)?;
        let mut copy = server.command("pg_basebackup");
        copy.args([
            "--no-sync",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "-p",
        ]);
        run(copy.arg(self.port.to_string()).arg("-D").arg(server.data()))?;
        server.resume()?;
        Ok(server)
    }

    /// Lets one that followed another be written.
    ///
    /// # Errors
    /// When it is none, or does not do so.
    pub fn promote(&self) -> Result<(), String> {
        run(self.command("pg_ctl").arg("promote").arg("-w").arg("-D").arg(self.data()))
    }

    /// Starts it again with encrypted connections, with this certificate and its key.
    ///
    /// # Errors
    /// When they cannot be given to it, or it does not start.
    pub fn encrypt(&self, certificate: &Path, key: &Path) -> Result<(), String> {
        for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = self.data().join(name);
            let given = fs::copy(from, &to)
                .and_then(|_| fs::set_permissions(&to, fs::Permissions::from_mode(0o600)))
                .and_then(|()| match self.owner {
                    Some((user, group)) => chown(&to, Some(user), Some(group)),
                    None => Ok(()),
                });
            given.map_err(|error| format!("{}: {error}", to.display()))?;
        }
        let on = fs::OpenOptions::new().append(true).open(self.data().join("postgresql.conf"));
        on.and_then(|mut settings| settings.write_all(b"ssl = on\n")).map_err(|error| error.to_string())?;
        self.stop()?;
        self.resume()
    }

    fn command(&self, program: &str) -> Command {
        as_owner(self.programs.path(program).as_os_str(), self.owner, &self.folder)
    }

    /// One that has nothing yet.
    fn empty(place: &Path, settings: &[&str]) -> Result<Self, String> {
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
        Ok(Self { folder, programs, owner, settings, port, running: Mutex::new(None) })
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
        *running = Some(self.program(command, "QUIT", "ready to accept").start()?);
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

/// Runs a program to its end.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().display().to_string();
    let done = command.output().map_err(|error| format!("{name}: {error}"))?;
    if done.status.success() {
        Ok(())
    } else {
        Err(format!("{name}: {}", String::from_utf8_lossy(&done.stderr)))
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
