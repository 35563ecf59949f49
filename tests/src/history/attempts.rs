//! What ran is written, ran under its own number and key, alone, and not after its outcome was known.

use std::collections::{HashMap, HashSet};

use workflow_runtime::JobId;

use super::case::{Case, Story};
use super::event::{Began, Event, Outcome};
use super::violation::{Effect, Violation};

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    for story in case.jobs.values() {
        nothing_starts_after_its_outcome(story, found);
    }
    outcomes_are_what_was_given(case, found);
    let mut past = Past::default();
    for line in case.history {
        match &line.event {
            Event::Began(began) => past.begin(case, line.process, began, found),
            Event::Ended { job, task, attempt, .. } => {
                let running = past.running.get(&(*job, task.as_str()));
                if running.is_some_and(|running| *running == (line.process, *attempt)) {
                    past.running.remove(&(*job, task.as_str()));
                }
            }
            // What it runs, others may run again from now on.
            Event::Stopped => {
                past.stopped.insert(line.process);
                past.running.retain(|_, (process, _)| *process != line.process);
            }
            Event::Died => past.running.retain(|_, (process, _)| *process != line.process),
            Event::Told { job, .. } => {
                past.told.insert(*job);
            }
            _ => {}
        }
    }
}

impl Began {
    pub(super) fn effect(&self) -> Effect {
        Effect { job: self.job, task: self.task.clone(), attempt: self.attempt }
    }
}

/// What has been seen until a moment.
#[derive(Default)]
struct Past<'a> {
    last: HashMap<(JobId, &'a str), &'a Began>,
    running: HashMap<(JobId, &'a str), (u32, u32)>,
    keys: HashMap<&'a str, &'a Began>,
    /// Tasks whose outcome somebody has read.
    read: HashSet<(JobId, &'a str)>,
    told: HashSet<JobId>,
    /// Processes that have stood still: what they begin, they may have been allowed to long ago.
    stopped: HashSet<u32>,
}

impl<'a> Past<'a> {
    fn begin(&mut self, case: &Case<'_>, process: u32, began: &'a Began, found: &mut Vec<Violation>) {
        let (task, effect) = ((began.job, began.task.as_str()), began.effect());
        let story = case.jobs.get(&began.job);
        if story.and_then(|story| story.start(&began.task, began.attempt)).is_none() {
            found.push(Violation::NotWritten { effect: effect.clone() });
        }
        if self.stopped.contains(&process) {
            return;
        }
        if let Some((_, other)) = self.running.insert(task, (process, began.attempt)) {
            found.push(Violation::AtOnce { effect: effect.clone(), other });
        }
        if self.told.contains(&began.job) {
            let why = "somebody was told how its job ended";
            found.push(Violation::RanAgain { effect: effect.clone(), why });
        } else if self.read.contains(&task) {
            let why = "another has begun with its outcome";
            found.push(Violation::RanAgain { effect: effect.clone(), why });
        }
        if let Some(last) = self.last.insert(task, began) {
            if last.attempt >= began.attempt {
                found.push(Violation::Repeated { effect: effect.clone(), before: last.attempt });
            }
            if last.key != began.key {
                let (before, now) = (last.key.clone(), began.key.clone());
                found.push(Violation::KeyChanged { effect: effect.clone(), before, now });
            }
        }
        let first = self.keys.entry(&began.key).or_insert(began);
        if (first.job, first.task.as_str()) != task {
            let (other, key) = (first.effect(), began.key.clone());
            found.push(Violation::KeyShared { effect, other, key });
        }
        self.read.extend(began.reads.iter().map(|read| (read.job, read.task.as_str())));
    }
}

fn nothing_starts_after_its_outcome(story: &Story<'_>, found: &mut Vec<Violation>) {
    for (task, attempts) in &story.started {
        for pair in attempts.windows(2) {
            if pair[0].0 >= pair[1].0 {
                let effect = story.effect(*task, pair[1].0);
                found.push(Violation::Repeated { effect, before: pair[0].0 });
            }
        }
        let Some((ended, _)) = story.succeeded.get(task) else { continue };
        for (attempt, _) in attempts.iter().filter(|(_, place)| place > ended) {
            let why = "its outcome is written before";
            found.push(Violation::RanAgain { effect: story.effect(*task, *attempt), why });
        }
    }
}

/// The outcome that is written is what the last attempt before it gave, if that attempt was seen.
fn outcomes_are_what_was_given(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut given: HashMap<(JobId, &str, u32), Option<&Outcome>> = HashMap::new();
    for line in case.history {
        match &line.event {
            Event::Began(began) => {
                given.entry((began.job, &began.task, began.attempt)).or_default();
            }
            Event::Ended { job, task, attempt, outcome: Some(outcome) } => {
                given.insert((*job, task, *attempt), Some(outcome));
            }
            _ => {}
        }
    }
    for story in case.jobs.values() {
        for (task, (ended, kept)) in &story.succeeded {
            let attempts = story.started.get(task).map_or(&[][..], |attempts| attempts);
            let Some((attempt, _)) = attempts.iter().rfind(|(_, place)| place < ended) else { continue };
            let seen = given.get(&(story.kept.job, story.path(*task), *attempt));
            if let Some(given) = seen
                && *given != Some(&Outcome::Done(kept.clone()))
            {
                let (effect, given) = (story.effect(*task, *attempt), given.cloned());
                found.push(Violation::NotItsOutcome { effect, given, kept: kept.clone() });
            }
        }
    }
}
