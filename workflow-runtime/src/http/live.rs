//! What happens, as it happens: server-sent events. Each stream looks by itself at what there is, a few times in a second, and
//! only when the last thing that it told was taken: so a busy store owes it nothing, and who does not listen costs nothing.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use super::desk::Desk;
use super::endpoint::{Asked, Endpoint, Form};
use super::long::shorten;
use super::looking::{Nothing, no_job, records};
use super::places::{Queue, queues_of};
use super::trouble::{Kind, Trouble};
use crate::engine::Progress;
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::record::TaskId;
use crate::secret::Secrets;
use crate::store::Head;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// How often it is looked at a job.
const JOB: Duration = Duration::from_millis(200);

/// It is looked at a job in a store for this share of the time at most.
const SHARE: u32 = 10;

/// How long nothing is said at most: what stands between may think that nobody is there any more.
const SILENCE: Duration = Duration::from_secs(15);

/// How many records are told at once.
const AT_ONCE: usize = 500;

/// Where somebody stood who comes again.
const LAST: HeaderName = HeaderName::from_static("last-event-id");

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::raw::<Job, String, _, _>(
            Form::Events,
            "/api/jobs/{id}/events",
            "What happens to a job until it is over: `line`, `progress`, `head`, `over`",
            job,
        ),
        Endpoint::raw::<Nothing, String, _, _>(
            Form::Events,
            "/api/events",
            "Once a second at most, that something has changed: `change`",
            all,
        ),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Job {
    id: JobId,
    /// The records after the one of this number; the header `last-event-id` says the same.
    after: Option<usize>,
}

async fn job(asked: Asked<Job>) -> Result<Response, Trouble> {
    let Job { id, after } = asked.given;
    let last = asked.parts.headers.get(LAST).and_then(|last| last.to_str().ok()?.parse().ok());
    let first = last.or(after).map_or(0_usize, |after| after.saturating_add(1));
    let desk = asked.desk;
    if desk.behind.ask(move |store, _| store.read(id).map(|kept| kept.is_none())).await? {
        return Err(no_job(id));
    }
    listen(&desk, |desk, tell| follow(desk, id, first, tell))
}

async fn all(asked: Asked<Nothing>) -> Result<Response, Trouble> {
    listen(&asked.desk, watch)
}

/// One event, as it is written.
fn event(name: &str, id: Option<usize>, data: &impl Serialize) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    // JSON has no line breaks of its own.
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("{id}event: {name}\ndata: {data}\n\n"))
}

/// Where somebody listens.
struct Teller {
    to: mpsc::Sender<Bytes>,
    last: Instant,
}

/// Nobody listens any more.
struct Gone;

impl Teller {
    /// Waits until it is taken.
    async fn tell(&mut self, what: Bytes) -> Result<(), Gone> {
        self.last = Instant::now();
        self.to.send(what).await.map_err(|_| Gone)
    }

    /// Waits a while; says something if nothing was said for long.
    async fn pause(&mut self, time: Duration) -> Result<(), Gone> {
        tokio::select! {
            () = self.to.closed() => return Err(Gone),
            () = tokio::time::sleep(time) => {}
        }
        if self.last.elapsed() >= SILENCE {
            self.tell(Bytes::from_static(b": nothing has happened\n\n")).await?;
        }
        Ok(())
    }
}

/// A response that tells what a task says.
fn listen<F, T>(desk: &Arc<Desk>, task: F) -> Result<Response, Trouble>
where
    F: FnOnce(std::sync::Weak<Desk>, Teller) -> T,
    T: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let many = |_| Trouble::new(Kind::TooMany, "too many listen already; ask again later");
    let place = Arc::clone(&desk.listeners).try_acquire_owned().map_err(many)?;
    let (to, from) = mpsc::channel(1);
    let task = task(Arc::downgrade(desk), Teller { to, last: Instant::now() });
    tokio::spawn(async move {
        let _ = task.await;
        drop(place);
    });
    let headers = [(CONTENT_TYPE, Form::Events.media_type()), (CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(Told(from))).into_response())
}

/// What a task says, as a stream.
struct Told(mpsc::Receiver<Bytes>);

impl Stream for Told {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|told| told.map(Ok))
    }
}

/// What there is new of a job.
pub(super) struct News {
    pub(super) lines: Vec<Json>,
    pub(super) head: Head,
    pub(super) progress: Vec<(TaskId, Progress)>,
    /// There is more already.
    pub(super) more: bool,
}

impl Desk {
    /// What there is of a job from a record on, and of its progress since `heard`.
    pub(super) async fn news(
        &self,
        id: JobId,
        first: usize,
        heard: &mut u64,
    ) -> Result<Option<News>, Trouble> {
        let running =
            self.behind.runtime().and_then(|runtime| Some((runtime, runtime.engine.index.get(id)?)));
        let mut progress = running.as_ref().map_or_else(Vec::new, |(_, job)| job.progress_since(heard));
        // Where something is secret, the store is asked: all of the journal tells what is.
        if let Some((runtime, job)) = running
            && !runtime.engine.registry.has_secrets()
        {
            let head = runtime.engine.head(&job);
            if head.state.is_over() {
                // Who hears that it is over looks into the store, where that is written only now.
                let handle = JobHandle::new(Arc::clone(&runtime.engine), Arc::clone(&job), Value::json);
                let _ = handle.outcome().await;
            }
            let mut lines = runtime.engine.lines_from(&job, first, AT_ONCE + 1);
            let more = lines.len() > AT_ONCE;
            lines.truncate(AT_ONCE);
            let numbered = lines.iter().zip(first..).map(|(line, number)| {
                let mut line = serde_json::to_value(line).unwrap_or_default();
                shorten(&mut line);
                line["number"] = json!(number);
                line
            });
            return Ok(Some(News { lines: numbered.collect(), head, progress, more }));
        }
        let found = self.behind.ask(move |store, registry| {
            let found = records(store, registry, id, first, AT_ONCE)?;
            if !progress.is_empty() {
                let secrets = Secrets::of_job(registry, store, id)?;
                for (_, progress) in &mut progress {
                    progress.message = secrets.without(&progress.message).into();
                }
            }
            Ok(found.map(|(head, records)| (head, records, progress)))
        });
        Ok(found.await?.map(|(head, records, progress)| News {
            lines: records.lines,
            head,
            progress,
            more: records.more,
        }))
    }
}

/// Tells what happens to a job until it is over.
async fn follow(
    desk: std::sync::Weak<Desk>,
    id: JobId,
    mut first: usize,
    mut teller: Teller,
) -> Result<(), Gone> {
    let (mut head, mut heard, mut told) = (None, 0, HashMap::new());
    loop {
        let begun = Instant::now();
        let Some(desk) = desk.upgrade() else { return Ok(()) };
        let news = desk.news(id, first, &mut heard).await;
        drop(desk);
        let took = begun.elapsed();
        let news = match news {
            Ok(Some(news)) => news,
            // It is forgotten, or the store is away for a while: who listens comes again.
            Ok(None) | Err(_) => return Ok(()),
        };
        for line in &news.lines {
            teller.tell(event("line", Some(first), line)).await?;
            first += 1;
        }
        if news.more {
            continue;
        }
        for (task, now) in news.progress {
            if told.get(&task) == Some(&now) {
                continue;
            }
            let Progress { step, fraction, message } = &now;
            let what = json!({ "task": task, "step": step, "fraction": fraction, "message": message });
            teller.tell(event("progress", None, &what)).await?;
            told.insert(task, now);
        }
        if news.head.state.is_over() {
            return teller.tell(event("over", None, &news.head)).await;
        }
        if head.as_ref() != Some(&news.head) {
            teller.tell(event("head", None, &news.head)).await?;
            head = Some(news.head);
        }
        teller.pause(JOB.max(took * SHARE)).await?;
    }
}

/// How everything stands.
#[derive(Debug, Serialize)]
struct Change {
    at: Timestamp,
    queues: Vec<Queue>,
}

/// Tells that something has changed.
async fn watch(desk: std::sync::Weak<Desk>, mut teller: Teller) -> Result<(), Gone> {
    let Some(mut changes) = desk.upgrade().map(|desk| desk.trend.changes()) else { return Ok(()) };
    loop {
        let Some(desk) = desk.upgrade() else { return Ok(()) };
        let queues = queues_of(&desk);
        drop(desk);
        teller.tell(event("change", None, &Change { at: Timestamp::now(), queues })).await?;
        loop {
            tokio::select! {
                changed = changes.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return Ok(()),
                },
                quiet = teller.pause(SILENCE) => quiet?,
            }
        }
    }
}
