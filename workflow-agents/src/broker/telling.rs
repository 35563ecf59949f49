//! How it is told what becomes of jobs.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use futures_util::{StreamExt, future, stream};
use tokio::sync::{Notify, mpsc};
use workflow_runtime::store::Head;
use workflow_runtime::{Event, Events, JobFilter, JobId, Runtime, Timestamp, What};

use super::error::NatsError;
use super::news::News;
use super::outlet::Outlet;
use super::stop::Stopped;

/// How much of what has happened may wait to be told, and how much of it is told at once.
const ROOM: usize = 65_536;
const AT_ONCE: usize = 256;

/// How many jobs are looked at together.
const PAGE: usize = 500;

/// How long to wait before it is told again, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// For how long what waits is still told when it is to end. The rest is told when it begins again.
const REST: Duration = Duration::from_secs(5);

/// What becomes of a runtime's jobs, on its way to a stream.
#[derive(Debug)]
pub(super) struct Telling {
    runtime: Runtime,
    context: Context,
    outlet: Outlet,
    events: Events,
}

impl Telling {
    /// Listens from now on.
    ///
    /// # Errors
    /// When no stream keeps what is told.
    pub(super) async fn begin(
        runtime: &Runtime,
        context: &Context,
        outlet: Outlet,
    ) -> Result<Self, NatsError> {
        let prefix = &outlet.prefix;
        let not_kept = |cause| NatsError::NotKept { subject: format!("{prefix}.>"), cause };
        if prefix.contains(['*', '>']) {
            return Err(not_kept("nothing can be sent to a wildcard".into()));
        }
        let found = context.stream_by_subject(format!("{prefix}.NAME.submitted.JOB")).await;
        found.map_err(|cause| not_kept(cause.into()))?;
        Ok(Self { runtime: runtime.clone(), context: context.clone(), outlet, events: runtime.events() })
    }

    /// Tells what happens until it is stopped, and what has happened before, whatever becomes of the server meanwhile.
    pub(super) async fn run(self, stop: Stopped) {
        let Self { runtime, context, outlet, events } = self;
        let (kept, waiting) = mpsc::channel(ROOM);
        let missed = Notify::new();
        // Somebody may have died before he told it.
        missed.notify_one();
        let teller = Teller { runtime, context, outlet };
        let all = future::join3(
            hear(events, kept, &missed, &stop),
            teller.tell_all(waiting),
            teller.look_back(&missed, &stop),
        );
        tokio::select! {
            _ = all => {}
            () = async { stop.told().await; tokio::time::sleep(REST).await } => {}
        }
    }
}

/// Keeps what is to be told, so that the runtime need not wait for a server.
async fn hear(mut events: Events, kept: mpsc::Sender<News>, missed: &Notify, stop: &Stopped) {
    let mut heard = Heard::default();
    loop {
        // What has happened before it is to end is heard, too.
        let event = tokio::select! {
            biased;
            event = events.next() => event,
            () = stop.told() => return,
        };
        let Some(event) = event else { return };
        let is_missed = matches!(event.what, What::Missed(_));
        if is_missed || !heard.news(&event).all(|news| kept.try_send(news).is_ok()) {
            missed.notify_one();
        }
    }
}

/// Of which jobs it was heard that they were submitted. Of others it was not: they have come from another process, or in a
/// transaction of the user's.
#[derive(Debug, Default)]
struct Heard(HashSet<JobId>);

impl Heard {
    /// What an event says, and what nobody has said before.
    fn news(&mut self, event: &Event) -> impl Iterator<Item = News> {
        let news = News::of(event);
        let first = news.as_ref().filter(|news| self.is_new(news)).map(News::first);
        first.into_iter().chain(news)
    }

    /// Whether it is the first that is heard of a job, though it should not be.
    fn is_new(&mut self, news: &News) -> bool {
        if self.0.len() >= ROOM {
            // Some of them go on elsewhere. What is told once more than needed is dropped by the stream.
            self.0.clear();
        }
        let was_heard = if news.is_last() { self.0.remove(&news.job()) } else { !self.0.insert(news.job()) };
        !was_heard && !news.is_first()
    }
}

/// Tells one stream.
struct Teller {
    runtime: Runtime,
    context: Context,
    outlet: Outlet,
}

impl Teller {
    async fn tell_all(&self, waiting: mpsc::Receiver<News>) {
        let waiting = stream::unfold(waiting, |mut waiting| async { Some((waiting.recv().await?, waiting)) });
        waiting.for_each_concurrent(AT_ONCE, |news| self.tell(news)).await;
    }

    /// Tells what has been missed, as often as that is said, until it is stopped.
    async fn look_back(&self, missed: &Notify, stop: &Stopped) {
        loop {
            tokio::select! {
                () = missed.notified() => {}
                () = stop.told() => return,
            }
            tokio::select! {
                () = self.tell_since() => {}
                () = stop.told() => return,
            }
        }
    }

    /// Tells of all jobs that were accepted not too long ago.
    async fn tell_since(&self) {
        let since = Timestamp::now() - self.outlet.back;
        let mut last = None;
        loop {
            let heads = self.heads(since, last).await;
            let Some(head) = heads.last() else { return };
            last = Some(head.id);
            let news = stream::iter(heads.iter().flat_map(News::since));
            news.for_each_concurrent(AT_ONCE, |news| self.tell(news)).await;
        }
    }

    /// The next page of jobs.
    async fn heads(&self, since: Timestamp, last: Option<JobId>) -> Vec<Head> {
        loop {
            let filter = JobFilter::new().since(since).limit(PAGE);
            let filter = last.into_iter().fold(filter, JobFilter::after);
            match self.runtime.history(filter).await {
                Ok(heads) => return heads,
                Err(error) => {
                    tracing::warn!("what has become of jobs is looked at again in {:?}: {error}", PAUSES.1);
                }
            }
            tokio::time::sleep(PAUSES.1).await;
        }
    }

    /// Tells one thing, until the stream has it.
    async fn tell(&self, news: News) {
        let mut pause = PAUSES.0;
        while let Err(error) = self.told(&news).await {
            tracing::warn!("`{}` is told again in {pause:?}: {error}", news.id());
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Tells it once. There is one message of each subject, so what the stream has already it does not take again, however long ago
    /// that was.
    async fn told(&self, news: &News) -> Result<(), async_nats::Error> {
        let message = PublishMessage::build()
            .payload(news.cloud_event(&self.outlet.source).to_string().into())
            .header("Content-Type", "application/cloudevents+json")
            .message_id(news.id())
            .expected_last_subject_sequence(0);
        let sent = self.context.send_publish(news.subject(&self.outlet.prefix), message).await;
        let kept = match sent {
            Ok(answer) => answer.await,
            Err(error) => Err(error),
        };
        match kept {
            Err(error) if error.kind() != PublishErrorKind::WrongLastSequence => Err(error.into()),
            _ => Ok(()),
        }
    }
}
