//! How lines are read: all that any fact may say, in one pass, and then what this one says. To ask first which fact it is
//! would mean to keep all of it in between.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use super::{Fact, Line, Record, Spawn, Submission, TaskId};
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::job_id::JobId;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// All that a line may say.
#[derive(Deserialize)]
pub(super) struct Flat<'a> {
    at: Timestamp,
    step: Option<Arc<str>>,
    #[serde(default)]
    after: Vec<Arc<str>>,
    #[serde(borrow)]
    fact: Cow<'a, str>,
    task: Option<TaskId>,
    submission: Option<Arc<Submission>>,
    attempt: Option<u32>,
    due: Option<Timestamp>,
    failure: Option<Arc<Failure>>,
    #[serde(default)]
    killed: bool,
    // A value may be null, and then it is there.
    #[serde(default, deserialize_with = "there")]
    output: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    value: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    input: Option<Value>,
    holds: Option<bool>,
    items: Option<Arc<[Value]>>,
    first: Option<Value>,
    again: Option<bool>,
    until: Option<Timestamp>,
    job: Option<JobId>,
    event: Option<Arc<str>>,
    parent: Option<TaskId>,
    spawn: Option<Arc<Spawn>>,
    plan: Option<Fingerprint>,
    message: Option<Arc<str>>,
}

fn there<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl TryFrom<Flat<'_>> for Line {
    type Error = String;

    fn try_from(mut flat: Flat<'_>) -> Result<Self, String> {
        let (step, after) = (flat.step.take(), std::mem::take(&mut flat.after));
        Ok(Self { step, after, record: flat.try_into()? })
    }
}

impl TryFrom<Flat<'_>> for Record {
    type Error = String;

    fn try_from(flat: Flat<'_>) -> Result<Self, String> {
        Ok(Self { at: flat.at, fact: fact(flat)? })
    }
}

/// The fact that a line tells, if it has all that belongs to it.
fn fact(flat: Flat<'_>) -> Result<Fact, String> {
    let Flat { task, submission, attempt, due, failure, killed, output, value, input, .. } = flat;
    let Flat { holds, items, first, again, until, job, event, parent, spawn, plan, message, .. } = flat;
    let name = &*flat.fact;
    let missing = |what: &str| format!("the fact `{name}` has no `{what}`");
    let task = || task.ok_or_else(|| missing("task"));
    let failed = |failure: Option<Arc<Failure>>| failure.ok_or_else(|| missing("failure"));
    let given = |value: Option<Value>, what: &str| value.ok_or_else(|| missing(what));
    Ok(match name {
        "submitted" => Fact::Submitted { submission: submission.ok_or_else(|| missing("submission"))? },
        "begun" => Fact::Begun,
        "started" => Fact::Started { task: task()?, attempt: attempt.ok_or_else(|| missing("attempt"))? },
        "retrying" => Fact::Retrying {
            task: task()?,
            due: due.ok_or_else(|| missing("due"))?,
            failure: failed(failure)?,
        },
        "fell" => Fact::Fell { task: task()?, failure: failed(failure)? },
        "lost" => Fact::Lost { task: task()?, killed },
        "returned" => {
            // One of the two is there; an output that is null beside a failure is none.
            let output = output.filter(|_| failure.is_none());
            Fact::Returned { task: task()?, output, failure }
        }
        "succeeded" => Fact::Succeeded { task: task()?, output: given(output, "output")? },
        "failed" => Fact::Failed { task: task()?, failure: failed(failure)? },
        "chose" => Fact::Chose { task: task()?, holds: holds.ok_or_else(|| missing("holds"))? },
        "fanned" => Fact::Fanned { task: task()?, items: items.ok_or_else(|| missing("items"))? },
        "rounded" => Fact::Rounded { task: task()?, first, again: again.ok_or_else(|| missing("again"))? },
        "slept" => Fact::Slept { task: task()?, until: until.ok_or_else(|| missing("until"))? },
        "called" => Fact::Called { task: task()?, job: job.ok_or_else(|| missing("job"))? },
        "signalled" => {
            Fact::Signalled { event: event.ok_or_else(|| missing("event"))?, value: given(value, "value")? }
        }
        "spawned" => Fact::Spawned { parent, spawn: spawn.ok_or_else(|| missing("spawn"))? },
        "noticed" => Fact::Noticed { task: task()? },
        "saved" => Fact::Saved { task: task()?, value: given(value, "value")? },
        "logged" => Fact::Logged {
            task: task()?,
            attempt: attempt.ok_or_else(|| missing("attempt"))?,
            message: message.ok_or_else(|| missing("message"))?,
        },
        "given" => Fact::Given { task: task()?, input: given(input, "input")? },
        "stopped" => Fact::Stopped { failure: failed(failure)? },
        "replanned" => Fact::Replanned { plan: plan.ok_or_else(|| missing("plan"))? },
        "paused" => Fact::Paused,
        "resumed" => Fact::Resumed,
        "job_succeeded" => Fact::JobSucceeded { output: given(output, "output")? },
        "job_failed" => Fact::JobFailed { failure: failed(failure)? },
        _ => return Err(format!("there is no fact `{name}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;
    use crate::value::Value;

    fn failure() -> Arc<Failure> {
        Arc::new(Failure::new(FailureKind::Panic, "it went wrong"))
    }

    fn null() -> Value {
        Value::from(serde_json::Value::Null)
    }

    /// Every fact, with all that it can say.
    fn facts() -> Vec<Fact> {
        let (task, at) = (3, Timestamp::from_micros(77));
        vec![
            Fact::Begun,
            Fact::Started { task, attempt: 2 },
            Fact::Retrying { task, due: at, failure: failure() },
            Fact::Fell { task, failure: failure() },
            Fact::Lost { task, killed: true },
            Fact::Lost { task, killed: false },
            Fact::Returned { task, output: None, failure: Some(failure()) },
            Fact::Returned { task, output: Some(null()), failure: None },
            Fact::Succeeded { task, output: null() },
            Fact::Failed { task, failure: failure() },
            Fact::Chose { task, holds: false },
            Fact::Fanned { task, items: Arc::from(vec![null(), Value::from(serde_json::json!({"a": [1]}))]) },
            Fact::Rounded { task, first: None, again: true },
            Fact::Slept { task, until: at },
            Fact::Called { task, job: JobId::from_u128(7 << 76 | 2 << 62 | 5) },
            Fact::Signalled { event: Arc::from("w\"ord"), value: null() },
            Fact::Noticed { task },
            Fact::Saved { task, value: null() },
            Fact::Logged { task, attempt: 2, message: Arc::from("a \"line\"\n") },
            Fact::Given { task, input: null() },
            Fact::Stopped { failure: failure() },
            Fact::Paused,
            Fact::Resumed,
            Fact::JobSucceeded { output: null() },
            Fact::JobFailed { failure: failure() },
        ]
    }

    #[test]
    fn every_fact_is_read_as_it_was_written() {
        for fact in facts() {
            let record = Record { at: Timestamp::from_micros(1_763_709_413_000_001), fact };
            let step = Some(Arc::from("a/\u{e9}\n/b"));
            let line = Line { step, after: vec![Arc::from("c")], record };
            let text = serde_json::to_string(&line).unwrap();
            assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line, "{text}");
            assert_eq!(serde_json::from_value::<Line>(serde_json::from_str(&text).unwrap()).unwrap(), line);
            let bare = serde_json::to_string(&line.record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&bare).unwrap(), line.record, "{bare}");
        }
    }

    #[test]
    fn a_fact_without_what_belongs_to_it_says_what_is_missing() {
        for fact in facts() {
            let line = Line::bare(Record { at: Timestamp::EPOCH, fact });
            let serde_json::Value::Object(whole) = serde_json::to_value(&line).unwrap() else { panic!() };
            for key in whole.keys().filter(|key| !["killed", "first", "output"].contains(&key.as_str())) {
                let mut part = whole.clone();
                part.remove(key);
                if key == "failure" && whole["fact"] == "returned" {
                    continue;
                }
                let error = serde_json::from_value::<Line>(part.into()).unwrap_err().to_string();
                assert!(error.contains(&format!("`{key}`")), "{error}");
            }
        }
        let unknown = r#"{"at":"2025-01-01T00:00:00Z","fact":"sung"}"#;
        let error = serde_json::from_str::<Line>(unknown).unwrap_err().to_string();
        assert!(error.contains("there is no fact `sung`"), "{error}");
    }
}
