//! An image that the engine has, or gets.

use std::time::{Duration, Instant};

use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use workflow_runtime::{AgentError, TaskContext};

use super::engine::{Engine, status};
use super::request::Pull;

/// How often it is told how far a pull is.
const TOLD: Duration = Duration::from_millis(100);

/// An image that the engine has.
#[derive(Debug)]
pub(super) struct Image {
    /// The engine's number for it: no other image has that, while a name may be another's tomorrow.
    pub(super) id: String,
    /// The folders that it wants to write to.
    pub(super) volumes: Vec<String>,
}

impl Image {
    /// The image of a name.
    ///
    /// # Errors
    /// When there is none, or when it cannot be got.
    pub(super) async fn get(
        engine: &Engine,
        name: &str,
        pull: Pull,
        context: &TaskContext,
    ) -> Result<Self, AgentError> {
        if pull != Pull::Always
            && let Some(image) = Self::find(engine, name).await?
        {
            return Ok(image);
        }
        if pull == Pull::Never {
            return Err(AgentError::permanent(format!(
                "the engine at {} has no image `{name}`, and it is not to be pulled; pull it there, or ask for it by `Pull::Missing`",
                engine.address
            )));
        }
        pulled(engine, name, context).await?;
        Self::find(engine, name).await?.ok_or_else(|| {
            AgentError::retry(format!("the image `{name}` was pulled, and yet the engine does not have it"))
        })
    }

    async fn find(engine: &Engine, name: &str) -> Result<Option<Self>, AgentError> {
        match engine.docker.inspect_image(name).await {
            Ok(image) => {
                let volumes = image.config.and_then(|config| config.volumes).unwrap_or_default();
                Ok(image.id.map(|id| Self { id, volumes }))
            }
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(engine.failure(&format!("say whether it has the image `{name}`"), &error)),
        }
    }
}

/// Has the engine pull an image; it is told how far that is.
async fn pulled(engine: &Engine, name: &str, context: &TaskContext) -> Result<(), AgentError> {
    let options = CreateImageOptionsBuilder::new().from_image(name).build();
    let mut steps = std::pin::pin!(engine.docker.create_image(Some(options), None, None));
    let mut told: Option<Instant> = None;
    while let Some(step) = steps.next().await {
        let step = step.map_err(|error| engine.failure(&format!("pull the image `{name}`"), &error))?;
        if told.is_none_or(|at| at.elapsed() >= TOLD) {
            context.progress(0.0, &format!("pulling {name}: {}", shown(&step)));
            told = Some(Instant::now());
        }
    }
    Ok(())
}

/// How far a pull is, in words.
fn shown(step: &CreateImageInfo) -> String {
    let layer = step.id.as_deref().map(|id| format!("{id} ")).unwrap_or_default();
    let total = step.progress_detail.as_ref().and_then(|detail| Some((detail.current?, detail.total?)));
    let part = total.filter(|(_, total)| *total > 0);
    let part = part.map(|(current, total)| format!(", {} %", current.saturating_mul(100) / total));
    format!("{layer}{}{}", step.status.as_deref().unwrap_or_default(), part.unwrap_or_default())
}
