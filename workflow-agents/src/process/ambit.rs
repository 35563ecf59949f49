//! How a command is run: with which environment, within which limits, and where the kernel holds it to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::confine::Confinement;
#[cfg(unix)]
use super::usage::population;
use crate::policy::{Limits, Program, Role};

/// How a command is run.
#[derive(Debug)]
pub(super) struct Ambit {
    program: Program,
    arguments: Vec<String>,
    environment: BTreeMap<OsString, OsString>,
    pub(super) limits: Limits,
    pub(super) confinement: Option<Confinement>,
}

impl Ambit {
    pub(super) fn new(
        role: &Role,
        program: Program,
        arguments: Vec<String>,
        given: &BTreeMap<String, String>,
        limits: Limits,
    ) -> Self {
        let mut environment = BTreeMap::new();
        let path = std::env::join_paths(role.folders_of_commands()).unwrap_or_default();
        environment.insert(OsString::from("PATH"), path);
        environment.insert(OsString::from("LANG"), OsString::from("C.UTF-8"));
        let inherited = role.variables().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        environment.extend(inherited);
        environment.extend(given.iter().map(|(name, value)| (name.into(), value.into())));
        let confinement = role.is_confined().then(|| Confinement::of(role));
        Self { program, arguments, environment, limits, confinement }
    }

    /// The command, with a folder of its own for what it leaves behind, and a mark.
    pub(super) fn command(&self, own: &Path, mark: (&str, &str)) -> Command {
        let mut command = self.limited();
        command.args(&self.arguments).current_dir(&self.program.folder).env_clear();
        for name in ["HOME", "TMPDIR", "TMP", "TEMP"] {
            command.env(name, own);
        }
        command.envs(&self.environment).env(mark.0, mark.1);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A shell waits for a line, when all is ready that watches it, sets the limits and then becomes the command, so that the command
    /// never runs without them. Where a limit cannot be set, a tighter one holds already. The system counts all processes of a user:
    /// so many more than there are now are let be.
    #[cfg(unix)]
    fn limited(&self) -> Command {
        const SCRIPT: &str = "\
            ulimit -c 0; ulimit -d \"$1\" || :; ulimit -f \"$2\" || :; ulimit -u \"$3\" || ulimit -p \"$3\" || :; \
            shift 3; exec 2>&3 3>&-; exec \"$@\"";
        let (memory, file) = (self.limits.memory, self.limits.file);
        let unlimited = || "unlimited".to_owned();
        let in_units = |bytes: Option<u64>, unit: u64| {
            bytes.map_or_else(unlimited, |bytes| bytes.div_ceil(unit).to_string())
        };
        let all = self.limits.processes.zip(population());
        let processes = all.map_or_else(unlimited, |(own, others)| own.saturating_add(others).to_string());
        let mut command = Command::new("/bin/sh");
        let script = format!("read go || exit 0; exec 3>&2 2>/dev/null; {SCRIPT}");
        command.args(["-c", &script, "sh", &in_units(memory, 1024), &in_units(file, 512), &processes]);
        command.arg(&self.program.file);
        command
    }

    #[cfg(not(unix))]
    fn limited(&self) -> Command {
        Command::new(&self.program.file)
    }

    /// What it is that is run.
    pub(super) fn file(&self) -> &Path {
        &self.program.file
    }
}
