//! A model that makes vectors.

#[cfg(feature = "embedding-local")]
use std::path::PathBuf;
#[cfg(feature = "embedding-local")]
use std::sync::Arc;
use std::time::Duration;

use super::endpoint::Endpoint;
#[cfg(feature = "embedding-local")]
use super::folder::Folder;

/// For how long a server may say nothing, unless it is said otherwise.
const SILENCE: Duration = Duration::from_secs(30);

/// How many texts are asked together, unless it is said otherwise.
const BATCH: usize = 64;

/// How many are reckoned with together: what that takes of memory grows with them.
#[cfg(feature = "embedding-local")]
const BATCH_HERE: usize = 16;

/// How long a text may be, unless it is said otherwise: about 8,000 tokens.
const LONGEST: usize = 32 << 10;

/// A model that makes vectors of texts: where it is, and what of it is known.
#[derive(Debug, Clone)]
pub struct Embedder {
    pub(super) place: Place,
    /// How many numbers its vectors have.
    pub(super) dimension: Option<u32>,
    /// How many texts it is given together.
    pub(super) batch: usize,
    /// How long a text may be, in bytes.
    pub(super) longest: usize,
    /// In cents for a million tokens.
    pub(super) cents: f64,
}

/// Where a model is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A server has it.
    Endpoint(Endpoint),
    /// A folder of this machine has it.
    #[cfg(feature = "embedding-local")]
    Folder(Arc<Folder>),
}

impl Embedder {
    /// A model of whoever speaks as OpenAI does, where it is, as far as that is the same for all that it is asked, without a key:
    /// `http://localhost:11434/v1/`, and what it is called there.
    pub fn compatible(endpoint: impl Into<String>, name: impl Into<String>) -> Self {
        let mut url = endpoint.into();
        if !url.ends_with('/') {
            url.push('/');
        }
        let endpoint = Endpoint { url, name: name.into(), key: None, silence: SILENCE, shortened: false };
        Self::at(Place::Endpoint(endpoint), BATCH)
    }

    /// A model of this machine: a folder with `config.json`, `tokenizer.json` and `model.safetensors`, of the kind of BERT. It is
    /// loaded when it is first asked, and kept.
    #[cfg(feature = "embedding-local")]
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::Folder(Arc::new(Folder::new(path.into()))), BATCH_HERE)
    }

    fn at(place: Place, batch: usize) -> Self {
        Self { place, dimension: None, batch, longest: LONGEST, cents: 0.0 }
    }

    /// Sets the variable of the environment that has its key. What is in it is read when the model is asked, and kept nowhere.
    #[must_use]
    pub fn key(mut self, variable: impl Into<String>) -> Self {
        if let Some(endpoint) = self.endpoint() {
            endpoint.key = Some(variable.into());
        }
        self
    }

    /// Sets how many numbers its vectors have: others are an error.
    #[must_use]
    pub fn dimension(mut self, numbers: u32) -> Self {
        self.dimension = Some(numbers);
        self
    }

    /// Sets how many numbers its vectors are to have, and asks the server to shorten them to that: some models can.
    #[must_use]
    pub fn shortened(mut self, numbers: u32) -> Self {
        if let Some(endpoint) = self.endpoint() {
            endpoint.shortened = true;
        }
        self.dimension(numbers)
    }

    /// Sets how many texts it is given together: 64, or 16 if it is of this machine, unless this is said.
    #[must_use]
    pub fn batch(mut self, texts: usize) -> Self {
        self.batch = texts.max(1);
        self
    }

    /// Sets how long a text may be, in bytes: 32 KiB unless this is said.
    #[must_use]
    pub fn longest(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    /// Sets what a million tokens cost, in cents.
    #[must_use]
    pub fn cents(mut self, cents: f64) -> Self {
        self.cents = cents;
        self
    }

    /// Sets for how long a server may say nothing before it is given up: 30 seconds, unless this is said.
    #[must_use]
    pub fn silence(mut self, time: Duration) -> Self {
        if let Some(endpoint) = self.endpoint() {
            endpoint.silence = time;
        }
        self
    }

    /// What is wrong with where it is.
    pub(super) fn misplaced(&self) -> Option<String> {
        match &self.place {
            Place::Endpoint(endpoint) => endpoint.place().err(),
            #[cfg(feature = "embedding-local")]
            Place::Folder(_) => None,
        }
    }

    fn endpoint(&mut self) -> Option<&mut Endpoint> {
        match &mut self.place {
            Place::Endpoint(endpoint) => Some(endpoint),
            #[cfg(feature = "embedding-local")]
            Place::Folder(_) => None,
        }
    }

    /// What so many tokens cost, in cents.
    #[expect(clippy::cast_precision_loss, reason = "nobody pays for so many")]
    pub(super) fn cost(&self, tokens: u64) -> f64 {
        tokens as f64 * self.cents / 1_000_000.0
    }
}
