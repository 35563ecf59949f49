//! What is to be run, and in what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use workflow_runtime::data;

use super::ambit::{Ambit, Mounted};
use crate::Accept;
use crate::policy::{Limits, Permit, Refused};

/// A container to run: an image, and a command in it.
///
/// ```
/// use workflow_agents::{Container, Pull};
///
/// let test = Container::of("docker.io/library/rust:1.95")
///     .command(["cargo", "test"])
///     .mount_writable("/srv/work/parser", "/parser")
///     .folder("/parser")
///     .scratch("/usr/local/cargo/registry");
/// let count = Container::of("busybox").command(["wc", "-l"]).input("one\ntwo\n").pull(Pull::Never);
/// ```
#[data]
#[derive(PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// The image: `rust` is `docker.io/library/rust:latest`.
    image: String,
    /// The command and its arguments, each as it is; without it, the image's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    command: Vec<String>,
    /// What the command is given to; without it, what the image has for that, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entrypoint: Option<Vec<String>>,
    /// The folder in the container to begin in; without it, the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    /// Variables of the environment, of those that the role lets through.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    environment: BTreeMap<String, String>,
    /// What it can read from its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    /// Folders of this machine that it sees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mounts: Vec<Mount>,
    /// Folders in the container that it may write to; what it writes there takes memory, and goes with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scratch: Vec<String>,
    /// Whether it needs the network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    network: bool,
    /// Whether the image is pulled.
    #[serde(default)]
    pull: Pull,
    /// Which ends are as they should be.
    #[serde(default)]
    accept: Accept,
    /// How much it may use, where that is to be less than its role may.
    #[serde(default)]
    limits: Limits,
}

/// Whether an image is pulled.
#[data]
#[derive(Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    /// If the engine does not have it.
    #[default]
    Missing,
    /// In any case, so that a name is of what it is of now.
    Always,
    /// In no case.
    Never,
}

/// A folder of this machine that a container sees.
#[data]
#[derive(PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Mount {
    /// Which.
    folder: PathBuf,
    /// Where it is in the container.
    inside: String,
    /// Whether it may be written to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    writable: bool,
}

impl Container {
    /// A container of an image, which runs what the image says.
    pub fn of(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            command: Vec::new(),
            entrypoint: None,
            folder: None,
            environment: BTreeMap::new(),
            input: None,
            mounts: Vec::new(),
            scratch: Vec::new(),
            network: false,
            pull: Pull::Missing,
            accept: Accept::Success,
            limits: Limits::default(),
        }
    }

    /// Sets the command, with its arguments. No shell reads them.
    #[must_use]
    pub fn command<S: Into<String>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.command = words.into_iter().map(Into::into).collect();
        self
    }

    /// Adds an argument to the command.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.command.push(argument.into());
        self
    }

    /// Sets what the command is given to, in place of what the image has for that.
    #[must_use]
    pub fn entrypoint<S: Into<String>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.entrypoint = Some(words.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the folder in the container to begin in.
    #[must_use]
    pub fn folder(mut self, inside: impl Into<String>) -> Self {
        self.folder = Some(inside.into());
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
        self.input = Some(text.into());
        self
    }

    /// Lets it see a folder of this machine, and change nothing in it.
    #[must_use]
    pub fn mount(self, folder: impl Into<PathBuf>, inside: impl Into<String>) -> Self {
        self.mounted(folder.into(), inside.into(), false)
    }

    /// Lets it see a folder of this machine, and write to it.
    #[must_use]
    pub fn mount_writable(self, folder: impl Into<PathBuf>, inside: impl Into<String>) -> Self {
        self.mounted(folder.into(), inside.into(), true)
    }

    fn mounted(mut self, folder: PathBuf, inside: String, writable: bool) -> Self {
        self.mounts.push(Mount { folder, inside, writable });
        self
    }

    /// Lets it write to a folder in the container, beside `/tmp`. What it writes there takes memory, and goes with it.
    #[must_use]
    pub fn scratch(mut self, inside: impl Into<String>) -> Self {
        self.scratch.push(inside.into());
        self
    }

    /// Lets it use the network.
    #[must_use]
    pub fn network(mut self) -> Self {
        self.network = true;
        self
    }

    /// Sets whether the image is pulled.
    #[must_use]
    pub fn pull(mut self, pull: Pull) -> Self {
        self.pull = pull;
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

    pub(super) fn accepts(&self, code: Option<i32>) -> bool {
        self.accept.accepts(code)
    }

    pub(super) fn given_input(&self) -> Option<&str> {
        self.input.as_deref()
    }

    pub(super) fn pulls(&self) -> Pull {
        self.pull
    }

    /// What is wrong with it, whatever a policy says.
    pub(super) fn mistake(&self) -> Option<String> {
        let texts =
            self.command.iter().chain(self.entrypoint.iter().flatten()).chain(self.environment.values());
        if texts.into_iter().any(|text| text.contains('\0')) {
            return Some(
                "an argument or a variable has a zero byte in it, which no system can pass on".to_owned(),
            );
        }
        let mut places: Vec<&str> = self.mounts.iter().map(|mount| &*mount.inside).collect();
        places.extend(self.scratch.iter().map(String::as_str));
        let wrong = places.iter().find(|place| !is_place(place));
        if let Some(wrong) = wrong.or(self.folder.as_deref().filter(|folder| !is_folder(folder)).as_ref()) {
            return Some(format!("`{wrong}` is no folder for it in a container; write one like `/work`"));
        }
        places.sort_unstable();
        let twice =
            places.windows(2).find(|pair| pair[0].trim_end_matches('/') == pair[1].trim_end_matches('/'));
        twice.map(|pair| format!("two things are to be at `{}` in the container; leave one out", pair[0]))
    }

    /// How it is run, if it may be.
    pub(super) fn ambit(&self, permit: &Permit) -> Result<Ambit, Refused> {
        let image = permit.image(&self.image)?;
        if self.network {
            permit.network()?;
        }
        for name in self.environment.keys() {
            permit.variable(name)?;
        }
        let mut ambit = Ambit::new(image, permit.engine(), permit.limits(self.limits));
        for Mount { folder, inside, writable } in &self.mounts {
            let folder = permit.mount(folder, *writable)?;
            if let Some(socket) = ambit.socket_in(&folder) {
                let wanted = format!("mount {}, in which is {}", folder.display(), socket.display());
                return Err(permit.refused("read", wanted));
            }
            ambit.mounts.push(Mounted { folder, inside: inside.clone(), is_writable: *writable });
        }
        ambit.command.clone_from(&self.command);
        ambit.entrypoint.clone_from(&self.entrypoint);
        ambit.folder.clone_from(&self.folder);
        ambit.environment.clone_from(&self.environment);
        ambit.scratch.clone_from(&self.scratch);
        (ambit.has_input, ambit.has_network) = (self.input.is_some(), self.network);
        Ok(ambit)
    }
}

/// Whether it is a folder that a program can begin in.
fn is_folder(inside: &str) -> bool {
    inside.starts_with('/') && !inside.contains('\0') && !inside.split('/').any(|part| part == "..")
}

/// Whether it is a folder in a container that something of ours can be put at: none that is of the kernel.
fn is_place(inside: &str) -> bool {
    let mut parts = Path::new(inside).components().skip(1);
    let first = parts.next().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let is_kernels = first.as_deref().is_none_or(|first| matches!(first, "proc" | "sys" | "dev"));
    is_folder(inside) && !is_kernels && !inside.contains("//") && !inside.split('/').any(|part| part == ".")
}
