//! Other machines, as far as the kernel pretends: a namespace of networks each, with a link to this machine that can be cut.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A machine with nothing on it but a link to this one. It is gone when it is dropped.
#[derive(Debug)]
pub struct Machine {
    name: String,
    /// This machine's end of the link.
    link: String,
    /// This machine, as it is reached from there.
    host: String,
}

impl Machine {
    /// Makes one. Only the administrator can, where the kernel lets him, and by the program `ip`.
    ///
    /// # Errors
    /// When it cannot be made: why.
    pub fn new() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (own, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // Addresses that are for tests, four to each machine.
        let address = |end| format!("198.18.{}.{}", own % 256, number % 64 * 4 + end);
        let machine = Self {
            name: format!("workflow-{own}-{number}"),
            link: format!("wf{own}-{number}"),
            host: address(1),
        };
        let Self { name, link, host } = &machine;
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add {link} type veth peer name uplink netns {name}"))?;
        ip(&format!("address add {host}/30 dev {link}"))?;
        ip(&format!("-netns {name} address add {}/30 dev uplink", address(2)))?;
        ip(&format!("-netns {name} link set uplink up"))?;
        machine.mend()?;
        Ok(machine)
    }

    /// This machine, as it is reached from there.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A program that runs there.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Cuts the link: what is sent is lost, either way, and nobody is told.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn cut(&self) -> Result<(), String> {
        ip(&format!("link set {} down", self.link))
    }

    /// Mends the link: what was lost is sent again, sooner or later.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn mend(&self) -> Result<(), String> {
        ip(&format!("link set {} up", self.link))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Its end of the link goes with it, and so does ours.
        drop(ip(&format!("netns delete {}", self.name)));
    }
}

fn ip(words: &str) -> Result<(), String> {
    let said = Command::new("ip").args(words.split(' ')).output().map_err(|error| format!("ip: {error}"))?;
    let why = String::from_utf8_lossy(&said.stderr);
    if said.status.success() { Ok(()) } else { Err(format!("`ip {words}`: {}", why.trim())) }
}
