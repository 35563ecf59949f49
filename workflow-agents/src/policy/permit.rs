//! What a role may do with a tool, asked for one thing at a time.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::address::is_private;
use super::command::whereabouts;
use super::host::plain;
use super::image;
use super::limits::Limits;
use super::refused::Refused;
use super::role::Role;
use super::subject;

/// How much of what was wanted a refusal tells.
const TOLD: usize = 200;

/// What a role may do with a tool. What it allows it gives back as it is to be used, so that nothing can change meanwhile.
#[derive(Debug, Clone)]
pub struct Permit {
    pub(super) role: Arc<Role>,
    pub(super) name: String,
    pub(super) tool: String,
}

/// A program that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Program {
    /// Where it is.
    pub file: PathBuf,
    /// The folder to begin in.
    pub folder: PathBuf,
}

impl Permit {
    /// A refusal, by one of the role's rules.
    pub fn refused(&self, rule: &'static str, wanted: impl Into<String>) -> Refused {
        let at = self.role.places.get(rule).or_else(|| self.role.places.get(""));
        let at = at.map(|place| format!(" ({place})")).unwrap_or_default();
        let mut wanted = wanted.into();
        if wanted.len() > TOLD {
            wanted.truncate(wanted.floor_char_boundary(TOLD));
            wanted.push('…');
        }
        Refused {
            who: format!("`{}`", self.name),
            tool: self.tool.clone(),
            wanted,
            rule: format!("role.{}.{rule}{at}", self.name),
        }
    }

    /// The role.
    #[cfg(feature = "shell")]
    pub(crate) fn role(&self) -> &Role {
        &self.role
    }

    /// The role, as it is shared.
    #[cfg(feature = "http")]
    pub(crate) fn shared_role(&self) -> &Arc<Role> {
        &self.role
    }

    /// The role's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much it may use, if it asks for so much. What the role says is the most; what it does not say is as by default.
    pub fn limits(&self, asked: Limits) -> Limits {
        asked.within(self.role.limits.or(Limits::DEFAULT))
    }

    /// A folder to work in: that which is asked for, or else the first that the role may write or read.
    ///
    /// # Errors
    /// When there is none such, or none that the role may use.
    pub fn folder(&self, asked: Option<&Path>) -> Result<PathBuf, Refused> {
        let own = || self.role.write.first().or(self.role.read.first()).map(PathBuf::as_path);
        let Some(wanted) = asked.or_else(own) else {
            return Err(self.refused("write", "work in any folder"));
        };
        let first = own().filter(|_| wanted.is_relative());
        let wanted = first.map_or_else(|| wanted.to_owned(), |first| first.join(wanted));
        let refused = || self.refused("read", format!("work in {}", wanted.display()));
        let folder = wanted.canonicalize().map_err(|_| refused())?;
        if folder.is_dir() && self.reads(&folder) { Ok(folder) } else { Err(refused()) }
    }

    /// Where a file is by the name that it is asked for, whatever the file system has there.
    pub fn place(&self, wanted: &Path) -> PathBuf {
        let own = self.role.write.first().or(self.role.read.first());
        let place = own.map_or_else(|| wanted.to_owned(), |own| own.join(wanted));
        place.components().collect()
    }

    /// A file to read, as the file system knows it.
    ///
    /// # Errors
    /// When there is none such, or none that the role may read.
    pub fn file(&self, wanted: &Path) -> Result<PathBuf, Refused> {
        let wanted = self.place(wanted);
        let refused = || self.refused("read", format!("read {}", wanted.display()));
        let file = wanted.canonicalize().map_err(|_| refused())?;
        if self.reads(&file) { Ok(file) } else { Err(refused()) }
    }

    fn reads(&self, known: &Path) -> bool {
        let mut folders = self.role.read.iter().chain(&self.role.write);
        folders.any(|folder| folder.canonicalize().is_ok_and(|folder| known.starts_with(folder)))
    }

    /// Whether a folder, as the file system knows it, may be written to.
    ///
    /// # Errors
    /// When it may not.
    pub fn writes(&self, known: &Path) -> Result<(), Refused> {
        let is_in = |folder: &PathBuf| folder.canonicalize().is_ok_and(|folder| known.starts_with(folder));
        if self.role.write.iter().any(is_in) {
            return Ok(());
        }
        Err(self.refused("write", format!("write to {}", known.display())))
    }

    /// A command to run, with these arguments.
    ///
    /// # Errors
    /// When the role may not run it, may not with these arguments, or may not where it is to begin.
    pub fn command(
        &self,
        program: &str,
        arguments: &[String],
        folder: Option<&Path>,
    ) -> Result<Program, Refused> {
        let folder = self.folder(folder)?;
        let path = &self.role.path;
        let refused = || self.refused("commands", format!("run `{program}`"));
        let file = whereabouts(program, &folder, path).ok_or_else(refused)?;
        let is_in_path = || {
            let parent = file.parent();
            path.iter().any(|folder| folder.canonicalize().ok().as_deref() == parent)
        };
        let is_meant = |name: &str| match name {
            "*" => is_in_path(),
            name => whereabouts(name, Path::new("/"), path).as_deref() == Some(&*file),
        };
        let mut against = None;
        for rule in self.role.commands.iter().filter(|rule| is_meant(&rule.program)) {
            match rule.against(arguments) {
                None => return Ok(Program { file, folder }),
                Some(found) => against = Some(found),
            }
        }
        match against {
            Some((argument, rule)) => {
                let what = if rule == "first" { "the first argument" } else { "the option" };
                Err(self.refused("commands", format!("run `{program}` with {what} `{argument}`")))
            }
            None => Err(refused()),
        }
    }

    /// The system's shell, to begin in a folder.
    ///
    /// # Errors
    /// When the role may not have one.
    pub fn shell(&self, folder: Option<&Path>) -> Result<Program, Refused> {
        if !self.role.shell {
            return Err(self.refused("shell", "have a shell"));
        }
        Ok(Program { file: PathBuf::from("/bin/sh"), folder: self.folder(folder)? })
    }

    /// Whether a variable may be set for commands.
    ///
    /// # Errors
    /// When it may not.
    pub fn variable(&self, name: &str) -> Result<(), Refused> {
        let is_name = !name.is_empty() && !name.contains(['=', '\0']);
        if is_name && self.role.environment.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(self.refused("environment", format!("set the variable `{name}`")))
    }

    /// An image to run, by its name in full.
    ///
    /// # Errors
    /// When it is no name of an image, or of none that the role may run.
    pub fn image(&self, name: &str) -> Result<String, Refused> {
        let Some(full) = image::full(name) else {
            return Err(self.refused("images", format!("run the image `{name}`, which is no name of one")));
        };
        if self.role.images.iter().any(|pattern| fits(pattern, &full)) {
            return Ok(full);
        }
        Err(self.refused("images", format!("run the image `{full}`")))
    }

    /// Whether a tool of another server may be called.
    ///
    /// # Errors
    /// When it may not.
    pub fn server(&self, server: &str, tool: &str) -> Result<(), Refused> {
        let whole = format!("{server}/{tool}");
        // A server's name with a slash in it could pass for another server's tool.
        if !server.contains('/') && self.role.servers.iter().any(|pattern| fits(pattern, &whole)) {
            return Ok(());
        }
        Err(self.refused("servers", format!("call the tool `{tool}` of the server `{server}`")))
    }

    /// Which engine containers run on, if the role says that.
    pub fn engine(&self) -> Option<&str> {
        self.role.engine.as_deref()
    }

    /// Whether a container may use the network.
    ///
    /// # Errors
    /// When it may not.
    pub fn network(&self) -> Result<(), Refused> {
        if self.role.network {
            return Ok(());
        }
        Err(self.refused("network", "use the network"))
    }

    /// A folder that a container may see, as the file system knows it, and, if so asked, write to.
    ///
    /// # Errors
    /// When there is none such, or none that the role may use so.
    pub fn mount(&self, wanted: &Path, is_writable: bool) -> Result<PathBuf, Refused> {
        let refused = || self.refused("read", format!("mount {}", wanted.display()));
        let folder = self.folder(Some(wanted)).map_err(|_| refused())?;
        if is_writable {
            self.writes(&folder)?;
        }
        Ok(folder)
    }

    /// Whether scripts may have a library that they do not have by themselves.
    ///
    /// # Errors
    /// When they may not.
    pub fn library(&self, name: &str) -> Result<(), Refused> {
        if self.role.libraries.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(self.refused("libraries", format!("use the library `{name}`")))
    }

    /// Whether a host may be asked, by its name.
    ///
    /// # Errors
    /// When it may not.
    pub fn host(&self, host: &str, port: u16) -> Result<(), Refused> {
        if self.role.hosts.iter().any(|rule| rule.meets(host, port)) {
            return Ok(());
        }
        Err(self.refused("hosts", format!("ask the host `{host}:{port}`")))
    }

    /// Whether an address that a host has may be asked: what was allowed by its name does not lead to machines of one's own.
    ///
    /// # Errors
    /// When it may not.
    pub fn address(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let is_meant =
            || plain(host).parse() == Ok(address) && self.role.hosts.iter().any(|rule| rule.names(address));
        if self.role.private || !is_private(address) || is_meant() {
            return Ok(());
        }
        Err(self.refused("private", format!("ask `{host}` at {address}, which is not out in the world")))
    }

    /// Whether messages may be sent to a subject.
    ///
    /// # Errors
    /// When it is none that anything can be sent to, or none that the role may send to.
    pub fn subject(&self, name: &str) -> Result<(), Refused> {
        if !subject::is_subject(name) {
            let name = name.escape_debug();
            return Err(self.refused("subjects", format!("send to `{name}`, to which nothing can be sent")));
        }
        if self.role.subjects.iter().any(|pattern| subject::fits(pattern, name)) {
            return Ok(());
        }
        Err(self.refused("subjects", format!("send to `{name}`")))
    }

    /// Whether it may be asked by a method.
    ///
    /// # Errors
    /// When it may not.
    pub fn method(&self, name: &str) -> Result<(), Refused> {
        if self.role.methods.iter().any(|known| known == name || known == "*") {
            return Ok(());
        }
        Err(self.refused("methods", format!("ask by {name}")))
    }

    /// Whether a language model may be asked, by its name in the program's table.
    ///
    /// # Errors
    /// When it may not.
    pub fn model(&self, name: &str) -> Result<(), Refused> {
        if self.role.models.iter().any(|pattern| fits(pattern, name)) {
            return Ok(());
        }
        Err(self.refused("models", format!("ask the model `{name}`")))
    }
}

/// Whether a text is as a pattern has it, in which each `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, mut pattern)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(before) else { return false };
    while let Some((part, behind)) = pattern.split_once('*') {
        let Some(place) = rest.find(part) else { return false };
        (rest, pattern) = (&rest[place + part.len()..], behind);
    }
    rest.ends_with(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_a_whole() {
        for (pattern, text, does) in [
            ("rust", "rust", true),
            ("rust", "rust:1", false),
            ("rust:*", "rust:1.95", true),
            ("rust:*", "evil/rust:1", false),
            ("*/rust:*-slim", "docker.io/rust:1-slim", true),
            ("*/rust:*-slim", "docker.io/rust:1-slim@x", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, text), does, "{pattern} {text}");
        }
    }
}
