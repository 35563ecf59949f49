//! What a task has saved is there for the attempts that follow.

use std::collections::{HashMap, HashSet};

use super::case::Case;
use super::event::Event;
use super::violation::Violation;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut saved = HashMap::new();
    let mut stopped = HashSet::new();
    for line in case.history {
        match &line.event {
            Event::Saved { job, task, mark } => {
                saved.insert((*job, task.as_str()), *mark);
            }
            Event::Stopped => _ = stopped.insert(line.process),
            // It was given this long ago, perhaps.
            Event::Restored { .. } if stopped.contains(&line.process) => {}
            // It may be more than was told: who is killed is not told everything.
            Event::Restored { job, task, mark } => match saved.get(&(*job, task.as_str())) {
                Some(last) if mark.is_none_or(|mark| mark < *last) => {
                    let (task, saved) = (task.clone(), *last);
                    found.push(Violation::Forgot { job: *job, task, saved, found: *mark });
                }
                _ => {}
            },
            _ => {}
        }
    }
}
