//! What is told of a job.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use workflow_runtime::store::Head;
use workflow_runtime::{Event, Fact, FailureKind, JobId, JobState, Timestamp, What};

use super::line::line;

/// Something that a job has come to.
#[derive(Debug, Clone)]
pub(super) struct News {
    job: JobId,
    name: Arc<str>,
    at: Timestamp,
    kind: Kind,
    failure: Option<Arc<str>>,
}

/// What it has come to: each is so once in a job's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Submitted,
    Begun,
    Ended(JobState),
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Begun => "begun",
            Self::Ended(JobState::Succeeded) => "succeeded",
            Self::Ended(JobState::Cancelled) => "cancelled",
            Self::Ended(JobState::Expired) => "expired",
            Self::Ended(_) => "failed",
        }
    }
}

impl News {
    /// What an event says, if that is told.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let What::Fact(fact) = &event.what else { return None };
        let (kind, failure) = match fact {
            Fact::Submitted { .. } => (Kind::Submitted, None),
            Fact::Begun => (Kind::Begun, None),
            Fact::JobSucceeded { .. } => (Kind::Ended(JobState::Succeeded), None),
            Fact::JobFailed { failure } => {
                (Kind::Ended(state(failure.kind)), Some(Arc::from(failure.message.as_str())))
            }
            _ => return None,
        };
        let at = if kind == Kind::Submitted { event.job.made_at() } else { event.at };
        Some(Self { job: event.job, name: Arc::clone(&event.name), at, kind, failure })
    }

    /// The job.
    pub(super) fn job(&self) -> JobId {
        self.job
    }

    pub(super) fn is_first(&self) -> bool {
        self.kind == Kind::Submitted
    }

    pub(super) fn is_last(&self) -> bool {
        matches!(self.kind, Kind::Ended(_))
    }

    /// What has come before it in any case: that the job was submitted.
    pub(super) fn first(&self) -> Self {
        let name = Arc::clone(&self.name);
        Self { job: self.job, name, at: self.job.made_at(), kind: Kind::Submitted, failure: None }
    }

    /// What is known of a job when it is looked at later: that it was submitted, and how it has ended.
    pub(super) fn since(head: &Head) -> impl Iterator<Item = Self> {
        let one = |kind, at, failure| Self { job: head.id, name: Arc::clone(&head.name), at, kind, failure };
        let submitted = one(Kind::Submitted, head.submitted, None);
        let ended = head.ended.filter(|_| head.state.is_over());
        let ended = ended.map(|at| one(Kind::Ended(head.state), at, head.failure.clone()));
        std::iter::once(submitted).chain(ended)
    }

    /// By what it is known again: the same, whoever tells it, and whenever.
    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.job, self.kind.name())
    }

    /// Where it is told.
    pub(super) fn subject(&self, prefix: &str) -> String {
        format!("{prefix}.{}.{}.{}", word(&self.name), self.kind.name(), self.job)
    }

    /// It, as a CloudEvent.
    pub(super) fn cloud_event(&self, source: &str) -> Json {
        let job = self.job.to_string();
        let mut data = json!({ "job": job, "name": *self.name });
        if let Some(failure) = &self.failure {
            data["failure"] = line(failure).into();
        }
        json!({
            "specversion": "1.0",
            "id": self.id(),
            "source": source,
            "type": format!("workflow.job.{}", self.kind.name()),
            "subject": job,
            "time": self.at.to_string(),
            "datacontenttype": "application/json",
            "data": data,
        })
    }
}

/// How a job ends that fails so.
fn state(kind: FailureKind) -> JobState {
    match kind {
        FailureKind::Cancelled => JobState::Cancelled,
        FailureKind::Expired => JobState::Expired,
        _ => JobState::Failed,
    }
}

/// A name, as a subject can have it.
fn word(name: &str) -> String {
    let is_right = |letter: char| letter.is_alphanumeric() || "-_".contains(letter);
    let word: String =
        name.chars().map(|letter| if is_right(letter) { letter } else { '_' }).take(200).collect();
    if word.is_empty() { "_".to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_later_is_told_as_it_was() {
        let id: JobId = JobId::from_u128(7 << 80);
        let mut head = Head::new(id, "my.dag >", id.made_at());
        let told: Vec<_> = News::since(&head).map(|news| news.subject("e")).collect();
        assert_eq!(told, [format!("e.my_dag__.submitted.{id}")]);
        head.state = JobState::Expired;
        head.ended = Some(Timestamp::from_micros(9_000_000));
        head.failure = Some(Arc::from("too\nlate"));
        let ended = News::since(&head).last().unwrap();
        assert_eq!(ended.id(), format!("{id}/expired"));
        assert_eq!(
            ended.cloud_event("/x"),
            json!({
                "specversion": "1.0",
                "id": format!("{id}/expired"),
                "source": "/x",
                "type": "workflow.job.expired",
                "subject": id.to_string(),
                "time": "1970-01-01T00:00:09.000000Z",
                "datacontenttype": "application/json",
                "data": { "job": id.to_string(), "name": "my.dag >", "failure": "too late" },
            })
        );
    }
}
