//! Where Chromium is.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// By this, tests are told of a browser that is to be found nowhere else.
pub const VARIABLE: &str = "WORKFLOW_TEST_CHROMIUM";

/// What Chromium and what is made of it are called.
const NAMES: &[&str] =
    &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"];

/// Where it is on systems that do not put it in `PATH`.
const USUAL: &[&str] = &[
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
];

/// The program of a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
}

impl Program {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it calls itself, with its version.
    ///
    /// # Errors
    /// When it does not run.
    pub fn version(&self) -> Result<String, String> {
        // On Windows it would open a window instead of saying so.
        if cfg!(windows) {
            return Ok(self.path.display().to_string());
        }
        let said = Command::new(&self.path).arg("--version").output();
        let said = said.map_err(|error| format!("{}: {error}", self.path.display()))?;
        if said.status.success() {
            Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
        } else {
            Err(format!("{}: {}", self.path.display(), String::from_utf8_lossy(&said.stderr).trim()))
        }
    }
}

/// The one that `WORKFLOW_TEST_CHROMIUM` names; else the first in `PATH`, or where systems have it that do not put it there.
pub fn find() -> Option<Program> {
    if let Some(named) = env::var_os(VARIABLE) {
        return Some(Program { path: PathBuf::from(named) });
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let usual = || USUAL.iter().map(PathBuf::from).find(|path| path.is_file());
    among(&folders).or_else(usual).map(|path| Program { path })
}

/// The first of the names in the order of the names, for the first is what is tested most.
fn among(folders: &[PathBuf]) -> Option<PathBuf> {
    let all = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.map(|path| path.with_extension(env::consts::EXE_EXTENSION)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn chromium_comes_before_what_is_made_of_it() {
        let folder = env::temp_dir().join(format!("browsers-{}", std::process::id()));
        let file = |name: &str| folder.join(name).with_extension(env::consts::EXE_EXTENSION);
        fs::create_dir_all(folder.join("other")).unwrap();
        assert_eq!(among(&[folder.join("other"), folder.clone()]), None);
        fs::write(file("google-chrome"), "").unwrap();
        let found = among(&[folder.join("other"), folder.clone()]);
        assert_eq!(found, Some(file("google-chrome")));
        fs::write(file("chromium"), "").unwrap();
        let found = among(&[folder.join("other"), folder.clone()]);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, Some(file("chromium")));
    }
}
