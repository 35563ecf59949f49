//! Where the programs of PostgreSQL are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The programs of a PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// One of them.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the server calls itself, with its version.
    ///
    /// # Errors
    /// When it does not run.
    pub fn version(&self) -> Result<String, String> {
        let said = Command::new(self.path("postgres")).arg("--version").output();
        let said = said.map_err(|error| format!("{}: {error}", self.path("postgres").display()))?;
        Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    }
}

/// Looks where `pg_config` says, in `PATH`, and in the folders of Debian and Homebrew, there for the newest.
pub fn find() -> Option<Programs> {
    let said = Command::new("pg_config").arg("--bindir").output();
    let by_config = said.ok().map(|said| PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()));
    let path = env::var_os("PATH").unwrap_or_default();
    let by_path: Vec<PathBuf> = env::split_paths(&path).collect();
    let usual = newest_first(Path::new("/usr/lib/postgresql")).into_iter();
    let usual = usual.chain(newest_first(Path::new("/opt/homebrew/opt")));
    let all = by_config.into_iter().chain(by_path).chain(usual);
    all.map(|folder| Programs { folder }).find(|programs| {
        programs.path("initdb").with_extension(env::consts::EXE_EXTENSION).exists()
            && programs.path("postgres").with_extension(env::consts::EXE_EXTENSION).exists()
    })
}

/// The folders of programs of the versions that have folders here.
fn newest_first(folder: &Path) -> Vec<PathBuf> {
    let Ok(versions) = fs::read_dir(folder) else { return Vec::new() };
    let names = versions.filter_map(|version| Some(version.ok()?.file_name().to_str()?.to_owned()));
    let number = |name: &str| name.trim_start_matches("postgresql@").parse::<u32>().ok();
    let mut known: Vec<(u32, String)> = names.filter_map(|name| Some((number(&name)?, name))).collect();
    known.sort_unstable();
    known.into_iter().rev().map(|(_, name)| folder.join(name).join("bin")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comes_first() {
        let folder = env::temp_dir().join(format!("versions-{}", std::process::id()));
        for version in ["9", "15", "postgresql@16", "other"] {
            fs::create_dir_all(folder.join(version)).unwrap();
        }
        let found = newest_first(&folder);
        fs::remove_dir_all(&folder).unwrap();
        let bin = |name: &str| folder.join(name).join("bin");
        assert_eq!(found, [bin("postgresql@16"), bin("15"), bin("9")]);
        assert_eq!(newest_first(&folder), Vec::<PathBuf>::new());
    }
}
