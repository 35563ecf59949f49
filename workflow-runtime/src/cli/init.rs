//! A new project: one agent, one workflow, the command line, and tests.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value as Json;

use super::output::Output;
use super::refusal::{Exit, Refusal};

/// What a project consists of: files, each with its text.
const FILES: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("../../project/manifest.toml")),
    ("src/main.rs", include_str!("../../project/main.rs")),
    ("workflow.toml", include_str!("../../project/workflow.toml")),
    ("README.md", include_str!("../../project/README.md")),
    (".gitignore", include_str!("../../project/gitignore")),
];

/// Names that Cargo takes for no program: they are words of Rust, or mean something else to Cargo.
#[rustfmt::skip]
const RESERVED: [&str; 62] = [
    "_", "abstract", "alloc", "as", "async", "await", "become", "box", "break", "build", "const", "continue", "core",
    "crate", "deps", "do", "dyn", "else", "enum", "examples", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "incremental", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "proc-macro", "pub",
    "ref", "return", "self", "static", "std", "struct", "super", "test", "trait", "true", "try", "type", "typeof", "unsafe",
    "unsized", "use", "virtual", "where", "while", "workflow-runtime", "yield",
];

/// How long a name may be, as crates.io has it.
const LONGEST: usize = 64;

/// What was made.
#[derive(Serialize)]
struct Made<'a> {
    name: &'a str,
    folder: PathBuf,
    files: Vec<&'a str>,
}

/// Makes a project in a folder that is empty, or not there yet.
pub(super) fn init(folder: &Path, name: Option<String>, output: &mut Output<'_>) -> Result<Exit, Refusal> {
    let name = name.map_or_else(|| name_of(folder), Ok)?;
    check_name(&name)?;
    check_folder(folder)?;
    let source = source(Path::new(env!("CARGO_MANIFEST_DIR")));
    for (file, text) in FILES {
        let text = text.replace("{{name}}", &name).replace("{{source}}", &source);
        let path = folder.join(file);
        write(&path, &text).map_err(|error| {
            Refusal::new(Exit::Failed, format!("{}: cannot be written: {error}", path.display()))
        })?;
    }
    let files = FILES.iter().map(|(file, _)| *file).collect();
    let made = Made { name: &name, folder: folder.to_owned(), files };
    output.show(&made, |output| {
        output.line(format!("{name} is in {}. Go there, and", folder.display()))?;
        output.columns(
            &[
                ["  cargo run -- run Welcome --input '{\"names\": [\"Ada\", \"Bob\"]}'", "runs its workflow"],
                ["  cargo run -- jobs", "tells what became of it"],
                ["  cargo test", "tests it"],
            ]
            .map(|row| row.map(str::to_owned)),
        )
    })?;
    Ok(Exit::Done)
}

/// The name of what is in a folder: the folder's own.
fn name_of(folder: &Path) -> Result<String, Refusal> {
    let real = if folder.file_name().is_some() { None } else { fs::canonicalize(folder).ok() };
    match real.as_deref().unwrap_or(folder).file_name() {
        Some(name) => Ok(name.to_string_lossy().into_owned()),
        None => {
            let message =
                format!("{} has no name that a program could have: give it one by --name", folder.display());
            Err(Refusal::new(Exit::Misused, message))
        }
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if is_fine(name) {
        return Ok(());
    }
    let cure = match nearest(name) {
        Some(near) => format!("; `--name {near}` would do"),
        None => String::new(),
    };
    let message = format!(
        "a program cannot be called `{name}`: Cargo wants letters, digits, `-` and `_`, a letter first, {LONGEST} at most, and \
         no word of Rust{cure}"
    );
    Err(Refusal::new(Exit::Misused, message))
}

fn is_fine(name: &str) -> bool {
    let begins_well = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    begins_well
        && name.len() <= LONGEST
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
        && !RESERVED.contains(&name)
}

/// The name that is most like one that will not do.
fn nearest(name: &str) -> Option<String> {
    let parts = name.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let mut near = parts.join("-").to_ascii_lowercase();
    near.truncate(LONGEST - "-program".len());
    if RESERVED.contains(&&*near) {
        near.push_str("-program");
    } else if near.starts_with(|letter: char| letter.is_ascii_digit()) {
        near.insert_str(0, "program-");
    }
    is_fine(&near).then_some(near)
}

/// Nothing is there that could be overwritten.
fn check_folder(folder: &Path) -> Result<(), Refusal> {
    let what = match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(false) => return Ok(()),
        Ok(true) => "is not empty",
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => "is no folder",
        Err(error) => {
            return Err(Refusal::new(Exit::Failed, format!("{}: cannot be read: {error}", folder.display())));
        }
    };
    let message =
        format!("{} {what}: name a folder that is not there yet, or an empty one", folder.display());
    Err(Refusal::new(Exit::Conflict, message))
}

/// Where the project finds this crate: beside itself, if it was built from a checkout, by its version otherwise.
fn source(this: &Path) -> String {
    match this.to_str().filter(|_| this.join("../workflow-macros/Cargo.toml").is_file()) {
        // A text is written in TOML as it is in JSON.
        Some(path) => format!("path = {}", Json::from(path)),
        None => format!("version = \"{}\"", env!("CARGO_PKG_VERSION")),
    }
}

/// Writes a file that is not there yet.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create_new(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_will_not_do_have_one_beside_them_that_does() {
        for name in ["shop", "my-service", "my_service", "Shop2", "_x"] {
            assert!(is_fine(name), "{name}");
        }
        for (name, near) in [
            ("My Service!", Some("my-service")),
            ("2nd", Some("program-2nd")),
            ("match", Some("match-program")),
            ("workflow-runtime", Some("workflow-runtime-program")),
            ("-", None),
            ("", None),
            ("寿司", None),
        ] {
            assert!(!is_fine(name), "{name}");
            assert_eq!(nearest(name).as_deref(), near, "{name}");
        }
        assert!(nearest(&"x".repeat(100)).is_some_and(|near| is_fine(&near)));
        assert!(RESERVED.iter().all(|name| name == &"_" || nearest(name).is_some_and(|near| is_fine(&near))));
    }

    #[test]
    fn what_is_built_from_no_checkout_is_found_by_its_version() {
        assert_eq!(source(Path::new("/nowhere")), format!("version = \"{}\"", env!("CARGO_PKG_VERSION")));
    }
}
