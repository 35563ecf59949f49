//! A job as it goes, whoever runs it: its journal is looked at again and again.

use std::thread;
use std::time::Duration;

use super::output::Output;
use super::refusal::{Exit, Refusal};
use super::run::in_words;
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::Store;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn watch(store: &dyn Store, id: JobId, output: &mut Output<'_>) -> Result<Exit, Refusal> {
    let mut seen = 0;
    loop {
        let kept = store.read(id)?.ok_or_else(|| Refusal::no_job(id, store))?;
        let lines = kept.records()?;
        for line in lines.iter().skip(seen) {
            let step = line.step.as_deref().unwrap_or(&kept.head.name);
            if output.json {
                output.in_a_line(line)?;
            } else if let Some(what) = in_words(&line.record.fact) {
                output.line(format!("{}  {step}: {what}", line.record.at))?;
            }
        }
        output.flush()?;
        seen = lines.len();
        if kept.head.state.is_over() {
            if !output.json {
                let why = kept.head.failure.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                output.line(format!("{}{why}", kept.head.state.name().to_lowercase()))?;
            }
            let is_good = kept.head.state == JobState::Succeeded;
            return Ok(if is_good { Exit::Done } else { Exit::Failed });
        }
        thread::sleep(LOOK);
    }
}
