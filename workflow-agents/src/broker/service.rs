//! An agent or a workflow as a service.

use std::fmt;
use std::pin::pin;

use async_nats::service::endpoint::Endpoint;
use async_nats::service::error::Error as ServiceError;
use async_nats::service::{Request, Service, ServiceExt};
use async_nats::{Client, HeaderMap};
use futures_util::{FutureExt, StreamExt};
use serde_json::Value as Json;
use workflow_runtime::{JobHandle, Runtime, SubmitError};

use super::asked::Asked;
use super::error::NatsError;
use super::line::line;
use super::stop::Stopped;

/// How many requests to one service are worked on at once; others wait with the connection.
const AT_ONCE: usize = 1024;

/// By this header a request is known again, so that one that is sent twice is one job.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// By this header who asks is told which job has answered.
const JOB: &str = "Workflow-Job";

/// A service that has begun.
pub(super) struct Begun {
    runtime: Runtime,
    name: String,
    service: Kept,
    endpoint: Endpoint,
}

/// Makes it known, and asks the server for its requests.
pub(super) async fn begin(
    runtime: Runtime,
    client: Client,
    asked: Asked,
    prefix: &str,
    group: &str,
) -> Result<Begun, NatsError> {
    let is_right = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if !asked.name.chars().all(is_right) {
        return Err(NatsError::BadName { name: asked.name });
    }
    let name = asked.name.clone();
    let failed = |cause| NatsError::Service { name: name.clone(), cause };
    let builder = client.service_builder().description(&asked.description).queue_group(group);
    let service = Kept(Some(builder.start(&asked.name, &asked.version).await.map_err(failed)?));
    let subject = format!("{prefix}.{}", asked.name);
    let endpoint = service.endpoint(&asked, subject).await.map_err(failed)?;
    Ok(Begun { runtime, name: asked.name, service, endpoint })
}

/// It is gone when it is dropped, however that is.
struct Kept(Option<Service>);

impl Kept {
    async fn endpoint(&self, asked: &Asked, subject: String) -> Result<Endpoint, async_nats::Error> {
        let service = self.0.as_ref().ok_or("the service is gone")?;
        service.endpoint_builder().name("run").metadata(asked.metadata()).add(subject).await
    }

    fn end(&mut self) {
        // It has nothing to wait for.
        drop(self.0.take().map(|service| service.stop().now_or_never()));
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end();
    }
}

impl Begun {
    /// Answers until it is stopped; then what was asked before.
    pub(super) async fn serve(self, stop: Stopped) {
        let Self { runtime, name, mut service, endpoint } = self;
        let one = |request: Request| answer(&runtime, &name, request);
        let mut serving = pin!(endpoint.for_each_concurrent(AT_ONCE, one));
        tokio::select! {
            () = &mut serving => {}
            () = stop.told() => {
                service.end();
                serving.await;
            }
        }
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Begun({})", self.name)
    }
}

/// Runs what is asked for, and says what came of it.
async fn answer(runtime: &Runtime, name: &str, request: Request) {
    let mut headers = HeaderMap::new();
    let given = match submitted(runtime, name, &request).await {
        Ok(job) => {
            headers.insert(JOB, job.id().to_string());
            job.await.map_err(|failure| refusal(500, &failure))
        }
        Err(refused) => Err(refused),
    };
    // Who published it, and did not ask, wants no answer.
    if request.message.reply.is_none() {
        return;
    }
    let given = given.map(|output| output.to_string().into());
    let was_right = given.is_ok();
    let mut sent = request.respond_with_headers(given, headers.clone()).await;
    if let Err(error) = &sent
        && was_right
    {
        // What is too long for a message is told as what it is, where nobody would hear of it otherwise.
        let said = refusal(500, &format!("it is done, and its output cannot be sent: {error}"));
        sent = request.respond_with_headers(Err(said), headers).await;
    }
    if let Err(error) = sent {
        tracing::warn!(service = name, "an answer could not be sent: {error}");
    }
}

async fn submitted(
    runtime: &Runtime,
    name: &str,
    request: &Request,
) -> Result<JobHandle<Json>, ServiceError> {
    let message = &request.message;
    let input: Json = serde_json::from_slice(&message.payload)
        .map_err(|error| refusal(400, &format!("the input of `{name}` is no JSON: {error}")))?;
    let mut submission = runtime.submit_json(name, input).or_refuse();
    let header = |name: &str| message.headers.as_ref()?.get(name).map(|value| value.as_str());
    if let Some(id) = header(MESSAGE_ID) {
        submission = submission.once(format!("nats request {id}"));
    }
    if let Some(trace) = header("traceparent") {
        submission = submission.traceparent(trace);
    }
    submission.await.map_err(|error| refusal(code(&error), &error))
}

/// What kind of refusal it is, in the words of HTTP.
fn code(error: &SubmitError) -> usize {
    match error {
        SubmitError::BadInput { .. } => 400,
        SubmitError::Unknown { .. } => 404,
        SubmitError::Duplicate { .. } => 409,
        SubmitError::Forgotten { .. } => 410,
        _ => 503,
    }
}

/// An error that fits into a header.
fn refusal(code: usize, problem: &dyn fmt::Display) -> ServiceError {
    ServiceError { status: line(problem), code }
}
