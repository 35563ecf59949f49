//! What was asked for is there, has ended, once, and as it was told.

use std::collections::{BTreeMap, HashSet};

use workflow_runtime::{Fact, JobId};

use super::case::{Case, Story};
use super::event::{Event, Outcome};
use super::violation::Violation;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    nothing_is_lost(case, found);
    for story in case.jobs.values() {
        ends_once(story, found);
        outcomes_come_once(story, found);
    }
    results_are_what_is_kept(case, found);
    jobs_end_as_expected(case, found);
}

fn nothing_is_lost(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut wanted: BTreeMap<JobId, String> = BTreeMap::new();
    for line in case.history {
        if let Event::Accepted { request, job } = &line.event {
            wanted.entry(*job).or_insert_with(|| format!("it was accepted for `{request}`"));
        }
    }
    for story in case.jobs.values() {
        for (task, child) in &story.called {
            let whose = || format!("`{}` of job {} called it", story.path(*task), story.kept.job);
            wanted.entry(*child).or_insert_with(whose);
        }
    }
    wanted.retain(|job, _| !case.jobs.contains_key(job));
    found.extend(wanted.into_iter().map(|(job, whose)| Violation::Lost { job, whose }));
}

fn ends_once(story: &Story<'_>, found: &mut Vec<Violation>) {
    let job = story.kept.job;
    let is_end = |fact: &Fact| matches!(fact, Fact::JobSucceeded { .. } | Fact::JobFailed { .. });
    match story.kept.journal.iter().position(|record| is_end(&record.fact)) {
        None => found.push(Violation::NeverEnded { job, state: story.kept.state }),
        Some(_) if !story.kept.state.is_over() => {
            found.push(Violation::NeverEnded { job, state: story.kept.state });
        }
        Some(place) if place + 1 < story.kept.journal.len() => found.push(Violation::EndedTwice { job }),
        Some(_) => {}
    }
}

fn outcomes_come_once(story: &Story<'_>, found: &mut Vec<Violation>) {
    let mut seen = HashSet::new();
    for record in &story.kept.journal {
        if let Fact::Succeeded { task, .. } | Fact::Failed { task, .. } = record.fact
            && !seen.insert(task)
        {
            found.push(Violation::TwoOutcomes { job: story.kept.job, task: story.path(task).to_owned() });
        }
    }
}

fn results_are_what_is_kept(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut compare = |job: JobId, told: Option<&Outcome>| {
        // A job that is not there is lost; that is said elsewhere.
        if let Some(kept) = case.jobs.get(&job).map(Story::end)
            && kept.as_ref() != told
        {
            found.push(Violation::WrongResult { job, told: told.cloned(), kept });
        }
    };
    for line in case.history {
        match &line.event {
            Event::Told { job, outcome } => compare(*job, Some(outcome)),
            Event::Kept(kept) => compare(kept.job, kept.outcome.as_ref()),
            _ => {}
        }
    }
    for story in case.jobs.values() {
        for (task, child) in &story.called {
            if let Some((_, output)) = story.succeeded.get(task) {
                compare(*child, Some(&Outcome::Done(output.clone())));
            }
        }
    }
}

fn jobs_end_as_expected(case: &Case<'_>, found: &mut Vec<Violation>) {
    let Some(expected) = case.rules.expected else { return };
    for line in case.history {
        if let Event::Accepted { request, job } = &line.event
            && let Some(outcome) = case.jobs.get(job).and_then(Story::end)
            && !expected(request, &outcome)
        {
            found.push(Violation::Unexpected { job: *job, request: request.clone(), outcome });
        }
    }
}
