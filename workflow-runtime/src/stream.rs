//! Streams: what happens to all jobs, to one, and how far it is.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::engine::{Engine, Event, Job, Progress, What};
use crate::timestamp::Timestamp;

type Received = (Result<Event, RecvError>, Receiver<Event>);

/// What happens to all jobs, as a stream.
pub struct Events {
    /// Not held: the stream ends with the runtime.
    engine: Weak<Engine>,
    next: Pin<Box<dyn Future<Output = Received> + Send + Sync>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Events")
    }
}

async fn receive(mut from: Receiver<Event>) -> Received {
    (from.recv().await, from)
}

impl Events {
    pub(crate) fn new(engine: &Arc<Engine>) -> Self {
        Self { engine: Arc::downgrade(engine), next: Box::pin(receive(engine.watch.subscribe())) }
    }

    fn poll_received(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        match self.engine.upgrade() {
            Some(engine) => engine.poll(context, |context| match self.next.as_mut().poll(context) {
                Poll::Ready(received) => Some(received),
                Poll::Pending => None,
            }),
            None => self.next.as_mut().poll(context),
        }
    }

    /// The next event; `None` when the runtime is gone.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let Poll::Ready((received, from)) = self.poll_received(context) else { return Poll::Pending };
        self.next = Box::pin(receive(from));
        Poll::Ready(match received {
            Ok(event) => Some(event),
            Err(RecvError::Closed) => None,
            Err(RecvError::Lagged(missed)) => {
                self.engine.upgrade().inspect(|engine| engine.watch.miss(missed));
                Some(Event::missed(missed))
            }
        })
    }
}

/// What happens to one job, from its first record to its last, as a stream.
#[derive(Debug)]
pub struct JobEvents {
    engine: Arc<Engine>,
    job: Arc<Job>,
    seen: usize,
}

impl JobEvents {
    pub(crate) fn new(engine: Arc<Engine>, job: Arc<Job>) -> Self {
        Self { engine, job, seen: 0 }
    }

    /// The next event; `None` when the job is over and all of them were read.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for JobEvents {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let seen = self.seen;
        let polled = self.engine.poll(context, |context| match seen.checked_sub(1) {
            None => Some(Some((self.engine.first_record(&self.job), None))),
            Some(seen) => self.job.poll_record(seen, context.waker()),
        });
        let Poll::Ready(next) = polled else { return Poll::Pending };
        Poll::Ready(next.map(|(record, step)| {
            self.seen += 1;
            let (at, job, name) = (record.at, self.job.id, self.engine.name_of(&self.job));
            Event { at, job, name, step: step.map(Arc::from), what: What::Fact(record.fact) }
        }))
    }
}

/// How far a job is, as a stream of the last word.
#[derive(Debug)]
pub struct ProgressStream {
    engine: Arc<Engine>,
    job: Arc<Job>,
    seen: u64,
}

impl ProgressStream {
    pub(crate) fn new(engine: Arc<Engine>, job: Arc<Job>) -> Self {
        Self { engine, job, seen: 0 }
    }

    /// The next word; `None` when the job is over.
    pub async fn next(&mut self) -> Option<Progress> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for ProgressStream {
    type Item = Progress;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Progress>> {
        let (engine, job) = (Arc::clone(&self.engine), Arc::clone(&self.job));
        engine.poll(context, |context| job.poll_progress(&mut self.seen, context.waker()))
    }
}

impl Event {
    fn missed(events: u64) -> Self {
        Self {
            at: Timestamp::now(),
            job: crate::job_id::JobId::from_u128(0),
            name: Arc::from(""),
            step: None,
            what: What::Missed(events),
        }
    }
}
