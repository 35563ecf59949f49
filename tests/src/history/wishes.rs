//! What somebody wanted of a job is done, once he was told that it is written down.

use workflow_runtime::Fact;

use super::case::{Case, Story};
use super::event::{Event, Outcome, Wish};
use super::violation::Violation;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    for line in case.history {
        if let Event::Granted { job, wish } = &line.event
            // A job that is not there is lost; that is said elsewhere.
            && let Some(story) = case.jobs.get(job)
            && !is_done(story, wish)
        {
            found.push(Violation::Unheeded { job: *job, wish: wish.clone() });
        }
    }
}

fn is_done(story: &Story<'_>, wish: &Wish) -> bool {
    let is_written =
        |wanted: &dyn Fn(&Fact) -> bool| story.kept.journal.iter().any(|record| wanted(&record.fact));
    match wish {
        Wish::Cancel => !matches!(story.end(), Some(Outcome::Done(_))),
        Wish::Pause => is_written(&|fact| matches!(fact, Fact::Paused)),
        Wish::Resume => is_written(&|fact| matches!(fact, Fact::Resumed)),
        Wish::Signal(name) => {
            is_written(&|fact| matches!(fact, Fact::Signalled { event, .. } if **event == **name))
        }
    }
}
