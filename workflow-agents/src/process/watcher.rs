//! Who ends a command when this process dies.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::bound::Bound;

/// Reads the command's process group, the folder of its control group, if it has one, and then from a pipe of which only this process
/// has the other end. If that closes before it was told that all is over, this process is dead.
const SCRIPT: &str = "\
    read group && read folder || exit 0; read over && exit 0; \
    kill -s KILL -- \"-$group\"; [ -n \"$folder\" ] || exit 0; \
    for round in 1 2 3 4 5; do \
        for list in cgroup.procs cgroup.threads; do \
            while read left; do kill -s KILL \"$left\"; done < \"$folder/$list\"; \
        done; \
        rmdir \"$folder\" && exit 0; sleep 1; \
    done";

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

    /// Tells it whom to end: a process group, and whoever is in a control group.
    pub(super) async fn watch(&mut self, group: u32, bound: Option<&Bound>) -> std::io::Result<()> {
        let folder = bound.map(Bound::folder).and_then(Path::to_str).unwrap_or_default();
        self.tell(&format!("{group}\n{folder}\n")).await
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
