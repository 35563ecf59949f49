//! A job as it goes, whoever runs it: its journal is looked at again and again.

use std::thread;
use std::time::Duration;

use super::output::Output;
use super::refusal::{Exit, Refusal};
use super::run::in_words;
use crate::job_id::JobId;
use crate::record::Line;
use crate::state::JobState;
use crate::store::{Head, Store};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn watch(store: &dyn Store, id: JobId, output: &mut Output<'_>) -> Result<Exit, Refusal> {
    let (head, _) = until_over(store, id, |line, name| {
        if output.json {
            return output.in_a_line(line);
        }
        if let Some(what) = in_words(&line.record.fact) {
            let step = line.step.as_deref().unwrap_or(name);
            output.line(format!("{}  {step}: {what}", line.record.at))?;
        }
        Ok(output.flush()?)
    })?;
    if !output.json {
        let why = head.failure.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        output.line(format!("{}{why}", head.state.name().to_lowercase()))?;
    }
    Ok(if head.state == JobState::Succeeded { Exit::Done } else { Exit::Failed })
}

/// Waits until a job is over, and has each record of it told once; gives its head, and its last record.
pub(super) fn until_over(
    store: &dyn Store,
    id: JobId,
    mut tell: impl FnMut(&Line, &str) -> Result<(), Refusal>,
) -> Result<(Head, Option<Line>), Refusal> {
    let mut seen = 0;
    loop {
        let kept = store.read(id)?.ok_or_else(|| Refusal::no_job(id, store))?;
        let mut lines = kept.records()?;
        lines.iter().skip(seen).try_for_each(|line| tell(line, &kept.head.name))?;
        seen = lines.len();
        if kept.head.state.is_over() {
            return Ok((kept.head, lines.pop()));
        }
        thread::sleep(LOOK);
    }
}
