//! Packages of Python that tests need.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The official implementation of the Model Context Protocol in Python, and what it needs.
const PACKAGE: &str = "mcp==2.3.0";

/// Where the official client and server of the Model Context Protocol are, for `PYTHONPATH`: they are fetched once, and kept in the
/// target folder.
///
/// # Panics
/// When they cannot be fetched; says what is needed.
pub fn official_mcp() -> &'static Path {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    FETCHED.get_or_init(|| {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/mcp-client");
        if !kept.is_dir() {
            let own = kept.with_extension(std::process::id().to_string());
            let install = ["-m", "pip", "install", "--quiet", "--only-binary=:all:", "--target"];
            let done = Command::new("python3").args(install).arg(&own).arg(PACKAGE).output();
            let done = done.unwrap_or_else(|error| panic!("python3 is needed, to fetch {PACKAGE}: {error}"));
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{PACKAGE} cannot be fetched: {said}");
            // By a rename, another sees it whole or not at all.
            let _ = std::fs::rename(own, &kept);
        }
        kept
    })
}
