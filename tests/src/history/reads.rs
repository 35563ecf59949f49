//! What was given to an attempt is the outcome of who made it, and was written before the attempt began.

use super::case::Case;
use super::event::{Began, Event, Read};
use super::violation::Violation;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    for line in case.history {
        if let Event::Began(began) = &line.event {
            found.extend(began.reads.iter().filter_map(|read| judge_one(case, began, read)));
        }
    }
}

fn judge_one(case: &Case<'_>, began: &Began, read: &Read) -> Option<Violation> {
    let (effect, own) = (began.effect(), read.task.clone());
    let outcome = case.jobs.get(&read.job).and_then(|story| story.outcome(&read.task));
    let Some((written, _)) = outcome.filter(|(_, kept)| *kept == read.value) else {
        let kept = outcome.map(|(_, kept)| kept.clone());
        return Some(Violation::WrongInput { effect, read: own, seen: read.value.clone(), kept });
    };
    // The journals of two jobs cannot be compared. An attempt that is not written is judged elsewhere.
    let began_at = case.jobs.get(&began.job)?.start(&began.task, began.attempt)?;
    (read.job == began.job && began_at < *written).then_some(Violation::Early { effect, read: own })
}
