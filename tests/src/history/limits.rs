//! No more attempts run at once than a queue allows.

use std::collections::{HashMap, HashSet};

use super::case::Case;
use super::event::Event;
use super::violation::Violation;

/// An attempt is counted from after it began until before it ends, so who is counted has a place.
pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut running: HashMap<_, (&str, u32)> = HashMap::new();
    // Processes that have stood still: what they held, others were given meanwhile.
    let mut stopped = HashSet::new();
    for line in case.history {
        match &line.event {
            Event::Began(began) => {
                let queue = began.queue.as_deref().filter(|_| !stopped.contains(&line.process));
                let Some(queue) = queue else { continue };
                let Some(limit) = case.rules.limits.get(queue).copied() else { continue };
                let now = running.values().filter(|(other, _)| *other == queue).count();
                if now >= limit {
                    let (queue, effect) = (queue.to_owned(), began.effect());
                    found.push(Violation::OverLimit { queue, limit, effect });
                }
                let attempt = (line.process, began.job, began.task.as_str(), began.attempt);
                running.insert(attempt, (queue, line.process));
            }
            Event::Ended { job, task, attempt, .. } => {
                running.remove(&(line.process, *job, task.as_str(), *attempt));
            }
            Event::Stopped => {
                stopped.insert(line.process);
                running.retain(|_, (_, process)| *process != line.process);
            }
            Event::Died => running.retain(|_, (_, process)| *process != line.process),
            _ => {}
        }
    }
}
