//! What is taken back was done, and the last of it comes first.

use std::collections::HashMap;

use workflow_runtime::{Fact, JobId};

use super::case::{Case, Story};
use super::event::Event;
use super::violation::Violation;

/// The paths of tasks that take something back begin so, and go on with the path of what they take back.
const UNDO: &str = "undo/";

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut seen: HashMap<JobId, Vec<&str>> = HashMap::new();
    for line in case.history {
        if let Event::Began(began) = &line.event
            && let Some(path) = began.task.strip_prefix(UNDO)
        {
            push_new(seen.entry(began.job).or_default(), path);
        }
    }
    for story in case.jobs.values() {
        let mut written = Vec::new();
        for record in &story.kept.journal {
            if let Fact::Started { task, .. } = record.fact
                && let Some(path) = story.path(task).strip_prefix(UNDO)
            {
                push_new(&mut written, path);
            }
        }
        let before = found.len();
        judge_order(story, &written, found);
        if found.len() == before {
            let seen = seen.get(&story.kept.job).map_or(&[][..], |seen| seen);
            judge_order(story, seen, found);
        }
    }
}

fn push_new<'a>(paths: &mut Vec<&'a str>, path: &'a str) {
    if !paths.contains(&path) {
        paths.push(path);
    }
}

fn judge_order(story: &Story<'_>, undone: &[&str], found: &mut Vec<Violation>) {
    let job = story.kept.job;
    let succeeded = story.kept.journal.iter().any(|record| matches!(record.fact, Fact::JobSucceeded { .. }));
    let done = |path: &str| story.outcome(path).map(|(place, _)| *place).filter(|_| !succeeded);
    for path in undone.iter().filter(|path| done(path).is_none()) {
        found.push(Violation::UndoOfNothing { job, task: (*path).to_owned() });
    }
    for pair in undone.windows(2) {
        if let (Some(first), Some(then)) = (done(pair[0]), done(pair[1]))
            && first < then
        {
            let (first, then) = (pair[0].to_owned(), pair[1].to_owned());
            found.push(Violation::UndoOrder { job, first, then });
        }
    }
}
