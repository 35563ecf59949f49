//! A mark in the environment of what an attempt starts, by which it is found again.

use workflow_runtime::TaskContext;

/// The variable.
pub(super) const VARIABLE: &str = "WORKFLOW_ATTEMPT";

/// What marks all that an attempt starts, and all that earlier attempts of its task have started.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    task: String,
    pub(super) own: String,
}

impl Mark {
    pub(super) fn of(context: &TaskContext) -> Self {
        let task = format!("{}#", context.idempotency_key());
        let own = format!("{task}{}", context.attempt());
        Self { task, own }
    }

    /// Ends what this attempt has left running: what has left its process group, too.
    pub(super) fn end_own(&self) {
        end(&|value| value == self.own.as_bytes());
    }

    /// Ends what any attempt of its task has left running on this machine, such as one whose process was killed.
    pub(super) fn end_all(&self) {
        end(&|value| value.starts_with(self.task.as_bytes()));
    }
}

/// How often it is looked for what was started meanwhile.
#[cfg(target_os = "linux")]
const ROUNDS: usize = 100;

#[cfg(target_os = "linux")]
fn end(is_meant: &dyn Fn(&[u8]) -> bool) {
    use rustix::process::{Signal, kill_process};
    for _ in 0..ROUNDS {
        let found = marked(is_meant);
        if found.is_empty() {
            return;
        }
        for process in found {
            // What has ended meanwhile need not be ended.
            let _ = kill_process(process, Signal::KILL);
        }
        std::thread::yield_now();
    }
    tracing::warn!("what a command has started goes on starting more than can be ended");
}

/// The processes whose environment has a mark that is meant. What has ended and was not yet waited for has none.
#[cfg(target_os = "linux")]
fn marked(is_meant: &dyn Fn(&[u8]) -> bool) -> Vec<rustix::process::Pid> {
    let Ok(folder) = std::fs::read_dir("/proc") else { return Vec::new() };
    let processes = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let has_mark = |process: &i32| {
        let Ok(environment) = std::fs::read(format!("/proc/{process}/environ")) else { return false };
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| {
            let value = variable.strip_prefix(VARIABLE.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
            value.is_some_and(is_meant)
        })
    };
    processes.filter(has_mark).filter_map(rustix::process::Pid::from_raw).collect()
}

/// Elsewhere the process group, or the job object, is all there is.
#[cfg(not(target_os = "linux"))]
fn end(_: &dyn Fn(&[u8]) -> bool) {}
