//! A dead letter: a job that failed for good, as somebody looks at it.

use serde_json::Value as Json;

use crate::failure::Failure;
use crate::job_id::JobId;
use crate::store::{Filter, Head};
use crate::timestamp::Timestamp;
use crate::view::AttemptView;

/// A job that failed for good, and that nobody has looked after yet.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Letter {
    /// What lists show of it.
    pub head: Head,
    /// What the job was given; none if it was put together in code.
    pub job_input: Option<Json>,
    /// The step that failed, by its path; none if no step did: the job's deadline passed, say.
    pub step: Option<String>,
    /// What that step was given when it last began; none if it cannot be made anew.
    pub input: Option<Json>,
    /// Why that input cannot be made anew: mostly because the journal does not fit this program any more.
    pub misfit: Option<String>,
    /// Why the job failed. It may name a step of a child job.
    pub failure: Failure,
    /// The attempts of that step, the first one first.
    pub attempts: Vec<AttemptView>,
}

/// Which dead letters are meant. What is not said lets all of them through.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct LetterFilter {
    filter: Filter,
    step: Option<String>,
    text: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: Option<usize>,
}

impl LetterFilter {
    /// All dead letters.
    pub fn new() -> Self {
        Self { filter: Filter { dead: true, ..Filter::default() }, ..Self::default() }
    }

    /// Those that run this agent or workflow.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.filter.name = Some(name.into());
        self
    }

    /// Those that have this tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.filter.tag = Some(tag.into());
        self
    }

    /// Those that began in this queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.filter.queue = Some(queue.into());
        self
    }

    /// Those of which this step failed, by its path. Their journals are read for it.
    pub fn step(mut self, step: impl Into<String>) -> Self {
        self.step = Some(step.into());
        self
    }

    /// Those whose failure has this text in it, in small letters or capitals.
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        self.text = Some(text.as_ref().to_lowercase());
        self
    }

    /// Those that ended at this moment or later.
    pub fn ended_from(mut self, moment: Timestamp) -> Self {
        self.from = Some(moment);
        self
    }

    /// Those that ended before this moment.
    pub fn ended_before(mut self, moment: Timestamp) -> Self {
        self.until = Some(moment);
        self
    }

    /// Those that were accepted after this one: for lists in pages.
    pub fn after(mut self, job: JobId) -> Self {
        self.filter.after = Some(job);
        self
    }

    /// So many at most.
    pub fn limit(mut self, letters: usize) -> Self {
        self.limit = Some(letters);
        self
    }

    /// As a store reads it, those after one, a page of them; what it does not know of is asked of each.
    pub(crate) fn page(&self, after: Option<JobId>, limit: usize) -> Filter {
        Filter { after: after.or(self.filter.after), limit: Some(limit), ..self.filter.clone() }
    }

    pub(crate) fn most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    pub(crate) fn wanted_step(&self) -> Option<&str> {
        self.step.as_deref()
    }

    /// Whether a letter is let through; its step aside.
    pub(crate) fn lets(&self, head: &Head) -> bool {
        let ended = head.ended.unwrap_or_default();
        let failure = || head.failure.as_deref().unwrap_or_default().to_lowercase();
        self.from.is_none_or(|from| ended >= from)
            && self.until.is_none_or(|until| ended < until)
            && self.text.as_ref().is_none_or(|text| failure().contains(text))
    }
}
