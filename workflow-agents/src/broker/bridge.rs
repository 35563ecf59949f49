//! What of a runtime is reached by NATS.

use std::time::Duration;

use async_nats::jetstream;
use tokio::task::JoinSet;
use workflow_runtime::{Callable, Runtime};

use super::asked::{Asked, named, tagged};
use super::connection::Nats;
use super::error::NatsError;
use super::intake::Intake;
use super::outlet::Outlet;
use super::service;
use super::stop::Stop;
use super::taking::Taking;
use super::telling::Telling;

/// For how long JetStream may keep an answer back.
const ANSWER: Duration = Duration::from_secs(5);

#[doc = include_str!("../../doc/nats.md")]
#[derive(Debug)]
#[must_use = "nothing is reached before `start`"]
pub struct Bridge {
    runtime: Runtime,
    nats: Nats,
    names: Vec<String>,
    tags: Vec<String>,
    intakes: Vec<Intake>,
    outlets: Vec<Outlet>,
    prefix: String,
    group: String,
}

impl Bridge {
    /// One by which nothing is reached yet.
    pub fn new(runtime: &Runtime, nats: &Nats) -> Self {
        Self {
            runtime: runtime.clone(),
            nats: nats.clone(),
            names: Vec::new(),
            tags: Vec::new(),
            intakes: Vec::new(),
            outlets: Vec::new(),
            prefix: "workflow".to_owned(),
            group: "workflow".to_owned(),
        }
    }

    /// Makes an agent or a workflow a service, by its type: `.serve::<Greet>()`.
    pub fn serve<C: Callable>(self) -> Self {
        self.serve_named(C::NAME)
    }

    /// Makes an agent or a workflow a service, by its name.
    pub fn serve_named(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Makes all agents and workflows services that have a tag, and so ask for it themselves.
    pub fn serve_tagged(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Makes the messages of a stream jobs.
    pub fn take(mut self, intake: Intake) -> Self {
        self.intakes.push(intake);
        self
    }

    /// Tells a stream what becomes of jobs.
    pub fn tell(mut self, outlet: Outlet) -> Self {
        self.outlets.push(outlet);
        self
    }

    /// Sets what the subjects of services begin with: `workflow` unless this is said, so that `Greet` is asked at
    /// `workflow.Greet`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the queue group of the services: of all processes of one group, one is asked. It is `workflow` unless this is said.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = group.into();
        self
    }

    /// Starts it. What is asked from now on is answered, messages are taken, and what becomes of jobs is told.
    ///
    /// # Errors
    /// When there is nothing of a name, when a stream is not there, or when the server does not answer.
    pub async fn start(self) -> Result<Bridged, NatsError> {
        let asked = self.asked()?;
        let (stop, mut tasks) = (Stop::new(), JoinSet::new());
        let mut context = jetstream::new(self.nats.client.clone());
        context.set_timeout(ANSWER);
        let mut takings = Vec::new();
        for intake in self.intakes {
            named(self.runtime.registry(), &intake.name)?;
            let taking = Taking { runtime: self.runtime.clone(), context: context.clone(), intake };
            taking.consumer().await?;
            takings.push(taking);
        }
        let mut tellings = Vec::new();
        for outlet in self.outlets {
            tellings.push(Telling::begin(&self.runtime, &context, outlet).await?);
        }
        for one in asked {
            let (runtime, client) = (self.runtime.clone(), self.nats.client.clone());
            let begun = service::begin(runtime, client, one, &self.prefix, &self.group).await?;
            tasks.spawn(begun.serve(stop.listen()));
        }
        takings.into_iter().for_each(|taking| drop(tasks.spawn(taking.run(stop.listen()))));
        tellings.into_iter().for_each(|telling| drop(tasks.spawn(telling.run(stop.listen()))));
        // Who is told that it has started may count on it that the server knows.
        self.nats.is_read().await;
        Ok(Bridged { stop, tasks, nats: self.nats })
    }

    /// All that is to be a service, each once, in the order of names.
    fn asked(&self) -> Result<Vec<Asked>, NatsError> {
        let registry = self.runtime.registry();
        let mut asked: Vec<Asked> =
            self.names.iter().map(|name| named(registry, name)).collect::<Result<_, _>>()?;
        for tag in &self.tags {
            asked.extend(tagged(registry, tag)?);
        }
        asked.sort_by(|one, other| one.name.cmp(&other.name));
        asked.dedup_by(|one, other| one.name == other.name);
        Ok(asked)
    }
}

/// What is reached by NATS, as long as this is held. When it is dropped, nothing more is answered, taken or told, and what was
/// taken and not acknowledged comes again; jobs go on.
#[derive(Debug)]
pub struct Bridged {
    stop: Stop,
    tasks: JoinSet<()>,
    nats: Nats,
}

impl Bridged {
    /// Takes nothing more, and waits until what was taken is answered, and what has become of jobs is told. It is to be called before
    /// [`shutdown`](Runtime::shutdown), after which nobody would be answered any more.
    pub async fn stop(mut self) {
        self.stop.tell();
        while let Some(done) = self.tasks.join_next().await {
            if let Err(error) = done {
                tracing::error!("what is reached by NATS has ended early: {error}");
            }
        }
        self.nats.is_read().await;
    }
}
