//! PgBouncer, if the machine has it.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use crate::Server;
use crate::keeper::Kept;
use crate::server::free_port;

/// A PgBouncer that gives whoever asks a connection for a transaction at a time. It ends as a [`Server`] does.
#[derive(Debug)]
pub struct Pooler {
    port: u16,
    running: Option<Kept>,
}

impl Pooler {
    /// One before a server, with so many connections to it; none, where there is no PgBouncer in `PATH` or in `/usr/sbin`.
    ///
    /// # Errors
    /// When it does not start: what it has said.
    pub fn before(server: &Server, connections: u32) -> Result<Option<Self>, String> {
        let Some(program) = program() else { return Ok(None) };
        let (port, behind) = (free_port()?, server.port());
        let settings = server.folder().join(format!("pooler-{port}.ini"));
        let text = format!(
            "[databases]\n\
             postgres = host=127.0.0.1 port={behind} user=postgres\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             pool_mode = transaction\n\
             default_pool_size = {connections}\n\
             server_login_retry = 1\n\
             max_client_conn = 200\n"
        );
        fs::write(&settings, text).map_err(|error| format!("{}: {error}", settings.display()))?;
        let mut command = Command::new(program);
        command.arg(&settings);
        let running = server.program(command, "KILL", "process up").start()?;
        Ok(Some(Self { port, running: Some(running) }))
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the server is reached by way of it.
    pub fn address(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.running.take().map(Kept::end));
    }
}

fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join("pgbouncer")).find(|program| program.exists())
}
