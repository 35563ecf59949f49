//! Programs that end when they are told to, or when this one does.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

/// What starts a program, and ends it when it is told to, or when nobody holds the other end of its input any more; then
/// nobody needs the folder, either.
const KEEPER: &str = "trap '' INT TERM; signal=$1; folder=$2; shift 2; \"$@\" & kept=$!; exec 2>/dev/null; read -r told; \
                      kill -$signal $kept; wait $kept; [ -n \"$told\" ] || rm -rf \"$folder\"";

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Kept(Child);

/// What is to be run.
pub(crate) struct Program<'a> {
    pub(crate) command: Command,
    /// Whose it is, if not this program's user's.
    pub(crate) owner: Option<(u32, u32)>,
    /// Where it runs.
    pub(crate) folder: &'a Path,
    /// By which signal it ends.
    pub(crate) signal: &'a str,
    /// What it says when it is ready.
    pub(crate) ready: &'static str,
}

impl Program<'_> {
    /// Starts it; waits until it is ready.
    ///
    /// # Errors
    /// When it ends instead: what it has said.
    pub(crate) fn start(&self) -> Result<Kept, String> {
        let mut keeper = as_owner("sh".as_ref(), self.owner, self.folder);
        keeper.args(["-c", KEEPER, "sh", self.signal]).arg(self.folder);
        keeper.arg(self.command.get_program()).args(self.command.get_args());
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let mut child = keeper.spawn().map_err(|error| format!("sh: {error}"))?;
        let said = child.stderr.take().map(BufReader::new).ok_or("its output is piped")?;
        let (told, heard) = mpsc::channel();
        let ready = self.ready;
        std::thread::spawn(move || {
            let mut all = String::new();
            for line in said.lines().map_while(Result::ok) {
                if line.contains(ready) {
                    drop(told.send(Ok(())));
                }
                all.push_str(&line);
                all.push('\n');
            }
            drop(told.send(Err(all)));
        });
        if let Err(said) = heard.recv().unwrap_or_else(|_| Err("nothing".to_owned())) {
            drop(child.stdin.take());
            drop(child.wait());
            return Err(format!("{} ends: {said}", Path::new(self.command.get_program()).display()));
        }
        Ok(Kept(child))
    }
}

impl Kept {
    /// Ends it.
    pub(crate) fn end(mut self) -> std::io::Result<()> {
        let told = self.0.stdin.take().map(|mut input| input.write_all(b"stop\n"));
        told.transpose().and_then(|_| self.0.wait()).map(drop)
    }
}

/// A command of whoever owns a folder, in it.
pub(crate) fn as_owner(program: &std::ffi::OsStr, owner: Option<(u32, u32)>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}
