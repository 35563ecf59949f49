//! What has become of jobs, as their store has it.

use std::io;

use serde_json::{Value as Json, json};

use super::arguments::JobsFilter;
use super::output::{Output, one_line, took};
use super::refusal::{Exit, Refusal};
use crate::job_id::JobId;
use crate::registry::Registry;
use crate::secret::Secrets;
use crate::state::JobState;
use crate::store::{Filter, Head, Store, StoreError};
use crate::timestamp::Timestamp;
use crate::view::{AttemptView, JobView, Saying, StepView};

/// How many characters of a value are shown.
const SHOWN: usize = 160;

pub(super) fn list(
    registry: &Registry,
    store: &dyn Store,
    asked: &JobsFilter,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let heads = found(registry, store, asked)?;
    output.show(&heads, |output| {
        table(&heads, "there are no such jobs", output)?;
        match heads.last() {
            Some(last) if heads.len() == asked.limit => {
                output.line(format!("there may be more: --after {}", last.id))
            }
            _ => Ok(()),
        }
    })
}

impl JobsFilter {
    /// As a store reads it, but for the order.
    pub(super) fn filter(&self) -> Filter {
        Filter {
            queue: self.queue.clone(),
            parent: self.parent,
            parked: self.parked,
            dead: self.dead,
            ..self.sought.filter()
        }
    }
}

/// The jobs that are asked for, in the order that is.
pub(super) fn found(
    registry: &Registry,
    store: &dyn Store,
    asked: &JobsFilter,
) -> Result<Vec<Head>, StoreError> {
    let (newest, limit) = (!asked.oldest, Some(asked.limit));
    let (after, before) = if newest { (None, asked.after) } else { (asked.after, None) };
    seen(registry, store, &Filter { newest, after, before, limit, ..asked.filter() })
}

/// A list as people may see it.
fn seen(registry: &Registry, store: &dyn Store, filter: &Filter) -> Result<Vec<Head>, StoreError> {
    let mut heads = store.list(filter)?;
    Secrets::hide_in_heads(registry, store, &mut heads)?;
    Ok(heads)
}

pub(super) fn dead(
    registry: &Registry,
    store: &dyn Store,
    name: Option<String>,
    limit: usize,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let filter = Filter { dead: true, name, limit: Some(limit), ..Filter::default() };
    let heads = seen(registry, store, &filter)?;
    output.show(&heads, |output| table(&heads, "there are no dead letters", output))
}

fn table(heads: &[Head], none: &str, output: &mut Output<'_>) -> io::Result<()> {
    if heads.is_empty() {
        return output.line(none);
    }
    let titles = ["JOB", "NAME", "STATE", "SUBMITTED", "TOOK", "WHY"].map(str::to_owned);
    let rows = heads.iter().map(|head| {
        [
            head.id.to_string(),
            head.name.to_string(),
            state(head),
            head.submitted.to_string(),
            head.ended.map(|ended| took(head.submitted, ended)).unwrap_or_default(),
            short(head.parked.as_deref().or(head.failure.as_deref()).unwrap_or_default(), 80),
        ]
    });
    output.table(&std::iter::once(titles).chain(rows).collect::<Vec<_>>())
}

pub(super) fn state(head: &Head) -> String {
    match (&head.parked, head.settled) {
        (Some(_), _) if !head.state.is_over() => "parked".to_owned(),
        (_, true) => format!("{}, settled", word(head.state)),
        _ => word(head.state),
    }
}

fn word(state: JobState) -> String {
    state.name().to_lowercase()
}

/// The beginning of a text, in one line.
pub(super) fn short(text: &str, most: usize) -> String {
    let text = one_line(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

fn value(value: &Json) -> String {
    short(&value.to_string(), SHOWN)
}

pub(super) fn show(
    registry: &Registry,
    store: &dyn Store,
    id: JobId,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let view = registry.view(store, id)?.ok_or_else(|| Refusal::no_job(id, store))?;
    output.show(&view, |output| job(&view, output))
}

pub(super) fn check(
    registry: &Registry,
    store: &dyn Store,
    output: &mut Output<'_>,
) -> Result<Exit, Refusal> {
    let check = registry.check(store)?;
    let parked: Vec<Json> = check
        .parked
        .iter()
        .map(|job| json!({ "job": job.head, "step": job.step, "change": job.change }))
        .collect();
    output.show(&json!({ "jobs": check.jobs, "parked": parked }), |output| output.line(check.to_string()))?;
    Ok(if check.parked.is_empty() { Exit::Done } else { Exit::Failed })
}

fn job(view: &JobView, output: &mut Output<'_>) -> io::Result<()> {
    let head = &view.head;
    output.line_with(&format!("{} {}: ", head.name, head.id), &state(head))?;
    let mut about = vec![["submitted", &head.submitted.to_string()].map(str::to_owned)];
    let mut tell = |what: &str, text: Option<String>| {
        about.extend(text.map(|text| [what.to_owned(), text]));
    };
    tell("begun", view.begun.map(|at| at.to_string()));
    let ended = head.ended.map(|at| format!("{at}, after {}", took(head.submitted, at)));
    tell("ended", ended);
    tell("queue", Some(head.queue.to_string()));
    tell("tags", (!head.tags.is_empty()).then(|| head.tags.join(", ")));
    tell("parent", head.parent.map(|parent| parent.job.to_string()));
    tell("parked", head.parked.as_deref().map(str::to_owned));
    tell("input", view.input.as_ref().map(value));
    tell("output", view.output.as_ref().map(value));
    tell("why", view.failure.as_ref().map(ToString::to_string));
    output.columns(&about)?;
    for said in &view.said {
        output.line(format!("{}: {}", said.at, saying(&said.what)))?;
    }
    if let Some(misfit) = &view.misfit {
        output.line(format!("this program does not know its steps as they were: {misfit}"))?;
    }
    if view.steps.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let titles = ["STEP", "STATE", "SINCE", "TOOK", "GAVE"].map(str::to_owned);
    let rows = view.steps.iter().flat_map(|step| step_rows(step, head.submitted));
    output.table(&std::iter::once(titles).chain(rows).collect::<Vec<_>>())
}

fn saying(what: &Saying) -> String {
    match what {
        Saying::Paused => "paused".to_owned(),
        Saying::Resumed => "resumed".to_owned(),
        Saying::Signalled { event, value: with } => {
            format!("signal `{event}` {}", with.as_ref().map(value).unwrap_or_default())
        }
        Saying::Stopped { why } => format!("to end: {why}"),
    }
}

/// A step, and below it those of its attempts that were not all there was to it.
fn step_rows(step: &StepView, submitted: Timestamp) -> Vec<[String; 5]> {
    let since = |at: Timestamp| format!("+{}", took(submitted, at));
    let path = if step.path.is_empty() { format!("task {}", step.task) } else { step.path.to_string() };
    let gave = match (&step.failure, &step.output, step.child, step.until) {
        (Some(failure), ..) => short(&failure.message, SHOWN),
        (None, Some(output), ..) => value(output),
        (None, None, Some(child), _) => format!("by job {child}"),
        (None, None, None, Some(until)) => format!("until {until}"),
        (None, None, None, None) => String::new(),
    };
    let own = [
        path,
        step.state.name().to_lowercase(),
        step.since.map(since).unwrap_or_default(),
        step.since.zip(step.ended).map(|(since, ended)| took(since, ended)).unwrap_or_default(),
        gave,
    ];
    let is_plain = step.attempts.len() < 2 && step.attempts.iter().all(|attempt| !attempt.lost);
    let attempts = if is_plain { &[][..] } else { &step.attempts[..] };
    let attempt = |(place, attempt): (usize, &AttemptView)| {
        let (state, what) = match (&attempt.failure, attempt.lost, attempt.ended) {
            (Some(failure), ..) => ("failed", short(&failure.message, SHOWN)),
            (None, true, _) => ("lost", "its process ended".to_owned()),
            (None, false, Some(_)) => ("succeeded", String::new()),
            (None, false, None) => ("running", String::new()),
        };
        let time = attempt.ended.map(|ended| took(attempt.began, ended)).unwrap_or_default();
        [format!("  attempt {}", place + 1), state.to_owned(), since(attempt.began), time, what]
    };
    std::iter::once(own).chain(attempts.iter().enumerate().map(attempt)).collect()
}
