//! What the agents of a job have written to its log, and those of the jobs inside it.

use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::arguments::LogsArguments;
use super::output::Output;
use super::refusal::Refusal;
use crate::job_id::JobId;
use crate::record::{Fact, Line};
use crate::registry::Registry;
use crate::secret::Secrets;
use crate::store::Store;
use crate::timestamp::Timestamp;

/// How often it is looked, and for which share of the time at most.
const LOOK: Duration = Duration::from_millis(200);
const SHARE: u32 = 10;

/// A line of a log.
#[derive(Serialize)]
struct Entry {
    at: Timestamp,
    job: JobId,
    step: String,
    attempt: u32,
    message: String,
}

pub(super) fn tell(
    registry: &Registry,
    store: &dyn Store,
    asked: &LogsArguments,
    output: &mut Output<'_>,
) -> Result<(), Refusal> {
    let mut jobs = vec![Read::new(asked.id, String::new())];
    let mut is_first = true;
    loop {
        let began = Instant::now();
        let mut entries = Vec::new();
        // Those that are met on the way are read, too.
        let mut next = 0;
        while next < jobs.len() {
            let inside = jobs[next].go_on(registry, store, &mut entries)?;
            jobs.extend(inside);
            next += 1;
        }
        if jobs[0].is_gone {
            return Err(Refusal::no_job(asked.id, store));
        }
        entries.retain(|entry| asked.step.as_deref().is_none_or(|step| is_within(&entry.step, step)));
        entries.sort_by_key(|entry| entry.at);
        let must_go_on = asked.follow && jobs.iter().any(|job| !job.is_over);
        if is_first && !must_go_on && entries.is_empty() && !output.json {
            return Ok(output.line("nothing was written to its log")?);
        }
        entries.iter().try_for_each(|entry| show(entry, output))?;
        if !must_go_on {
            return Ok(());
        }
        output.flush()?;
        is_first = false;
        thread::sleep(LOOK.max(began.elapsed() * SHARE));
    }
}

/// Whether a path is that of a step, or of something inside it.
fn is_within(path: &str, step: &str) -> bool {
    path.strip_prefix(step).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[']))
}

fn show(entry: &Entry, output: &mut Output<'_>) -> Result<(), Refusal> {
    if output.json {
        return output.in_a_line(entry);
    }
    let attempt = if entry.attempt > 1 { format!(" (attempt {})", entry.attempt) } else { String::new() };
    // What a message has more of lines must not look like lines of others.
    let message = entry.message.trim_end().replace('\n', "\n    ");
    Ok(output.line(format!("{}  {}{attempt}: {message}", entry.at, entry.step))?)
}

/// A job whose log is read.
struct Read {
    id: JobId,
    /// The step that it runs for, and what that is within; nothing for the job that was asked for.
    within: String,
    /// How many of its records were looked at.
    seen: usize,
    is_over: bool,
    is_gone: bool,
}

impl Read {
    fn new(id: JobId, within: String) -> Self {
        Self { id, within, seen: 0, is_over: false, is_gone: false }
    }

    /// Reads what is new; gives the jobs inside that were not known.
    fn go_on(
        &mut self,
        registry: &Registry,
        store: &dyn Store,
        entries: &mut Vec<Entry>,
    ) -> Result<Vec<Self>, Refusal> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let Some(kept) = store.read(self.id)? else {
            (self.is_over, self.is_gone) = (true, true);
            return Ok(Vec::new());
        };
        self.is_over = kept.head.state.is_over();
        let lines = kept.records()?;
        let new = &lines[self.seen.min(lines.len())..];
        self.seen = lines.len();
        let mut inside = Vec::new();
        let mut logged = Vec::new();
        for line in new {
            match &line.record.fact {
                Fact::Called { job, .. } => inside.push(Self::new(*job, self.path(line))),
                Fact::Logged { attempt, message, .. } => logged.push((line, *attempt, message)),
                _ => {}
            }
        }
        if !logged.is_empty() {
            let secrets = Secrets::of_job(registry, store, self.id)?;
            entries.extend(logged.into_iter().map(|(line, attempt, message)| Entry {
                at: line.record.at,
                job: self.id,
                step: self.path(line),
                attempt,
                message: secrets.without(message).into_owned(),
            }));
        }
        Ok(inside)
    }

    fn path(&self, line: &Line) -> String {
        let step = line.step.as_deref().unwrap_or_default();
        if self.within.is_empty() { step.to_owned() } else { format!("{}/{step}", self.within) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_holds_what_is_inside_it_and_nothing_beside_it() {
        for (path, step, expected) in [
            ("pay", "pay", true),
            ("pay/then/charge", "pay", true),
            ("pay[3]/charge", "pay", true),
            ("payout", "pay", false),
            ("repay", "pay", false),
        ] {
            assert_eq!(is_within(path, step), expected, "{path} in {step}");
        }
    }
}
