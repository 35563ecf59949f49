//! A browser, from its start to its end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{VARIABLE, find, keeper};

/// What it says when it is ready, before its address.
const READY: &str = "DevTools listening on ";

/// Shows nothing on a screen, asks nobody but whom its pages ask, and looks the same everywhere.
const ARGUMENTS: &[&str] = &[
    "--headless",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--lang=en-US",
    "--mute-audio",
    "--password-store=basic",
    "--use-mock-keychain",
    "about:blank",
];

/// A browser without a window that knows nobody. It ends when it is dropped, or when the program does, however that is.
#[derive(Debug)]
pub struct Browser {
    folder: PathBuf,
    process: Child,
    address: String,
}

impl Browser {
    /// Starts one; waits until it can be talked to.
    ///
    /// # Errors
    /// When there is none, or when it fails; says what to do.
    pub fn start() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let program = find().ok_or_else(|| {
            format!(
                "there is no Chromium in PATH or in the usual places: install it, as by \
                 `apt-get install chromium fonts-dejavu-core`, or name one by {VARIABLE}"
            )
        })?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("workflow-browser-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        drop(fs::remove_dir_all(&folder));
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut command = Command::new(program.path());
        command.arg(format!("--user-data-dir={}", folder.display()));
        // The administrator's programs cannot be shut in.
        command.args(is_administrators(&folder).then_some("--no-sandbox")).args(ARGUMENTS);
        let process = keeper::start(&command, &folder);
        let process = process.map_err(|error| format!("{}: {error}", program.path().display()))?;
        let mut browser = Self { folder, process, address: String::new() };
        browser.address = browser.said().map_err(|said| format!("{}: {said}", program.path().display()))?;
        Ok(browser)
    }

    /// Where it says that it listens; else all that it has said.
    fn said(&mut self) -> Result<String, String> {
        let mut said = String::new();
        let mut lines = BufReader::new(self.process.stderr.take().ok_or("its output is piped")?).lines();
        while let Some(Ok(line)) = lines.next() {
            if let Some(address) = line.strip_prefix(READY) {
                // What it says besides is read to its end, so that it need not wait.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(address.trim().to_owned());
            }
            said.push_str(&line);
            said.push('\n');
        }
        Err(format!("it ends: {said}"))
    }

    /// Where it is talked to, by the DevTools protocol over a WebSocket.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        keeper::end(&mut self.process, &self.folder);
    }
}

/// Whether this is the administrator's program, by a folder that it has made.
#[cfg(unix)]
fn is_administrators(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    fs::metadata(folder).is_ok_and(|own| own.uid() == 0)
}

#[cfg(not(unix))]
fn is_administrators(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn it_listens_and_leaves_nothing() {
        let browser = Browser::start().unwrap();
        let folder = browser.folder.clone();
        let place = browser.address.strip_prefix("ws://").and_then(|rest| rest.split('/').next());
        let place = place.unwrap().to_owned();
        assert!(TcpStream::connect(&place).is_ok());
        drop(browser);
        assert!(TcpStream::connect(&place).is_err());
        assert!(!folder.exists());
    }
}
