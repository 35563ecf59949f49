//! Who ends a command when this process dies.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// Reads the command's process group, and then from a pipe of which only this process has the other end. If that closes before
/// it was told that all is over, this process is dead.
const SCRIPT: &str = "read group || exit 0; read over || kill -s KILL -- \"-$group\"";

/// A process that watches this one.
#[derive(Debug)]
pub(super) struct Watcher {
    process: Child,
}

impl Watcher {
    #[cfg(unix)]
    pub(super) fn start() -> std::io::Result<Option<Self>> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Some(Self { process: command.spawn()? }))
    }

    /// A job object ends with the process that made it.
    #[cfg(not(unix))]
    pub(super) fn start() -> std::io::Result<Option<Self>> {
        Ok(None)
    }

    /// Tells it whom to end.
    pub(super) async fn watch(&mut self, group: u32) -> std::io::Result<()> {
        self.tell(&format!("{group}\n")).await
    }

    /// Tells it that there is nobody to end.
    pub(super) async fn over(&mut self) {
        // It is gone only if somebody has ended it.
        drop(self.tell("over\n").await);
    }

    async fn tell(&mut self, line: &str) -> std::io::Result<()> {
        let Some(pipe) = &mut self.process.stdin else { return Ok(()) };
        pipe.write_all(line.as_bytes()).await
    }
}
