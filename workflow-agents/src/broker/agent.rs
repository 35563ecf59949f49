//! The agent.

use std::time::Instant;

use async_nats::connection::State as Connection;
use async_nats::{Client, HeaderMap, HeaderName, HeaderValue, PublishErrorKind, Request, RequestErrorKind};
use workflow_runtime::{AgentError, State, TaskContext, task_agent};

use super::connection::Nats;
use super::message::NatsMessage;
use super::reply::NatsReply;
use crate::Body;
use crate::held::held;
use crate::policy::{Limits, Policy};

/// By this header one that is sent twice is known again.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// What the headers begin with that tell the server to do something, such as to send elsewhere or to throw a stream away.
const OF_SERVER: &str = "nats-";

#[doc = include_str!("../../doc/nats_agent.md")]
#[task_agent(
    timeout = "60s",
    description = "Sends a message to a subject of NATS, as the role of its step may, and awaits the answer.",
    retry(max = 3, first = "1s", factor = 2, cap = "60s")
)]
pub async fn nats(
    message: NatsMessage,
    policy: State<Policy>,
    ctx: &TaskContext,
) -> Result<NatsReply, AgentError> {
    let limits = policy
        .decide(ctx, "nats", |permit| {
            permit.subject(&message.subject)?;
            Ok(permit.limits(message.limits))
        })
        .await?;
    let client = &ctx.state::<Nats>()?.client;
    let headers = headers(&message, ctx).map_err(AgentError::permanent)?;
    ctx.progress(0.0, &format!("sent to {}", message.subject));
    let late = |time: &str| format!("nobody answered at `{}` within {time}", message.subject);
    held(ctx, &limits, exchange(client, &message, headers, &limits), late).await
}

async fn exchange(
    client: &Client,
    message: &NatsMessage,
    headers: HeaderMap,
    limits: &Limits,
) -> Result<NatsReply, AgentError> {
    // What is sent now would wait for the connection, and come when nobody awaits its answer any more.
    if client.connection_state() != Connection::Connected {
        return Err(AgentError::retry("there is no connection to NATS at the moment"));
    }
    let began = Instant::now();
    let body = message.body.as_ref().map(Body::bytes).transpose().map_err(AgentError::permanent)?;
    let body = body.unwrap_or_default();
    if !message.answered {
        return told(client, message.subject.clone(), headers, body).await;
    }
    // With an inbox of its own nothing is left in the client of a question that nobody has answered.
    let request =
        Request::new().payload(body.into()).headers(headers).timeout(None).inbox(client.new_inbox());
    let answer = client.send_request(message.subject.clone(), request).await;
    let answer = answer.map_err(|error| match error.kind() {
        RequestErrorKind::NoResponders => {
            AgentError::retry(format!("nobody is there who would answer at `{}`", message.subject))
        }
        RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => {
            AgentError::permanent(error)
        }
        _ => AgentError::retry(error),
    })?;
    let reply = NatsReply::read(&answer, limits.output.unwrap_or(u64::MAX))?;
    Ok(NatsReply { took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), ..reply })
}

/// Sends what nobody answers, so that it is on its way at least.
async fn told(
    client: &Client,
    subject: String,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<NatsReply, AgentError> {
    let sent = client.publish_with_headers(subject, headers, body.into()).await;
    sent.map_err(|error| match error.kind() {
        PublishErrorKind::Send => AgentError::retry(error),
        _ => AgentError::permanent(error),
    })?;
    client.flush().await.map_err(AgentError::retry)?;
    Ok(NatsReply::default())
}

/// What goes with a message: what it says itself, by what it is known again, and the trace that it is of.
fn headers(message: &NatsMessage, context: &TaskContext) -> Result<HeaderMap, String> {
    let (mut headers, key) = (HeaderMap::new(), context.idempotency_key());
    insert(&mut headers, MESSAGE_ID, &key)?;
    if let Some(trace) = context.traceparent() {
        insert(&mut headers, "traceparent", &trace)?;
    }
    for (name, value) in &message.headers {
        if name != MESSAGE_ID && name.to_ascii_lowercase().starts_with(OF_SERVER) {
            return Err(format!("the header `{name}` would tell the server to do something; leave it out"));
        }
        insert(&mut headers, name, value)?;
    }
    Ok(headers)
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let known = name.parse::<HeaderName>().ok().filter(|_| !name.is_empty());
    let known = known.ok_or_else(|| format!("`{}` is no header", name.escape_debug()))?;
    let value: HeaderValue = value
        .parse()
        .map_err(|_| format!("the header `{name}` has a character in it that no header may have"))?;
    headers.insert(known, value);
    Ok(())
}
