//! Which models make vectors.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use reqwest::Client;
use workflow_runtime::AgentError;

use super::client::client;
use super::embedder::Embedder;
use super::read::read;
use crate::policy::Mistakes;

/// The models that make vectors, by the names that a program calls them. A runtime that asks some is given them, by
/// `.state(embedders)`.
///
/// ```
/// use workflow_agents::vectors::{Embedder, Embedders};
///
/// let small = Embedder::compatible("https://api.openai.com/v1/", "text-embedding-3-small");
/// let embedders = Embedders::new()
///     .with("small", small.key("OPENAI_API_KEY").dimension(1536).cents(2.0))
///     .with("own", Embedder::compatible("http://localhost:11434/v1/", "nomic-embed-text"));
/// assert_eq!(embedders.names().collect::<Vec<_>>(), ["own", "small"]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Embedders {
    all: Arc<BTreeMap<String, Embedder>>,
    client: Arc<OnceLock<Client>>,
}

impl Embedders {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a model, or puts it in the place of one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, embedder: Embedder) -> Self {
        Arc::make_mut(&mut self.all).insert(name.into(), embedder);
        self
    }

    /// Adds what a file of TOML says. Folders in it that are not absolute are those beside the file.
    ///
    /// ```toml
    /// [embedders.small]
    /// endpoint = "https://api.openai.com/v1/"
    /// name = "text-embedding-3-small"
    /// key = "OPENAI_API_KEY"       # the variable that has it
    /// dimension = 1536
    /// cents = 2.0                  # for a million tokens
    ///
    /// [embedders.minilm]           # with the feature `embedding-local`
    /// folder = "models/minilm"
    /// batch = 16
    /// ```
    ///
    /// # Errors
    /// All that is wrong with it, each at its line and column.
    pub fn load(&self, file: impl AsRef<Path>) -> Result<Self, Mistakes> {
        let file = file.as_ref();
        let text = std::fs::read_to_string(file).map_err(|error| Mistakes::of_file(file, &error))?;
        let beside = file.parent().unwrap_or(Path::new(""));
        read(&text, &file.display().to_string(), beside, self)
    }

    /// Adds what a text of TOML says, as [`load`](Self::load) does; folders in it are as they are written.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(&self, text: &str, name: &str) -> Result<Self, Mistakes> {
        read(text, name, Path::new(""), self)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(String::as_str)
    }

    /// The model of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<&Embedder, AgentError> {
        self.all.get(name).ok_or_else(|| {
            let near = workflow_graph::nearest(name, self.names());
            let cure = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", self.names().collect::<Vec<_>>().join(", ")),
            };
            AgentError::permanent(format!("there is no model `{name}` in the table of embedders; {cure}"))
        })
    }

    /// Whether vectors can be made of these texts by a model of the table; it is not asked for that.
    ///
    /// # Errors
    /// When there is no such model, or no text, or one with nothing in it, or one that is too long.
    pub fn check(&self, model: &str, texts: &[String]) -> Result<(), AgentError> {
        let longest = self.get(model)?.longest;
        if texts.is_empty() {
            return Err(AgentError::permanent("there is no text to make a vector of; give one"));
        }
        for (text, number) in texts.iter().zip(1..) {
            if text.trim().is_empty() {
                return Err(AgentError::permanent(format!("text {number} is empty; leave it out")));
            }
            if text.len() > longest {
                return Err(AgentError::permanent(format!(
                    "text {number} has {} bytes, and the model `{model}` takes {longest} at most; make parts of it, or raise `longest`",
                    text.len()
                )));
            }
        }
        Ok(())
    }

    /// The client by which servers are asked.
    ///
    /// # Errors
    /// When none can be made.
    pub(super) fn client(&self) -> Result<&Client, AgentError> {
        if let Some(made) = self.client.get() {
            return Ok(made);
        }
        let made =
            client().map_err(|error| AgentError::permanent(format!("no client can be made: {error}")))?;
        Ok(self.client.get_or_init(|| made))
    }
}
