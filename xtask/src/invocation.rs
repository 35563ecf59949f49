//! A program with its arguments: run by the steps, shown to people.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// What is run, from the root of the workspace.
pub(crate) struct Invocation {
    environment: Option<(&'static str, &'static str)>,
    program: &'static str,
    arguments: &'static [&'static str],
    more: Vec<String>,
}

impl Invocation {
    pub(crate) const fn new(program: &'static str, arguments: &'static [&'static str]) -> Self {
        Invocation { environment: None, program, arguments, more: Vec::new() }
    }

    pub(crate) const fn cargo(arguments: &'static [&'static str]) -> Self {
        Invocation::new("cargo", arguments)
    }

    pub(crate) const fn with(mut self, variable: &'static str, value: &'static str) -> Self {
        self.environment = Some((variable, value));
        self
    }

    /// With arguments that are known only when it is run.
    pub(crate) fn and(mut self, more: impl IntoIterator<Item = String>) -> Self {
        self.more.extend(more);
        self
    }

    /// Runs it to its end; what it prints goes where ours goes.
    pub(crate) fn run(&self) -> Result<(), String> {
        self.end(&mut self.command())
    }

    /// Runs it to its end and gives what it printed.
    pub(crate) fn read(&self) -> Result<String, String> {
        let output = self.command().output().map_err(|error| self.not_started(&error))?;
        succeeded(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn end(&self, command: &mut Command) -> Result<(), String> {
        command.status().map_err(|error| self.not_started(&error)).and_then(succeeded)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(executable(self.program));
        command.args(self.arguments).args(&self.more).envs(self.environment).current_dir(root());
        command
    }

    fn not_started(&self, error: &std::io::Error) -> String {
        format!("`{}` cannot be started: {error}", self.program)
    }
}

fn succeeded(status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
}

/// As a person would type it.
impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((variable, value)) = self.environment {
            write!(f, "{variable}=\"{value}\" ")?;
        }
        f.write_str(self.program)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))?;
        self.more.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

/// Cargo and rustc may be elsewhere than in the path; the variables `CARGO` and `RUSTC` say so.
fn executable(program: &str) -> OsString {
    let named = match program {
        "cargo" => std::env::var_os("CARGO"),
        "rustc" => std::env::var_os("RUSTC"),
        _ => None,
    };
    named.unwrap_or_else(|| program.into())
}

fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn reads_as_it_is_typed() {
        assert_eq!(Invocation::cargo(&["fmt", "--all"]).to_string(), "cargo fmt --all");
        let docs = Invocation::cargo(&["doc"]).with("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(docs.to_string(), "RUSTDOCFLAGS=\"-D warnings\" cargo doc");
        assert_eq!(docs.command().get_envs().count(), 1);
        let more = Invocation::cargo(&["run"]).and(["--".to_owned(), "7".to_owned()]);
        assert_eq!(more.to_string(), "cargo run -- 7");
        assert_eq!(more.command().get_args().count(), 3);
    }

    #[test]
    fn tells_success_from_failure() {
        assert!(Invocation::cargo(&["--version"]).read().unwrap().starts_with("cargo "));
        let unknown = Invocation::cargo(&["no-such-subcommand"]);
        let quiet = unknown.end(unknown.command().stderr(Stdio::null()));
        for error in [unknown.read().unwrap_err(), quiet.unwrap_err()] {
            assert!(error.starts_with("it ended with"), "{error}");
        }
        let error = Invocation::new("no-such-program", &[]).run().unwrap_err();
        assert!(error.starts_with("`no-such-program` cannot be started"), "{error}");
    }

    #[test]
    fn runs_in_the_root_of_the_workspace() {
        let manifest = Invocation::cargo(&["locate-project", "--message-format", "plain"]).read().unwrap();
        assert!(!Path::new(&manifest).parent().unwrap().ends_with("xtask"), "{manifest}");
    }
}
