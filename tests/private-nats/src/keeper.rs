//! A program that is killed when it is told to, or when this one ends.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What starts a program, and kills it by `SIGKILL` when nobody holds the other end of its input any more; then nobody needs
/// the folder, either. It stays if a line says so.
#[cfg(unix)]
const KEEPER: &str = "trap '' INT TERM; folder=$1; shift; \"$@\" & kept=$!; exec 2>/dev/null; \
                      if read -r told; then kill -KILL $kept; wait $kept; \
                      else kill -KILL $kept; wait $kept; rm -rf \"$folder\"; fi";

/// Starts a program that works in a folder, with its words on standard error to be read.
#[cfg(unix)]
pub(crate) fn start(command: &Command, folder: &Path) -> std::io::Result<Child> {
    use std::os::unix::process::CommandExt;

    let mut keeper = Command::new("sh");
    keeper.args(["-c", KEEPER, "sh"]).arg(folder).arg(command.get_program()).args(command.get_args());
    keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0).spawn()
}

/// The same, where it has to be killed by whoever started it.
#[cfg(not(unix))]
pub(crate) fn start(command: &Command, _: &Path) -> std::io::Result<Child> {
    let mut kept = Command::new(command.get_program());
    kept.args(command.get_args()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
}

/// Kills it, whatever it is doing. What it has written stays.
pub(crate) fn kill(child: &mut Child) {
    if let Some(mut told) = child.stdin.take() {
        drop(told.write_all(b"stay\n"));
    }
    if !cfg!(unix) {
        drop(child.kill());
    }
    drop(child.wait());
}
