//! The needs of every step: a compiler new enough, with rustfmt and clippy.

use crate::invocation::Invocation;
use crate::needs::Need;

/// The oldest compiler that will do: `rust-version` in the workspace's `Cargo.toml`.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

const RUSTC: Invocation = Invocation::new("rustc", &["--version"]);
const RUSTFMT: Invocation = Invocation::cargo(&["fmt", "--version"]);
const CLIPPY: Invocation = Invocation::cargo(&["clippy", "--version"]);
const ADD: Invocation = Invocation::new("rustup", &["component", "add", "rustfmt", "clippy"]);

/// A compiler at least as new as the workspace asks for.
pub(crate) struct Compiler;

impl Need for Compiler {
    fn name(&self) -> &'static str {
        "compiler"
    }

    fn check(&self) -> Result<String, String> {
        let found = RUSTC.read()?;
        if new_enough(&found) { Ok(found) } else { Err(format!("{found} is too old")) }
    }

    fn obtain(&self) -> Result<(), String> {
        Err("which compiler you use is yours to choose".to_owned())
    }

    fn remedy(&self) -> String {
        format!("install Rust {OLDEST} or newer: rustup update")
    }
}

/// The components of the toolchain that format and lint.
pub(crate) struct Components;

impl Need for Components {
    fn name(&self) -> &'static str {
        "rustfmt and clippy"
    }

    fn check(&self) -> Result<String, String> {
        let (rustfmt, clippy) = (RUSTFMT.read(), CLIPPY.read());
        match (rustfmt, clippy) {
            (Ok(rustfmt), Ok(clippy)) => Ok(format!("{rustfmt}, {clippy}")),
            (Err(_), Ok(_)) => Err("rustfmt is missing".to_owned()),
            (Ok(_), Err(_)) => Err("clippy is missing".to_owned()),
            (Err(_), Err(_)) => Err("both are missing".to_owned()),
        }
    }

    fn obtain(&self) -> Result<(), String> {
        println!("    running {ADD}");
        ADD.run()
    }

    fn remedy(&self) -> String {
        format!("install them: {ADD} (without rustup: your system's packages of rustfmt and clippy)")
    }
}

fn new_enough(found: &str) -> bool {
    version(found) >= version(OLDEST)
}

/// The first version in a text such as `rustc 1.95.0 (59807616e 2026-04-14)`.
fn version(text: &str) -> Option<Vec<u32>> {
    let number = |part: &str| part.parse::<u32>().ok();
    text.split([' ', '-']).find_map(|word| word.split('.').map(number).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_versions() {
        assert_eq!(version("1.95"), Some(vec![1, 95]));
        assert_eq!(version("rustc 1.95.0 (59807616e 2026-04-14)"), Some(vec![1, 95, 0]));
        assert_eq!(version("rustc 1.100.2-nightly (abc 2027-01-01)"), Some(vec![1, 100, 2]));
        assert_eq!(version("rustc"), None);
    }

    #[test]
    fn compares_numbers_not_letters() {
        assert!(version("rustc 1.100.0") > version("1.95"));
        assert!(version("rustc 1.94.9") < version("1.95"));
        assert!(version("rustc 1.95.0") >= version("1.95"));
        assert!(version("no version at all") < version("1.95"));
    }

    #[test]
    fn the_workspace_says_how_old_is_too_old() {
        assert!(version(OLDEST).is_some(), "{OLDEST}");
        assert!(
            new_enough(OLDEST) && new_enough(&format!("rustc {OLDEST}.0")) && new_enough("rustc 9999.0.0")
        );
        assert!(!new_enough("rustc 1.0.0"));
    }

    #[test]
    fn remedies_are_exact() {
        assert!(Components.remedy().starts_with("install them: rustup component add rustfmt clippy"));
        assert!(Compiler.remedy().contains(OLDEST));
    }
}
