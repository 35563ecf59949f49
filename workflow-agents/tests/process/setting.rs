//! A runtime with one role, and a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use workflow_agents::policy::{Policy, Role};
use workflow_agents::{Finished, Shell, shell};
use workflow_runtime::JobHandle;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, Store};

workflow! {
    /// One command, as a coder.
    pub workflow AsCoder(command: Shell) -> Finished {
        phase run {
            #[role("coder")]
            finished = shell(command);
        }
        finished
    }
}

workflow! {
    /// One command, as nobody.
    pub workflow AsNobody(command: Shell) -> Finished {
        phase run {
            finished = shell(command);
        }
        finished
    }
}

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("agents-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("it is made");
        Self(path.canonicalize().expect("it is there"))
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("it is made");
        std::fs::write(&path, text).expect("it is written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A runtime where a coder may do something.
pub(crate) struct Setting {
    pub(crate) runtime: Runtime,
    store: Arc<MemoryStore>,
}

impl Setting {
    pub(crate) async fn with(role: Role) -> Self {
        let store = Arc::new(MemoryStore::new());
        let policy = Policy::new().role("coder", role.tool("shell"));
        let runtime = Runtime::builder().state(policy).on(store.clone()).await.expect("it starts");
        Self { runtime, store }
    }

    /// Where a coder may write to a folder and run anything.
    pub(crate) async fn free(folder: &Path) -> Self {
        Self::with(Role::new().command("*").shell().write(folder)).await
    }

    pub(crate) async fn run(&self, command: Shell) -> Result<Finished, String> {
        self.runtime.run(AsCoder { command }).await.map_err(|error| error.to_string())
    }

    pub(crate) async fn submit(&self, command: Shell) -> JobHandle<Finished> {
        self.runtime.submit(AsCoder { command }).await.expect("it is taken")
    }

    /// What the audit says, the oldest first.
    pub(crate) fn audit(&self) -> Vec<serde_json::Value> {
        let notes = self.store.notes("audit").expect("it answers");
        notes.iter().map(|note| serde_json::from_str(&note.text).expect("it is JSON")).collect()
    }
}

/// Waits until something is so, or says that it never was.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it never was so that {what}");
}

/// Whether a process runs: one that has ended and was not waited for does not.
pub(crate) fn runs(process: u32) -> bool {
    let Ok(line) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { return false };
    line.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// The number that a file holds, once it does.
pub(crate) async fn number_in(file: &Path) -> u32 {
    let read = || std::fs::read_to_string(file).ok()?.trim().parse().ok();
    until("the number is written", || read().is_some()).await;
    read().expect("it was")
}

/// Whether the system lets this process count others in control groups, of either version.
pub(crate) fn has_control_groups() -> bool {
    let can = |path: &str| std::fs::OpenOptions::new().write(true).open(path).is_ok();
    let offered = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
    can("/sys/fs/cgroup/pids/cgroup.procs") || offered.contains("pids") && can("/sys/fs/cgroup/cgroup.procs")
}
