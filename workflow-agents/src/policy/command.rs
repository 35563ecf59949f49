//! Which commands may be run, and with which arguments.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A command that a role may run: any of its arguments, unless it is said which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub(super) program: String,
    pub(super) first: Option<Vec<String>>,
    pub(super) options: Option<Vec<String>>,
}

impl Command {
    /// The command of this name, looked for in the role's path, or this file.
    pub fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), first: None, options: None }
    }

    /// What its first argument may be: the commands of a `git` or `cargo`.
    #[must_use]
    pub fn first<S: Into<String>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.first = Some(words.into_iter().map(Into::into).collect());
        self
    }

    /// Which options it may be given: of all arguments that begin with `-`, up to an argument `--`. `--name` lets
    /// `--name=value` through, too.
    #[must_use]
    pub fn options<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.options = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The first argument that it may not be given, with the name of the rule that says so.
    pub(super) fn against<'a>(&self, arguments: &'a [String]) -> Option<(&'a str, &'static str)> {
        if let Some(words) = &self.first {
            let given = arguments.first().map_or("", String::as_str);
            if !words.iter().any(|word| word == given) {
                return Some((given, "first"));
            }
        }
        let names = self.options.as_ref()?;
        let options = arguments.iter().take_while(|argument| *argument != "--");
        let mut options = options.filter(|argument| argument.starts_with('-') && argument.len() > 1);
        options
            .find(|option| {
                let name = if option.starts_with("--") { option.split('=').next() } else { None };
                !names.iter().any(|known| known == *option || Some(known.as_str()) == name)
            })
            .map(|option| (option.as_str(), "options"))
    }
}

impl<S: Into<String>> From<S> for Command {
    fn from(program: S) -> Self {
        Self::new(program)
    }
}

/// Where a program is: a file, by the folder that its name is in, as the file system knows it, and its name in there. So
/// neither a way round by `..` nor a link to the folder makes it another, and what a link of another name leads to is another.
pub(super) fn whereabouts(program: &str, folder: &Path, path: &[PathBuf]) -> Option<PathBuf> {
    if program.is_empty() || program.contains('\0') {
        return None;
    }
    if Path::new(program).components().count() > 1 || program.contains(std::path::MAIN_SEPARATOR) {
        return identity(&folder.join(program));
    }
    if Path::new(program).file_name() != Some(OsStr::new(program)) {
        return None;
    }
    path.iter().find_map(|folder| identity(&folder.join(program)))
}

fn identity(file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?;
    let place = file.parent()?.canonicalize().ok()?.join(name);
    can_run(&place).then_some(place)
}

#[cfg(unix)]
fn can_run(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn can_run(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn arguments_that_no_rule_names_are_found() {
        let git = Command::new("git").first(["log", "show"]).options(["--stat", "-p", "--format"]);
        assert_eq!(git.against(&given(&["log", "--stat", "main", "--format=%h"])), None);
        assert_eq!(git.against(&given(&["-c", "core.pager=sh", "log"])), Some(("-c", "first")));
        assert_eq!(git.against(&given(&[])), Some(("", "first")));
        assert_eq!(
            git.against(&given(&["log", "--output=/etc/passwd"])),
            Some(("--output=/etc/passwd", "options"))
        );
        assert_eq!(git.against(&given(&["log", "-po"])), Some(("-po", "options")));
        assert_eq!(git.against(&given(&["log", "--", "--output=x", "-"])), None);
    }
}
