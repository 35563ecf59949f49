//! How messages become jobs.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{AckKind, Context, Message};
use futures_util::{FutureExt, StreamExt, future};
use serde_json::Value as Json;
use workflow_runtime::{Runtime, SubmitError};

use super::error::NatsError;
use super::intake::Intake;
use super::line::line;
use super::stop::Stopped;

/// By this header JetStream itself knows a message again.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// By this header it is told why a message became no job.
const PROBLEM: &str = "Workflow-Problem";

/// How long to wait before a server is asked again, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// After how long a message is to come again for which there is no room now.
const LATER: Duration = Duration::from_secs(1);

/// How often the server says that it is there when there are no messages, and for how long one waits for some.
const HEARTBEAT: Duration = Duration::from_secs(5);
const EXPIRES: Duration = Duration::from_secs(30);

/// Messages of one stream, on their way to a runtime.
#[derive(Debug)]
pub(super) struct Taking {
    pub(super) runtime: Runtime,
    pub(super) context: Context,
    pub(super) intake: Intake,
}

/// What is to become of a message.
#[derive(Debug)]
enum Verdict {
    /// There is a job of it, and the store has it.
    Taken,
    /// It is to come again.
    Later,
    /// It can never be a job.
    Never(String),
}

impl Taking {
    /// The durable consumer, made if it is not there.
    pub(super) async fn consumer(&self) -> Result<PullConsumer, NatsError> {
        let Intake { stream, durable, .. } = &self.intake;
        let failed = |cause| NatsError::Stream { stream: stream.clone(), cause };
        let known = self.context.get_stream(stream).await.map_err(|error| failed(error.into()))?;
        let consumer = known.get_or_create_consumer(durable, self.settings()).await;
        let consumer: PullConsumer = consumer.map_err(|error| failed(error.into()))?;
        if consumer.cached_info().config.ack_policy != AckPolicy::Explicit {
            return Err(NatsError::NotExplicit { stream: stream.clone(), durable: durable.clone() });
        }
        Ok(consumer)
    }

    fn settings(&self) -> pull::Config {
        pull::Config {
            durable_name: Some(self.intake.durable.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.intake.wait,
            filter_subject: self.intake.subject.clone(),
            ..pull::Config::default()
        }
    }

    /// Takes messages until it is stopped, whatever becomes of the server meanwhile.
    pub(super) async fn run(self, stop: Stopped) {
        let mut pause = PAUSES.0;
        while !stop.is_told() {
            match self.messages().await {
                Ok(messages) => {
                    pause = PAUSES.0;
                    self.take_all(messages, &stop).await;
                }
                Err(error) => tracing::warn!("it is asked again in {pause:?}: {error}"),
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
                () = stop.told() => {}
            }
        }
    }

    async fn messages(&self) -> Result<pull::Stream, NatsError> {
        let consumer = self.consumer().await?;
        let batch = consumer.stream().max_messages_per_batch(self.intake.at_once);
        let messages = batch.expires(EXPIRES).heartbeat(HEARTBEAT).messages().await;
        messages
            .map_err(|error| NatsError::Stream { stream: self.intake.stream.clone(), cause: error.into() })
    }

    /// Takes messages until there is something wrong, or it is stopped; what was taken until then is brought to its end.
    async fn take_all(&self, messages: pull::Stream, stop: &Stopped) {
        let right = messages.map(|message| {
            message.inspect_err(|error| tracing::warn!("messages of `{}`: {error}", self.intake.stream)).ok()
        });
        let right = right.take_while(|message| future::ready(message.is_some())).filter_map(future::ready);
        let until = right.take_until(Box::pin(stop.told()).fuse());
        until.for_each_concurrent(self.intake.at_once, |message| self.take(message)).await;
    }

    /// Makes one message a job, and then says so. Where that is not heard, it comes again, and is the same job.
    async fn take(&self, message: Message) {
        let kind = match self.verdict(&message).await {
            Verdict::Taken => AckKind::Ack,
            Verdict::Later => AckKind::Nak(Some(LATER)),
            Verdict::Never(problem) => self.give_up(&message, &problem).await,
        };
        let told = match kind {
            AckKind::Nak(_) => message.ack_with(kind).await,
            _ => message.double_ack_with(kind).await,
        };
        if let Err(error) = told {
            tracing::debug!("a message will come again, for its server did not hear of it: {error}");
        }
    }

    async fn verdict(&self, message: &Message) -> Verdict {
        let Some(key) = key(message) else {
            return Verdict::Never("it does not say where in its stream it is".to_owned());
        };
        let input: Json = match serde_json::from_slice(&message.payload) {
            Ok(input) => input,
            Err(error) => return Verdict::Never(format!("it is no JSON: {error}")),
        };
        let mut submission = self.runtime.submit_json(&self.intake.name, input).once(key).or_refuse();
        if let Some(trace) = header(message, "traceparent") {
            submission = submission.traceparent(trace);
        }
        match submission.await {
            // One that was forgotten has been a job all the same.
            Ok(_) | Err(SubmitError::Duplicate { .. } | SubmitError::Forgotten { .. }) => Verdict::Taken,
            Err(error @ SubmitError::BadInput { .. }) => Verdict::Never(error.to_string()),
            Err(error) => {
                tracing::debug!("a message is to come again: {error}");
                Verdict::Later
            }
        }
    }

    /// Keeps a message elsewhere that can be no job, and says what may then become of it.
    async fn give_up(&self, message: &Message, problem: &str) -> AckKind {
        let (stream, subject) = (&self.intake.stream, message.subject.as_str());
        tracing::warn!(stream, subject, "a message can be no job: {problem}");
        let Some(place) = &self.intake.dead_letters else { return AckKind::Term };
        match self.bury(place, message, problem).await {
            Ok(()) => AckKind::Term,
            Err(error) => {
                tracing::warn!(
                    stream,
                    subject,
                    "it cannot be kept at `{place}`, and will come again: {error}"
                );
                AckKind::Nak(Some(LATER))
            }
        }
    }

    async fn bury(&self, place: &str, message: &Message, problem: &str) -> Result<(), async_nats::Error> {
        let mut headers = HeaderMap::new();
        headers.insert(PROBLEM, line(&problem));
        headers.insert("Workflow-Subject", message.subject.as_str());
        let id = key(message).unwrap_or_default();
        let letter = PublishMessage::build().payload(message.payload.clone()).headers(headers).message_id(id);
        self.context.send_publish(place.to_owned(), letter).await?.await?;
        Ok(())
    }
}

fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.as_ref()?.get(name).map(|value| value.as_str())
}

/// By what a message is known again: by its own id, or else by its place in the stream and its moment there, since one of the
/// same name may be made anew, and counts from one. There is no space in the name of a stream.
fn key(message: &Message) -> Option<String> {
    let info = message.info().ok()?;
    let stream = info.stream;
    if let Some(id) = header(message, MESSAGE_ID) {
        return Some(format!("nats {stream} id {id}"));
    }
    let moment = moment(message.reply.as_ref()?)?;
    Some(format!("nats {stream} at {} {moment}", info.stream_sequence))
}

/// The moment in the subject by which a message is acknowledged, which has two forms: the newer has two words more in front.
fn moment(reply: &str) -> Option<&str> {
    let words: Vec<&str> = reply.split('.').collect();
    words.get(if words.len() > 9 { 9 } else { 7 }).copied()
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn the_moment_is_found_in_both_forms() {
        assert_eq!(moment("$JS.ACK.ORDERS.takers.1.7.9.1700000000000000001.0"), Some("1700000000000000001"));
        let newer = "$JS.ACK._.hash.ORDERS.takers.1.7.9.1700000000000000001.0.token";
        assert_eq!(moment(newer), Some("1700000000000000001"));
        assert_eq!(moment("$JS.ACK"), None);
    }
}
