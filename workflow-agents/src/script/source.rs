//! Where a script's text is, and that a job keeps the one that it began with.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use workflow_runtime::{AgentError, TaskContext};

use super::request::LONGEST;
use crate::regular::read;

/// Where a script is.
#[derive(Debug)]
pub(super) enum Source {
    Text(String),
    /// A file: where it is by the name that it was asked for, by which a job keeps it, and where the file system knows it.
    File {
        place: PathBuf,
        known: PathBuf,
    },
}

/// A script's text, and what it is called in errors.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) name: String,
    pub(super) text: String,
}

/// What a task keeps of a script for its next attempt.
#[derive(Serialize, Deserialize)]
struct Kept {
    script: String,
    text: String,
}

impl Source {
    /// The text: that of the task's earlier attempts, or that which the job has used in this process, or else what the file has now.
    pub(super) async fn text(self, context: &TaskContext) -> Result<Script, AgentError> {
        let (place, known) = match self {
            Self::Text(text) => return Ok(Script { name: "=script".to_owned(), text }),
            Self::File { place, known } => (place, known),
        };
        let script = place.to_string_lossy().into_owned();
        let name = format!("@{}", place.file_name().unwrap_or(place.as_os_str()).to_string_lossy());
        let kept = context.restored::<Kept>().ok().flatten().filter(|kept| kept.script == script);
        let is_kept = kept.is_some();
        let text = pinned(context, &script, known, kept.map(|kept| kept.text)).await?;
        let kept = Kept { script, text };
        if !is_kept {
            context.checkpoint(&kept).await?;
        }
        Ok(Script { name, text: kept.text })
    }
}

/// The text that a job uses; from now on it is that for all its steps here.
async fn pinned(
    context: &TaskContext,
    script: &str,
    known: PathBuf,
    kept: Option<String>,
) -> Result<String, AgentError> {
    let key = format!("lua script {script}");
    if let Some(text) = kept {
        if context.cached::<String>(&key).is_none() {
            context.cache(&key, &text)?;
        }
        return Ok(text);
    }
    if let Some(text) = context.cached(&key) {
        return Ok(text);
    }
    let own = context.clone();
    on_a_thread(move || first_read(&own, &key, &known)).await
}

/// Reads a file, if no other step of the job has done so meanwhile: two that begin at once use the same text.
fn first_read(context: &TaskContext, key: &str, known: &std::path::Path) -> Result<String, AgentError> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = context.cached(key) {
        return Ok(text);
    }
    let text = String::from_utf8(read(known, LONGEST)?)
        .map_err(|_| AgentError::permanent(format!("{} is no text; a script is UTF-8", known.display())))?;
    context.cache(key, &text)?;
    Ok(text)
}

/// Does what may take a while where that hurts nobody.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AgentError> + Send + 'static,
) -> Result<T, AgentError> {
    if Handle::try_current().is_err() {
        // Who runs it says so.
        return work();
    }
    let came = tokio::task::spawn_blocking(work).await;
    came.unwrap_or_else(|error| Err(AgentError::retry(format!("it was not read: {error}"))))
}
