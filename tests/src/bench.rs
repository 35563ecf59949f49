//! What benches share: projects that are written, built and run beside this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A crate of its own that depends on `workflow-runtime`, built with the dependencies of this workspace.
pub struct Project {
    name: String,
    folder: PathBuf,
    target: PathBuf,
    source: PathBuf,
    text: String,
}

impl Project {
    /// Writes a crate of one file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn new(name: &str, file: &str, text: &str) -> Self {
        Self::with(name, file, text, "")
    }

    /// The same; how it depends on it is said in the words of a manifest, such as `features = ["cli"]`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn with(name: &str, file: &str, text: &str, how: &str) -> Self {
        Self::of(name, file, text, &[("workflow-runtime", how)])
    }

    /// The same for one that depends on these crates of ours, each as it is said.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn of(name: &str, file: &str, text: &str, crates: &[(&str, &str)]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let root = root.canonicalize().expect("the workspace is there");
        let base = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), PathBuf::from)
            .join("bench");
        let folder = base.join(name);
        let source = folder.join("src").join(file);
        fs::create_dir_all(folder.join("src")).expect("the folder can be made");
        let crates = crates.iter().map(|(own, how)| {
            let between = if how.is_empty() { "" } else { ", " };
            format!("{own} = {{ path = {:?}{between}{how} }}\n", root.join(own))
        });
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{}",
            crates.collect::<String>()
        );
        fs::write(folder.join("Cargo.toml"), manifest).expect("the manifest can be written");
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file can be copied");
        fs::write(&source, text).expect("the source can be written");
        Self { name: name.to_owned(), folder, target: base.join("target"), source, text: text.to_owned() }
    }

    /// Makes the next build build the crate again.
    ///
    /// # Panics
    /// When the source cannot be written.
    pub fn touch(&self) {
        fs::write(&self.source, &self.text).expect("the source can be written");
    }

    /// Builds into a folder of its own, where nothing is built yet.
    ///
    /// # Panics
    /// When what is there cannot be removed.
    pub fn make_cold(&mut self) {
        self.target = self.folder.join("target");
        if self.target.exists() {
            fs::remove_dir_all(&self.target).expect("what was built can be removed");
        }
    }

    /// Runs cargo in the project, as in `"build --release"`; gives what it says.
    ///
    /// # Panics
    /// When it fails.
    pub fn cargo(&self, command: &str) -> String {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .current_dir(&self.folder)
            .args(command.split(' '))
            .env("CARGO_TARGET_DIR", &self.target)
            .output()
            .expect("cargo can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs the program that a release build made, and gives what it says.
    ///
    /// # Panics
    /// When it fails.
    pub fn run_release(&self) -> String {
        let program =
            self.target.join("release").join(&self.name).with_extension(std::env::consts::EXE_EXTENSION);
        let output = Command::new(program).output().expect("the program can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// The middle one.
///
/// # Panics
/// When there is none.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
