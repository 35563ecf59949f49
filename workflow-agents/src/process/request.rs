//! What is to be run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use workflow_runtime::data;

use super::ambit::Ambit;
use crate::Accept;
use crate::policy::{Limits, Permit, Refused};

/// A command to run: a program and its arguments, or a script for the system's shell.
///
/// ```
/// use workflow_agents::Shell;
///
/// let test = Shell::new("cargo").arg("test").args(["--package", "parser"]).folder("/srv/work");
/// let count = Shell::script("sort names | uniq -c | sort -n");
/// ```
#[data]
#[derive(PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Shell {
    /// The program, by its name or its path; with `script`, nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    program: String,
    /// Its arguments, each as it is: no shell reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    arguments: Vec<String>,
    /// A script for `/bin/sh`, which gets the arguments as `$1`, `$2`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    /// The folder to begin in; without it, the first that the role may write to, or read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<PathBuf>,
    /// Variables of the environment, of those that the role lets through.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    environment: BTreeMap<String, String>,
    /// What it can read from its standard input.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    input: String,
    /// Which ends are as they should be.
    #[serde(default)]
    accept: Accept,
    /// How much it may use, where that is to be less than its role may.
    #[serde(default)]
    limits: Limits,
}

impl Shell {
    /// A program, by its name or its path.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            script: None,
            folder: None,
            environment: BTreeMap::new(),
            input: String::new(),
            accept: Accept::Success,
            limits: Limits::default(),
        }
    }

    /// A script for the system's shell. What it works on is better given as an argument than written into it, for arguments
    /// are read by no shell.
    pub fn script(text: impl Into<String>) -> Self {
        Self { script: Some(text.into()), ..Self::new("") }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets the folder to begin in.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Sets what it can read from its standard input.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.input = text.into();
        self
    }

    /// Sets which ends are as they should be.
    #[must_use]
    pub fn accept(mut self, ends: Accept) -> Self {
        self.accept = ends;
        self
    }

    /// Sets how much it may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What is run, in short.
    pub(super) fn name(&self) -> &str {
        if self.script.is_some() { "the script" } else { &self.program }
    }

    pub(super) fn accepts(&self, code: Option<i32>) -> bool {
        self.accept.accepts(code)
    }

    pub(super) fn given_input(&self) -> &str {
        &self.input
    }

    /// What is wrong with it, whatever a policy says.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        let texts = self.arguments.iter().chain(&self.script).chain(self.environment.values());
        match (&self.script, self.program.as_str()) {
            (None, "") => Some("there is neither a program nor a script"),
            (Some(_), program) if !program.is_empty() => {
                Some("there are both a program and a script; leave one out")
            }
            _ if texts.into_iter().any(|text| text.contains('\0')) => Some(
                "an argument, the script or a variable has a zero byte in it, which no system can pass on",
            ),
            _ => None,
        }
    }

    /// How it is run, if it may be.
    pub(super) fn ambit(&self, permit: &Permit) -> Result<Ambit, Refused> {
        let folder = self.folder.as_deref();
        let (program, mut arguments) = match &self.script {
            None => (permit.command(&self.program, &self.arguments, folder)?, Vec::new()),
            Some(script) => {
                let (name, script) = ("-c".to_owned(), script.clone());
                (permit.shell(folder)?, vec![name, script, "sh".to_owned()])
            }
        };
        arguments.extend(self.arguments.iter().cloned());
        for name in self.environment.keys() {
            permit.variable(name)?;
        }
        let limits = permit.limits(self.limits);
        Ok(Ambit::new(permit.role(), program, arguments, &self.environment, limits))
    }
}
