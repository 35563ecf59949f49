//! Texts, until they are vectors.

#[cfg(feature = "embedding-local")]
use std::sync::Arc;

use workflow_runtime::{AgentError, TaskContext};

use super::asked::Embed;
use super::batch::batches;
use super::embedder::{Embedder, Place};
use super::endpoint::Line;
#[cfg(feature = "embedding-local")]
use super::folder::Folder;
use super::key::Key;
use super::made::{Making, Vectors};
use super::table::Embedders;
#[cfg(feature = "embedding-local")]
use crate::aside::{Aside, Brake};
use crate::held::{as_its_role_may, held};
use crate::policy::{Limits, Policy};

/// How many bytes of text a server is given together.
const BYTES: usize = 256 << 10;

impl Embed {
    /// Makes the vectors, as the role of the attempt's step may: what the agent [`embed`](crate::embed) does, for agents of your own.
    ///
    /// # Errors
    /// When the policy refuses it, or when the model does not answer as it should.
    pub async fn make(
        &self,
        context: &TaskContext,
        policy: &Policy,
        embedders: &Embedders,
    ) -> Result<Vectors, AgentError> {
        let limits = policy
            .decide(context, "embed", |permit| {
                permit.model(&self.model)?;
                Ok(permit.limits(self.limits))
            })
            .await?;
        embedders.check(&self.model, &self.texts)?;
        let embedder = embedders.get(&self.model)?;
        let making = Making::new(self.expected(embedder)?, limits.output.unwrap_or(u64::MAX));
        making.room(self.texts.len())?;
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(AgentError::permanent(
                "a model needs tokio, which does not run here; in a test, put something else in its place",
            ));
        }
        let asking = Asking { embed: self, context, embedders, embedder, limits };
        asking.all(making).await.map_err(|error| named(&self.model, error))
    }

    /// How many numbers each vector is to have, as far as anybody has said it.
    fn expected(&self, embedder: &Embedder) -> Result<Option<usize>, AgentError> {
        match (self.dimension, embedder.dimension) {
            (Some(asked), Some(known)) if asked != known => Err(AgentError::permanent(format!(
                "vectors of {asked} numbers are asked for, and those of the model `{}` have {known}",
                self.model
            ))),
            (asked, known) => Ok(asked.or(known).map(|numbers| numbers as usize)),
        }
    }
}

/// Texts whose vectors are being made.
struct Asking<'a> {
    embed: &'a Embed,
    context: &'a TaskContext,
    embedders: &'a Embedders,
    embedder: &'a Embedder,
    limits: Limits,
}

impl Asking<'_> {
    async fn all(&self, making: Making) -> Result<Vectors, AgentError> {
        match &self.embedder.place {
            Place::Endpoint(endpoint) => {
                let key = Key::of(endpoint.key.as_deref())?;
                let line = Line { endpoint, client: self.embedders.client()?, key, context: self.context };
                self.in_time(self.asked(&line, making)).await
            }
            #[cfg(feature = "embedding-local")]
            Place::Folder(folder) => self.here(folder, making).await,
        }
    }

    /// Asks a server for one batch after the other.
    async fn asked(&self, line: &Line<'_>, mut making: Making) -> Result<Vectors, AgentError> {
        for batch in batches(&self.embed.texts, self.embedder.batch, BYTES) {
            let texts = &self.embed.texts[batch.clone()];
            let (vectors, tokens) = line.ask(texts, &making).await?;
            // What it cost, it cost whatever the vectors are.
            making.bill(self.embedder.cost(tokens), tokens, self.context);
            making.add(vectors)?;
            tell(self.context, batch.end, self.embed.texts.len());
        }
        Ok(making.done(&self.embed.model))
    }

    /// Has one batch after the other made by a model of this machine.
    #[cfg(feature = "embedding-local")]
    async fn here(&self, folder: &Arc<Folder>, mut making: Making) -> Result<Vectors, AgentError> {
        let (folder, texts, context) = (Arc::clone(folder), self.embed.texts.clone(), self.context.clone());
        let (embedder, name) = (self.embedder.clone(), self.embed.model.clone());
        let aside = Aside { name: "model", time: self.limits.time(), also: || {} };
        let work = move |brake: &Arc<Brake>| {
            for batch in batches(&texts, embedder.batch, usize::MAX) {
                let made = folder.vectors(&texts[batch.clone()], || brake.is_pulled());
                let Some((vectors, tokens)) = made.map_err(AgentError::permanent)? else {
                    return Err(AgentError::retry("the model was ended"));
                };
                making.bill(embedder.cost(tokens), tokens, &context);
                making.add(vectors)?;
                tell(&context, batch.end, texts.len());
            }
            Ok(making.done(&name))
        };
        aside.run(self.context, work).await
    }

    /// Does it, unless it takes too long, or is to stop.
    async fn in_time(
        &self,
        work: impl Future<Output = Result<Vectors, AgentError>>,
    ) -> Result<Vectors, AgentError> {
        held(self.context, &self.limits, work, as_its_role_may).await
    }
}

/// Says how many texts are done.
#[expect(clippy::cast_precision_loss, reason = "a share of so many need not be exact")]
fn tell(context: &TaskContext, done: usize, all: usize) {
    context.progress(done as f64 / all.max(1) as f64, &format!("{done} of {all} texts"));
}

/// An error, with the name of the model that it is about.
fn named(model: &str, error: AgentError) -> AgentError {
    use workflow_runtime::Advice;

    let told = format!("the model `{model}`: {error}");
    match error.advice() {
        Advice::RetryAfter(time) => AgentError::retry_after(time, told),
        Advice::Retry => AgentError::retry(told),
        _ => AgentError::permanent(told),
    }
}
