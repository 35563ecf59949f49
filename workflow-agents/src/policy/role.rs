//! What one role may do.

use std::collections::BTreeMap;
#[cfg(feature = "shell")]
use std::path::Path;
use std::path::PathBuf;

use super::command::Command;
use super::host::HostRule;
use super::limits::Limits;
use super::mistake::Place;

/// What a role may do: nothing, but for what is added.
#[derive(Debug, Clone)]
pub struct Role {
    pub(super) tools: Vec<String>,
    pub(super) commands: Vec<Command>,
    pub(super) path: Vec<PathBuf>,
    pub(super) shell: bool,
    pub(super) read: Vec<PathBuf>,
    pub(super) write: Vec<PathBuf>,
    pub(super) confine: bool,
    pub(super) network: bool,
    pub(super) environment: Vec<String>,
    pub(super) images: Vec<String>,
    pub(super) libraries: Vec<String>,
    pub(super) engine: Option<String>,
    pub(super) hosts: Vec<HostRule>,
    pub(super) methods: Vec<String>,
    pub(super) models: Vec<String>,
    pub(super) private: bool,
    pub(super) subjects: Vec<String>,
    pub(super) servers: Vec<String>,
    pub(super) limits: Limits,
    /// Where its rules were written.
    pub(super) places: BTreeMap<&'static str, Place>,
}

impl Default for Role {
    fn default() -> Self {
        Self {
            tools: Vec::new(),
            commands: Vec::new(),
            path: ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from).into(),
            shell: false,
            read: Vec::new(),
            write: Vec::new(),
            confine: true,
            network: false,
            environment: Vec::new(),
            images: Vec::new(),
            libraries: Vec::new(),
            engine: None,
            hosts: Vec::new(),
            methods: ["GET", "HEAD"].map(str::to_owned).into(),
            models: Vec::new(),
            private: false,
            subjects: Vec::new(),
            servers: Vec::new(),
            limits: Limits::default(),
            places: BTreeMap::new(),
        }
    }
}

impl Role {
    /// A role that may do nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets it use a tool: `shell`, `lua`, `http`, or one of your own.
    #[must_use]
    pub fn tool(mut self, name: impl Into<String>) -> Self {
        self.tools.push(name.into());
        self
    }

    /// Lets it run a command, with any arguments or with some; `*` is all that are in its path.
    #[must_use]
    pub fn command(mut self, command: impl Into<Command>) -> Self {
        self.commands.push(command.into());
        self
    }

    /// Sets the folders that commands are looked for in: `/usr/local/bin`, `/usr/bin` and `/bin` unless this is said.
    #[must_use]
    pub fn path<P: Into<PathBuf>>(mut self, folders: impl IntoIterator<Item = P>) -> Self {
        self.path = folders.into_iter().map(Into::into).collect();
        self
    }

    /// Lets it have a shell, and so run any command that its files and limits allow.
    #[must_use]
    pub fn shell(mut self) -> Self {
        self.shell = true;
        self
    }

    /// Lets it read, and run, what is in a folder. What the system itself has, in `/usr` and the like, commands can always read.
    #[must_use]
    pub fn read(mut self, folder: impl Into<PathBuf>) -> Self {
        self.read.push(folder.into());
        self
    }

    /// Lets it read, run, write and make what is in a folder. Commands that are not told where begin in the first of them.
    #[must_use]
    pub fn write(mut self, folder: impl Into<PathBuf>) -> Self {
        self.write.push(folder.into());
        self
    }

    /// Whether the kernel holds commands to these folders, and to no network unless they may have it. It can on Linux, by
    /// Landlock; elsewhere nothing is run unless this is set to false.
    #[must_use]
    pub fn confine(mut self, whether: bool) -> Self {
        self.confine = whether;
        self
    }

    /// Lets its commands and containers use the network.
    #[must_use]
    pub fn network(mut self) -> Self {
        self.network = true;
        self
    }

    /// Lets a variable through to commands: from the environment of this process, or from who asks for the command.
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>) -> Self {
        self.environment.push(name.into());
        self
    }

    /// Lets it run containers of an image, by its name in full, with its registry and its tag, such as
    /// `docker.io/library/rust:1.95`; a `*` in it stands for anything.
    #[must_use]
    pub fn image(mut self, name: impl Into<String>) -> Self {
        self.images.push(name.into());
        self
    }

    /// Lets its scripts have a library that they do not have by themselves: `os`, of which there is what tells the time.
    #[must_use]
    pub fn library(mut self, name: impl Into<String>) -> Self {
        self.libraries.push(name.into());
        self
    }

    /// Sets which engine its containers run on: `unix:///run/user/1000/docker.sock`, `tcp://10.0.0.7:2375`. Unless this is
    /// said, it is the one that `DOCKER_HOST` names, or else the one at the system's usual place.
    #[must_use]
    pub fn engine(mut self, address: impl Into<String>) -> Self {
        self.engine = Some(address.into());
        self
    }

    /// Lets it ask a host: `example.com`, `*.example.com`, `10.0.0.7:8080`.
    ///
    /// # Errors
    /// When it is no host.
    pub fn host(mut self, host: impl AsRef<str>) -> Result<Self, String> {
        self.hosts.push(HostRule::read(host.as_ref())?);
        Ok(self)
    }

    /// Lets it ask by a method; by `GET` and `HEAD` it may always.
    #[must_use]
    pub fn method(mut self, name: impl Into<String>) -> Self {
        self.methods.push(name.into());
        self
    }

    /// Lets it ask a language model, by the name that the program's table has for it; a `*` in it stands for anything.
    #[must_use]
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.models.push(name.into());
        self
    }

    /// Lets names of its hosts lead to addresses that are not out in the world: this machine, or networks of one's own.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// Lets it send messages to a subject of NATS: `orders.new`, `orders.*`, `orders.>`. What begins with `$` or `_` is the
    /// server's and the clients' own, and is meant only where its first word is written out.
    #[must_use]
    pub fn subject(mut self, pattern: impl Into<String>) -> Self {
        self.subjects.push(pattern.into());
        self
    }

    /// Lets it call a tool of another server: `files/read`, as server and tool are called; a `*` in it stands for anything.
    #[must_use]
    pub fn server(mut self, tool: impl Into<String>) -> Self {
        self.servers.push(tool.into());
        self
    }

    /// Sets how much its tools may use. What is said here may also be more than [`Limits::DEFAULT`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// What commands of this machine are held to.
#[cfg(feature = "shell")]
impl Role {
    pub(crate) fn folders_of_commands(&self) -> impl Iterator<Item = &Path> {
        self.path.iter().map(PathBuf::as_path)
    }

    pub(crate) fn folders_to_read(&self) -> impl Iterator<Item = &Path> {
        self.read.iter().map(PathBuf::as_path)
    }

    pub(crate) fn folders_to_write(&self) -> impl Iterator<Item = &Path> {
        self.write.iter().map(PathBuf::as_path)
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.environment.iter().map(String::as_str)
    }

    pub(crate) fn is_confined(&self) -> bool {
        self.confine
    }

    pub(crate) fn has_network(&self) -> bool {
        self.network
    }
}
