//! A job as it goes, whoever runs it: its journal is looked at again and again.

use std::thread;
use std::time::Duration;

use super::output::Output;
use super::refusal::{Exit, Refusal};
use super::run::in_words;
use crate::job_id::JobId;
use crate::record::Line;
use crate::registry::Registry;
use crate::secret::Secrets;
use crate::state::JobState;
use crate::store::{Head, Store};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn watch(
    registry: &Registry,
    store: &dyn Store,
    id: JobId,
    output: &mut Output<'_>,
) -> Result<Exit, Refusal> {
    let (mut head, _) = until_over(registry, store, id, |line, name, secrets| {
        if output.json {
            let mut line = serde_json::to_value(line)?;
            secrets.hide_line(&mut line);
            return output.in_a_line(&line);
        }
        if let Some(what) = in_words(&line.record.fact) {
            let step = line.step.as_deref().unwrap_or(name);
            output.line(format!("{}  {step}: {}", line.record.at, secrets.without(&what)))?;
        }
        Ok(output.flush()?)
    })?;
    Secrets::hide_in_heads(registry, store, std::slice::from_mut(&mut head))?;
    if !output.json {
        let why = head.failure.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        output.line(format!("{}{why}", head.state.name().to_lowercase()))?;
    }
    Ok(if head.state == JobState::Succeeded { Exit::Done } else { Exit::Failed })
}

/// Waits until a job is over, and has each record of it told once, with the job's name and what is secret of it; gives its
/// head, and its last record.
pub(super) fn until_over(
    registry: &Registry,
    store: &dyn Store,
    id: JobId,
    mut tell: impl FnMut(&Line, &str, &Secrets<'_>) -> Result<(), Refusal>,
) -> Result<(Head, Option<Line>), Refusal> {
    let mut seen = 0;
    loop {
        let kept = store.read(id)?.ok_or_else(|| Refusal::no_job(id, store))?;
        let mut lines = kept.records()?;
        if lines.len() > seen {
            let secrets = Secrets::of_job(registry, store, id)?;
            lines.iter().skip(seen).try_for_each(|line| tell(line, &kept.head.name, &secrets))?;
            seen = lines.len();
        }
        if kept.head.state.is_over() {
            return Ok((kept.head, lines.pop()));
        }
        thread::sleep(LOOK);
    }
}
