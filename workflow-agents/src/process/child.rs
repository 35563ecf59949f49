//! A command that runs, and what ends with it.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
#[cfg(unix)]
use rustix::process::Signal;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use workflow_runtime::AgentError;

use super::ambit::Ambit;
use super::bound::Bound;
use super::mark::{Mark, VARIABLE};
use super::watcher::Watcher;

/// A command that runs. Dropped, it is ended, with all that it has started.
#[derive(Debug)]
pub(super) struct Running {
    child: Box<dyn ChildWrapper>,
    watcher: Option<Watcher>,
    bound: Option<Bound>,
    mark: Mark,
    is_over: bool,
    /// For what it leaves behind; it goes with it.
    _own: OwnFolder,
}

impl Running {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started, or cannot be held to what its role may do.
    pub(super) async fn start(ambit: Ambit, mark: Mark) -> Result<Self, AgentError> {
        let own = OwnFolder::make().map_err(|error| format!("a folder for it cannot be made: {error}"))?;
        let watcher = Watcher::start().map_err(|error| format!("`/bin/sh` cannot be run: {error}"))?;
        let bound = ambit.limits.processes.and_then(Bound::of);
        let (folder, own_mark) = (own.path.clone(), mark.own.clone());
        let child = spawned(ambit, folder, own_mark).await?;
        let mut running = Self { child, watcher, bound, mark, is_over: false, _own: own };
        if let Some(id) = running.id() {
            running.oversee(id).await.map_err(|error| format!("it cannot be watched over: {error}"))?;
        }
        Ok(running)
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Lets it begin, once all is ready that watches it.
    async fn oversee(&mut self, id: u32) -> std::io::Result<()> {
        if let Some(watcher) = &mut self.watcher {
            watcher.watch(id, self.bound.as_ref()).await?;
        }
        // Where the system does not let it be so, it is counted all the same.
        self.bound = self.bound.take().filter(|bound| bound.hold(id).is_ok());
        #[cfg(unix)]
        if let Some(pipe) = self.child.stdin() {
            // Who has ended already has nothing to begin.
            drop(tokio::io::AsyncWriteExt::write_all(pipe, b"\n").await);
        }
        Ok(())
    }

    /// Whether the system counts its processes.
    pub(super) fn is_counted(&self) -> bool {
        self.bound.is_some()
    }

    /// Whether it wanted more processes than it may have, as far as the system can tell.
    pub(super) fn is_bounded(&self) -> bool {
        self.bound.as_ref().is_some_and(Bound::is_reached)
    }

    /// Its ends of the pipes.
    pub(super) fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdin().take(), self.child.stdout().take(), self.child.stderr().take())
    }

    pub(super) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends all of its group a signal. It fails only where nothing runs any more.
    #[cfg(unix)]
    fn signal(&self, signal: Signal) {
        drop(self.child.signal(signal.as_raw()));
    }

    /// Asks it to end, where one can.
    pub(super) fn ask_to_end(&self) {
        #[cfg(unix)]
        self.signal(Signal::TERM);
    }

    /// Lets nothing of its group run until it [goes on](Self::go_on).
    pub(super) fn halt(&self) {
        #[cfg(unix)]
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(super) fn go_on(&self) {
        #[cfg(unix)]
        self.signal(Signal::CONT);
    }

    /// Ends what runs of it, if anything does.
    pub(super) fn end(&mut self) {
        // It fails only where nothing runs any more.
        drop(self.child.start_kill());
    }

    /// All of it is over, or will be when this returns.
    pub(super) async fn finish(&mut self) {
        self.end();
        let (mark, bound) = (self.mark.clone(), self.bound.take());
        let end = move || {
            mark.end_own();
            drop(bound);
        };
        drop(tokio::task::spawn_blocking(end).await);
        if let Some(watcher) = &mut self.watcher {
            watcher.over().await;
        }
        self.is_over = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over {
            self.end();
            let (mark, bound) = (self.mark.clone(), self.bound.take());
            let end = move || {
                mark.end_own();
                drop(bound);
            };
            // Where no thread can be had, the group is all that ends.
            drop(std::thread::Builder::new().spawn(end));
        }
    }
}

/// How far commands stand back behind who watches them.
#[cfg(unix)]
const NICE: i32 = 10;

/// Starts a command from a thread that is held to what the role may do, which what it starts inherits.
async fn spawned(ambit: Ambit, own: PathBuf, mark: String) -> Result<Box<dyn ChildWrapper>, AgentError> {
    let runtime = tokio::runtime::Handle::try_current().map_err(|_| {
        AgentError::permanent(
            "a command needs tokio, which does not run here; in a test, put something else in its place",
        )
    })?;
    let (told, answer) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("workflow-shell".to_owned())
        .spawn(move || {
            let _inside = runtime.enter();
            // Who asked may be gone; then what was started ends here.
            drop(told.send(spawn(&ambit, &own, &mark)));
        })
        .map_err(|error| AgentError::retry(format!("no thread can be started: {error}")))?;
    answer.await.unwrap_or_else(|_| Err(AgentError::retry("who was to start it has gone")))
}

fn spawn(ambit: &Ambit, own: &Path, mark: &str) -> Result<Box<dyn ChildWrapper>, AgentError> {
    if let Some(confinement) = &ambit.confinement {
        confinement.hold(own).map_err(AgentError::permanent)?;
    }
    let mut command = CommandWrap::from(ambit.command(own, (VARIABLE, mark)));
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(process_wrap::tokio::JobObject);
    command.wrap(KillOnDrop);
    let file = ambit.file().display();
    let child =
        command.spawn().map_err(|error| AgentError::retry(format!("`{file}` cannot be run: {error}")))?;
    #[cfg(unix)]
    if let Some(process) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
        // Where the system does not let it be so, it is watched all the same.
        let _ = rustix::process::setpriority_process(Some(process), NICE);
    }
    Ok(child)
}

/// A folder for one command, which goes with it.
#[derive(Debug)]
struct OwnFolder {
    path: PathBuf,
}

impl OwnFolder {
    fn make() -> std::io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("workflow-{}-{number}", std::process::id()));
        // One that an earlier process of this number has left.
        drop(std::fs::remove_dir_all(&path));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self { path })
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        // What cannot be removed is left to who cleans the folder for temporary files.
        drop(std::fs::remove_dir_all(&self.path));
    }
}
