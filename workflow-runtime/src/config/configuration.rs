//! A configuration: what was read from wherever, one above the other.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::environment;
use super::given::Item;
use super::mistake::{Mistake, Mistakes};
use super::origin::Origin;
use super::read;
use super::resolve;
use super::settings::Settings;
use crate::registry::Registry;

/// The variable that names the file.
const FILE: &str = "WORKFLOW_CONFIG";

/// The file that is read if no other is named.
const DEFAULT_FILE: &str = "workflow.toml";

/// What an operator changes without a rebuild: of agents, workflows, queues, schedules and the runtime itself.
///
/// It is read from TOML and from the environment, and checked when a runtime is made of it:
/// [`configuration`](crate::RuntimeBuilder::configuration). All that can be set is listed [here](crate::configuration).
///
/// ```
/// use workflow_runtime::{Configuration, Registry};
///
/// let configuration = Configuration::from_toml("[queues.llm]\nconcurrency = 8\n", "workflow.toml")?;
/// let settings = configuration.check(&Registry::builder().build()?)?;
/// assert_eq!(settings.to_string(), "[queues.llm]\nconcurrency = 8\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "it is taken over by `RuntimeBuilder::configuration`"]
pub struct Configuration {
    /// What is set; of two layers, the later one is above.
    pub(super) layers: Vec<Vec<Item>>,
    /// What is wrong already, and is told with the rest.
    pub(super) mistakes: Vec<Mistake>,
}

impl Configuration {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a text, which messages call by a name.
    ///
    /// # Errors
    /// When it is not TOML: all places where it is not.
    pub fn from_toml(text: &str, name: &str) -> Result<Self, Mistakes> {
        Self::of_text(text, name).so_far()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, and when it is not TOML: all places where it is not.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Mistakes> {
        Self::of_file(path.as_ref()).so_far()
    }

    /// Reads the environment: every variable whose name begins with `WORKFLOW_` and has a `__` in it.
    ///
    /// # Errors
    /// When a value is no text.
    pub fn from_env() -> Result<Self, Mistakes> {
        Self::from_variables(env::vars_os())
    }

    /// The same for variables that are given.
    ///
    /// # Errors
    /// When a value is no text.
    pub fn from_variables<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Mistakes> {
        Self::of_variables(variables.into_iter().map(|(name, value)| (name.into(), value.into()))).so_far()
    }

    /// Reads what the command line reads: the file that `WORKFLOW_CONFIG` names, or else `workflow.toml` where the program
    /// was started, if it is there; and above it the environment.
    ///
    /// # Errors
    /// When the file that is named cannot be read, and when something is not TOML, or no text.
    pub fn load() -> Result<Self, Mistakes> {
        Self::found().so_far()
    }

    /// The same, with what is wrong told when it is used.
    pub(crate) fn found() -> Self {
        let named = env::var_os(FILE).filter(|name| !name.is_empty());
        let is_there = || Path::new(DEFAULT_FILE).exists();
        let path = named.or_else(|| is_there().then(|| OsString::from(DEFAULT_FILE)));
        let file = path.map(|path| Self::of_file(Path::new(&path))).unwrap_or_default();
        file.with(Self::of_variables(env::vars_os()))
    }

    /// This one, with another above it: what both set is as the other says.
    pub fn with(mut self, above: Self) -> Self {
        self.layers.extend(above.layers);
        self.mistakes.extend(above.mistakes);
        self
    }

    /// What it says to these agents and workflows.
    ///
    /// # Errors
    /// When something of it is not right: all of it at once.
    pub fn check(&self, registry: &Registry) -> Result<Settings, Mistakes> {
        resolve::resolve(self, registry, &[])
    }

    fn of_text(text: &str, name: &str) -> Self {
        let (items, mistakes) = read::read(text, name);
        Self { layers: vec![items], mistakes }
    }

    fn of_file(path: &Path) -> Self {
        let name = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => Self::of_text(&text, &name),
            Err(error) => {
                let problem = format!("it cannot be read: {error}");
                Self { layers: Vec::new(), mistakes: vec![Mistake::new(&Origin::whole(&name), problem)] }
            }
        }
    }

    fn of_variables(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let (items, mistakes) = environment::read(variables);
        Self { layers: vec![items], mistakes }
    }

    fn so_far(self) -> Result<Self, Mistakes> {
        Mistakes::check(self.mistakes.clone()).map(|()| self)
    }
}
