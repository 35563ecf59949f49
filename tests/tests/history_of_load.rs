//! Histories of the real runtime, whose process ends at random records: the judge finds nothing in them, and finds
//! whatever is done to them afterwards.

use std::time::Duration;

use serde_json::json;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Fact, JobFilter, JobState, JobStatus, Record, TaskId, Timestamp};
use workflow_tests::history::{
    Began, Event, Kept, Line, Outcome, Recorder, Rules, Tick, Violation, Wish, check,
};
use workflow_tests::random::Rng;
use workflow_tests::workload;

/// A history of some jobs and some crashes.
async fn history(seed: u64) -> Vec<Line> {
    let mut rng = Rng::new(seed);
    let recorder = Recorder::in_memory(1);
    let builder = workload::builder(&recorder, Duration::from_millis(20));
    let mut runtime = TestRuntime::seeded(builder, seed);
    let mut accepted = vec![];
    for round in 0..6 {
        for count in 0..1 + rng.below(3) {
            let request = format!("{round}.{count}");
            recorder.note(Event::Asked { request: request.clone() });
            let job = runtime.submit(workload::input(&request)).await.expect("it is taken in").id();
            recorder.note(Event::Accepted { request, job });
            accepted.push(job);
        }
        runtime.crash_after(rng.below(60) as usize);
        for _ in 0..rng.below(8) {
            runtime.advance(Duration::from_millis(rng.below(60)));
            signal_all(&runtime, &recorder).await;
        }
        // Jobs that two runtimes make in one millisecond of the virtual clock would have the same id.
        runtime.crash_after(0);
        runtime.advance(Duration::from_millis(1));
        runtime = runtime.restart();
        recorder.reborn();
    }
    let is_open = |job: &JobStatus| !job.state.is_over();
    for _ in 0..1000 {
        if !runtime.jobs(&JobFilter::new()).iter().any(is_open) {
            break;
        }
        signal_all(&runtime, &recorder).await;
        runtime.advance(Duration::from_secs(1));
    }
    let open: Vec<JobStatus> = runtime.jobs(&JobFilter::new()).into_iter().filter(is_open).collect();
    assert!(open.is_empty(), "SEED={seed}: {open:#?}");
    for job in accepted.iter().filter_map(|job| runtime.job(*job)) {
        let outcome = Outcome::of(job.result().expect("it is over"));
        recorder.note(Event::Told { job: job.id(), outcome });
    }
    for job in runtime.jobs(&JobFilter::new()).iter().filter_map(|job| runtime.job(job.id)) {
        recorder.note(Event::Kept(Kept::of(&job).into()));
    }
    let parsed = recorder.parsed();
    assert_eq!(parsed.torn, 0);
    parsed.lines
}

async fn signal_all(runtime: &TestRuntime, recorder: &Recorder) {
    for job in runtime.jobs(&JobFilter::new()).iter().filter_map(|job| runtime.job(job.id)) {
        if !runtime.has_crashed() {
            workload::signal(&job, recorder).await;
        }
    }
}

#[tokio::test]
async fn nothing_is_found_in_histories_of_the_runtime() {
    let (mut undone, mut again, mut succeeded) = (0, 0, 0);
    for seed in 0..30 {
        let history = history(seed).await;
        let found: Vec<String> =
            check(&history, &workload::rules()).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "SEED={seed}: {found:#?}");
        for line in &history {
            match &line.event {
                Event::Began(began) => {
                    undone += usize::from(began.task.starts_with("undo/"));
                    again += usize::from(began.attempt > 1);
                }
                Event::Told { outcome: Outcome::Done(_), .. } => succeeded += 1,
                _ => {}
            }
        }
    }
    assert!(undone > 50 && again > 300 && succeeded > 100, "{undone} {again} {succeeded}");
}

/// A history in which something is changed.
struct Changed {
    lines: Vec<Line>,
    rules: Rules,
    rng: Rng,
}

impl Changed {
    /// The places of some lines; one of them, at random.
    fn any(&mut self, wanted: impl Fn(&Event) -> bool) -> Option<usize> {
        let places: Vec<usize> =
            (0..self.lines.len()).filter(|place| wanted(&self.lines[*place].event)).collect();
        (!places.is_empty()).then(|| *self.rng.pick(&places))
    }

    fn began(&mut self, wanted: impl Fn(&Began) -> bool) -> Option<(usize, Began)> {
        let place = self.any(|event| matches!(event, Event::Began(began) if wanted(began)))?;
        let Event::Began(began) = &self.lines[place].event else { return None };
        Some((place, began.clone()))
    }

    fn kept(&mut self, wanted: impl Fn(&Kept) -> bool) -> Option<&mut Kept> {
        let place = self.any(|event| matches!(event, Event::Kept(kept) if wanted(kept)))?;
        let Event::Kept(kept) = &mut self.lines[place].event else { return None };
        Some(kept)
    }

    /// A record of any job, with its job and its place.
    fn record(&mut self, wanted: impl Fn(&Fact) -> bool) -> Option<(&mut Kept, usize)> {
        let has = |kept: &Kept| kept.journal.iter().any(|record| wanted(&record.fact));
        let kept = self.kept(has)?;
        let place = kept.journal.iter().position(|record| wanted(&record.fact))?;
        Some((kept, place))
    }
}

fn number(kept: &Kept, path: &str) -> Option<TaskId> {
    let place = kept.tasks.iter().position(|task| task == path)?;
    TaskId::try_from(place).ok()
}

fn is_end(fact: &Fact) -> bool {
    matches!(fact, Fact::JobSucceeded { .. } | Fact::JobFailed { .. })
}

fn is_outcome(fact: &Fact) -> bool {
    matches!(fact, Fact::Succeeded { .. })
}

/// What is done to a history; nothing if there is no place for it.
type Change = fn(&mut Changed) -> Option<()>;

/// Whether a violation is the one that was to be found.
type Expected = fn(&Violation) -> bool;

const CHANGES: &[(&str, Change, Expected)] = &[
    (
        "a job is lost",
        |all| {
            let lost = all.any(|event| matches!(event, Event::Kept(_)))?;
            all.lines.remove(lost);
            Some(())
        },
        |found| matches!(found, Violation::Lost { .. }),
    ),
    (
        "a job never ends",
        |all| {
            let (kept, end) = all.record(is_end)?;
            kept.journal.truncate(end);
            kept.state = JobState::Running;
            Some(())
        },
        |found| matches!(found, Violation::NeverEnded { .. }),
    ),
    (
        "a job ends twice",
        |all| {
            let (kept, end) = all.record(is_end)?;
            kept.journal.push(kept.journal[end].clone());
            Some(())
        },
        |found| matches!(found, Violation::EndedTwice { .. }),
    ),
    (
        "an outcome is written twice",
        |all| {
            let (kept, place) = all.record(is_outcome)?;
            kept.journal.insert(place, kept.journal[place].clone());
            Some(())
        },
        |found| matches!(found, Violation::TwoOutcomes { .. }),
    ),
    (
        "another outcome is written",
        |all| {
            let (_, Began { job, task, .. }) = all.began(|_| true)?;
            let kept = all.kept(|kept| kept.job == job)?;
            let id = number(kept, &task)?;
            let outcome = |fact: &Fact| matches!(fact, Fact::Succeeded { task, .. } if *task == id);
            let record = kept.journal.iter_mut().find(|record| outcome(&record.fact))?;
            record.fact = Fact::Succeeded { task: id, output: json!("nobody gave it").into() };
            Some(())
        },
        |found| matches!(found, Violation::NotItsOutcome { .. }),
    ),
    (
        "an attempt is not written",
        |all| {
            let (kept, place) = all.record(|fact| matches!(fact, Fact::Started { .. }))?;
            kept.journal.remove(place);
            Some(())
        },
        |found| matches!(found, Violation::NotWritten { .. }),
    ),
    (
        "an attempt begins before what it reads is written",
        |all| {
            let (_, began) = all.began(|began| began.reads.iter().any(|read| read.job == began.job))?;
            let read = began.reads.iter().find(|read| read.job == began.job)?;
            let kept = all.kept(|kept| kept.job == began.job)?;
            let (reader, source) = (number(kept, &began.task)?, number(kept, &read.task)?);
            let is_start = |fact: &Fact| matches!(fact, Fact::Started { task, attempt } if (*task, *attempt) == (reader, began.attempt));
            let start = kept.journal.iter().position(|record| is_start(&record.fact))?;
            let begins = kept.journal.remove(start);
            let is_source = |fact: &Fact| matches!(fact, Fact::Succeeded { task, .. } if *task == source);
            let before = kept.journal.iter().position(|record| is_source(&record.fact))?;
            kept.journal.insert(before, begins);
            Some(())
        },
        |found| matches!(found, Violation::Early { .. }),
    ),
    (
        "an attempt is given something else",
        |all| {
            let (place, mut began) = all.began(|began| !began.reads.is_empty())?;
            began.reads[0].value = json!("nobody made it");
            all.lines[place].event = Event::Began(began);
            Some(())
        },
        |found| matches!(found, Violation::WrongInput { .. }),
    ),
    (
        "a step runs again after another has read its outcome",
        |all| {
            let (place, reader) = all.began(|began| began.reads.iter().any(|read| read.job == began.job))?;
            let read = reader.reads.into_iter().find(|read| read.job == reader.job)?;
            let (_, mut again) = all.began(|began| began.job == read.job && began.task == read.task)?;
            again.attempt += 100;
            let process = all.lines[place].process;
            all.lines.insert(place + 1, Line { process, event: Event::Began(again) });
            Some(())
        },
        |found| matches!(found, Violation::RanAgain { why, .. } if why.contains("another")),
    ),
    (
        "a step runs again after its outcome was written",
        |all| {
            let (kept, place) = all.record(is_outcome)?;
            let task = kept.journal[place].fact.task()?;
            let fact = Fact::Started { task, attempt: 100 };
            kept.journal.insert(place + 1, Record { at: kept.journal[place].at, fact });
            Some(())
        },
        |found| matches!(found, Violation::RanAgain { why, .. } if why.contains("written")),
    ),
    (
        "a step runs again after the result was told",
        |all| {
            let told = all.any(|event| matches!(event, Event::Told { .. }))?;
            let Event::Told { job, .. } = all.lines[told].event else { return None };
            let (_, mut again) = all.began(|began| began.job == job)?;
            again.attempt += 100;
            let process = all.lines[told].process;
            all.lines.insert(told + 1, Line { process, event: Event::Began(again) });
            Some(())
        },
        |found| matches!(found, Violation::RanAgain { why, .. } if why.contains("told")),
    ),
    (
        "an attempt's number is used again",
        |all| {
            let (place, mut began) = all.began(|began| began.attempt > 1)?;
            began.attempt -= 1;
            all.lines[place].event = Event::Began(began);
            Some(())
        },
        |found| matches!(found, Violation::Repeated { .. }),
    ),
    (
        "an attempt runs on while the next begins",
        |all| {
            let (next, began) = all.began(|began| began.attempt > 1)?;
            let is_its = |event: &Event| {
                matches!(event, Event::Ended { job, task, attempt, .. }
                    if *job == began.job && *task == began.task && *attempt + 1 == began.attempt)
            };
            let ended = all.lines[..next].iter().rposition(|line| is_its(&line.event))?;
            if all.lines[ended..next].iter().any(|line| line.event == Event::Died) {
                return None;
            }
            let line = all.lines.remove(ended);
            all.lines.insert(next, line);
            Some(())
        },
        |found| matches!(found, Violation::AtOnce { .. }),
    ),
    (
        "a key changes",
        |all| {
            let (place, mut began) = all.began(|began| began.attempt > 1)?;
            began.key.push('2');
            all.lines[place].event = Event::Began(began);
            Some(())
        },
        |found| matches!(found, Violation::KeyChanged { .. }),
    ),
    (
        "two tasks have one key",
        |all| {
            let (place, mut began) = all.began(|_| true)?;
            let (_, other) = all.began(|other| (other.job, &other.task) != (began.job, &began.task))?;
            began.key = other.key;
            all.lines[place].event = Event::Began(began);
            Some(())
        },
        |found| matches!(found, Violation::KeyShared { .. }),
    ),
    (
        "what was saved is forgotten",
        |all| {
            let place = all.any(|event| matches!(event, Event::Restored { mark: Some(_), .. }))?;
            if let Event::Restored { mark, .. } = &mut all.lines[place].event {
                *mark = None;
            }
            Some(())
        },
        |found| matches!(found, Violation::Forgot { found: None, .. }),
    ),
    (
        "what was granted is not done",
        |all| {
            let place = all.any(|event| matches!(event, Event::Told { outcome: Outcome::Done(_), .. }))?;
            let Line { process, event: Event::Told { job, .. } } = all.lines[place] else { return None };
            all.lines.push(Line { process, event: Event::Granted { job, wish: Wish::Cancel } });
            Some(())
        },
        |found| matches!(found, Violation::Unheeded { wish: Wish::Cancel, .. }),
    ),
    (
        "what was done first is taken back first",
        |all| {
            let is_undo = |task: &String| task.starts_with("undo/");
            let kept = all.kept(|kept| kept.tasks.iter().filter(|task| is_undo(task)).count() > 1)?;
            let first = kept.tasks.iter().position(is_undo)?;
            let last = kept.tasks.iter().rposition(is_undo)?;
            kept.tasks.swap(first, last);
            Some(())
        },
        |found| matches!(found, Violation::UndoOrder { .. }),
    ),
    (
        "something is taken back that was not done",
        |all| {
            let (_, undo) = all.began(|began| began.task.starts_with("undo/"))?;
            let kept = all.kept(|kept| kept.job == undo.job)?;
            let id = number(kept, undo.task.strip_prefix("undo/")?)?;
            kept.journal.retain(|record| !(is_outcome(&record.fact) && record.fact.task() == Some(id)));
            Some(())
        },
        |found| matches!(found, Violation::UndoOfNothing { .. }),
    ),
    (
        "another result is told",
        |all| {
            let told = all.any(|event| matches!(event, Event::Told { .. }))?;
            if let Event::Told { outcome, .. } = &mut all.lines[told].event {
                *outcome = Outcome::Done(json!("something else"));
            }
            Some(())
        },
        |found| matches!(found, Violation::WrongResult { .. }),
    ),
    (
        "a result is forgotten",
        |all| {
            all.kept(|kept| kept.outcome.is_some())?.outcome = None;
            Some(())
        },
        |found| matches!(found, Violation::WrongResult { told: None, .. }),
    ),
    (
        "a tick is missed",
        |all| {
            all.rules.ticks = Some([tick()].into());
            Some(())
        },
        |found| matches!(found, Violation::TickMissed { .. }),
    ),
    (
        "a tick comes though nobody asked",
        |all| {
            all.rules.ticks = Some([].into());
            all.kept(|_| true)?.tick = Some(tick());
            Some(())
        },
        |found| matches!(found, Violation::TickUnasked { .. }),
    ),
    (
        "a tick comes twice",
        |all| {
            all.rules.ticks = Some([tick()].into());
            all.kept(|kept| kept.tick.is_none())?.tick = Some(tick());
            all.kept(|kept| kept.tick.is_none())?.tick = Some(tick());
            Some(())
        },
        |found| matches!(found, Violation::TickTwice { .. }),
    ),
    (
        "more run than may",
        |all| {
            let limit = all.rules.limits.values_mut().next()?;
            *limit = limit.checked_sub(1)?;
            Some(())
        },
        |found| matches!(found, Violation::OverLimit { .. }),
    ),
];

fn tick() -> Tick {
    Tick { schedule: "nightly".into(), at: Timestamp::EPOCH }
}

#[tokio::test]
async fn whatever_is_changed_is_found() {
    let mut applied = vec![0; CHANGES.len()];
    for seed in 0..4 {
        let lines = history(seed).await;
        for (number, (what, change, expected)) in CHANGES.iter().enumerate() {
            for again in 0..4 {
                let rng = Rng::new(seed << 8 | again);
                let mut changed = Changed { lines: lines.clone(), rules: workload::rules(), rng };
                if change(&mut changed).is_none() {
                    continue;
                }
                applied[number] += 1;
                let found = check(&changed.lines, &changed.rules);
                assert!(found.iter().any(expected), "SEED={seed}, {again}: {what}: {found:?}");
            }
        }
    }
    for (count, (what, ..)) in applied.iter().zip(CHANGES) {
        assert!(*count >= 4, "{what}: {count}");
    }
}
