//! The judge of histories: one bad history for every violation, and the words in which it is told.

use serde_json::{Value as Json, json};
use workflow_runtime::{Fact, Failure, FailureKind, JobId, JobState, Record, Timestamp};
use workflow_tests::history::{
    Began, Event, Kept, Line, Outcome, Parsed, Read, Recorder, Rules, Tick, Wish, check,
};

const JOB: JobId = JobId::from_u128(1);
const CHILD: JobId = JobId::from_u128(2);
const ID: &str = "00000000-0000-0000-0000-000000000001";

/// A job of two steps, `a` and `b`, that is right unless something is done to it.
struct Story {
    told: Vec<Line>,
    kept: Kept,
    more: Vec<Kept>,
    rules: Rules,
}

fn record(fact: Fact) -> Record {
    Record { at: Timestamp::EPOCH, fact }
}

fn started(task: u32, attempt: u32) -> Record {
    record(Fact::Started { task, attempt })
}

fn succeeded(task: u32, output: Json) -> Record {
    record(Fact::Succeeded { task, output: output.into() })
}

fn done(output: Json) -> Record {
    record(Fact::JobSucceeded { output: output.into() })
}

fn failed() -> Record {
    record(Fact::JobFailed { failure: Failure::new(FailureKind::Error, "no").into() })
}

fn line(event: Event) -> Line {
    Line { process: 1, event }
}

fn began(task: &str, attempt: u32, reads: &[(&str, Json)]) -> Line {
    let read = |(task, value): &(&str, Json)| Read { job: JOB, task: (*task).into(), value: value.clone() };
    let (key, queue) = (format!("key of {task}"), Some("q".to_owned()));
    let reads = reads.iter().map(read).collect();
    line(Event::Began(Began { job: JOB, task: task.into(), attempt, key, queue, reads }))
}

fn ended(task: &str, attempt: u32, output: Json) -> Line {
    let outcome = Some(Outcome::Done(output));
    line(Event::Ended { job: JOB, task: task.into(), attempt, outcome })
}

fn story() -> Story {
    let told = vec![
        line(Event::Born),
        line(Event::Asked { request: "r".into() }),
        line(Event::Accepted { request: "r".into(), job: JOB }),
        began("a", 1, &[]),
        ended("a", 1, json!("A")),
        began("b", 1, &[("a", json!("A"))]),
        ended("b", 1, json!("B")),
        line(Event::Told { job: JOB, outcome: Outcome::Done(json!("B")) }),
    ];
    let journal = vec![
        record(Fact::Begun),
        started(0, 1),
        succeeded(0, json!("A")),
        started(1, 1),
        succeeded(1, json!("B")),
    ];
    let mut kept = of(JOB, journal);
    kept.journal.push(done(json!("B")));
    kept.outcome = Some(Outcome::Done(json!("B")));
    Story { told, kept, more: vec![], rules: Rules::default() }
}

fn of(job: JobId, journal: Vec<Record>) -> Kept {
    let tasks = ["a", "b", "undo/b", "undo/a"].map(str::to_owned).to_vec();
    Kept { job, state: JobState::Succeeded, outcome: None, tasks, journal, tick: None }
}

fn tick(at: u64) -> Tick {
    Tick { schedule: "nightly".into(), at: Timestamp::from_micros(at) }
}

/// What is found when this is done to the story; the id of its job is `J`.
fn found(change: impl FnOnce(&mut Story)) -> Vec<String> {
    let mut story = story();
    change(&mut story);
    let kept = std::iter::once(story.kept).chain(story.more);
    let kept = kept.filter(|kept| !kept.journal.is_empty()).map(|kept| line(Event::Kept(kept.into())));
    let history: Vec<Line> = story.told.into_iter().chain(kept).collect();
    // It is the same after it was written and read.
    let bytes: Vec<u8> = history.iter().flat_map(Line::to_bytes).collect();
    assert_eq!(Parsed::of(&bytes), Parsed { lines: history.clone(), torn: 0 });
    let found = check(&history, &story.rules);
    found.iter().map(|violation| violation.to_string().replace(ID, "J")).collect()
}

#[test]
fn a_good_history_is_good() {
    assert_eq!(found(|_| ()), [""; 0]);
}

#[test]
fn a_job_that_was_accepted_is_there_and_ends_once() {
    assert_eq!(
        found(|story| {
            story.kept.journal.clear();
            story.told.truncate(3);
        }),
        ["job J is lost: it was accepted for `r`"]
    );
    let child = "00000000-0000-0000-0000-000000000002";
    assert_eq!(
        found(|story| story.kept.journal.insert(1, record(Fact::Called { task: 1, job: CHILD }))),
        [format!("job {child} is lost: `b` of job J called it")]
    );
    assert_eq!(
        found(|story| {
            story.kept.journal.pop();
            story.kept.state = JobState::Running;
            story.kept.outcome = None;
            story.told.pop();
        }),
        ["job J never ends: it is Running"]
    );
    let twice = "job J ended twice, or went on after its end";
    assert_eq!(found(|story| story.kept.journal.push(done(json!("B")))), [twice]);
    assert_eq!(found(|story| story.kept.journal.push(record(Fact::Paused))), [twice]);
}

#[test]
fn a_step_has_one_outcome_which_is_what_its_attempt_gave() {
    let two = "`b` of job J has two outcomes";
    assert_eq!(found(|story| story.kept.journal.insert(5, succeeded(1, json!("B")))), [two]);
    let failure = || Failure::new(FailureKind::Error, "no").into();
    let failed = || record(Fact::Failed { task: 1, failure: failure() });
    assert_eq!(found(|story| story.kept.journal.insert(4, failed())), [two]);
    assert_eq!(
        found(|story| story.kept.journal[4] = succeeded(1, json!("C"))),
        [r#"attempt 1 of `b` of job J gave "B", but "C" is written"#]
    );
    assert_eq!(
        found(|story| drop(story.told.remove(6))),
        [r#"attempt 1 of `b` of job J gave nothing, but "B" is written"#]
    );
}

#[test]
fn what_runs_is_written_and_reads_what_is_written() {
    assert_eq!(
        found(|story| drop(story.kept.journal.remove(3))),
        ["attempt 1 of `b` of job J ran, but it is not written that it began"]
    );
    assert_eq!(
        found(|story| story.kept.journal.swap(2, 3)),
        ["attempt 1 of `b` of job J began before the outcome of `a` was written"]
    );
    assert_eq!(
        found(|story| story.told[5] = began("b", 1, &[("a", json!("X"))])),
        [r#"attempt 1 of `b` of job J was given "X" of `a`, but "A" is written"#]
    );
    assert_eq!(
        found(|story| drop(story.kept.journal.remove(2))),
        [r#"attempt 1 of `b` of job J was given "A" of `a`, but nothing is written"#]
    );
}

#[test]
fn what_is_done_is_not_done_again() {
    assert_eq!(
        found(|story| {
            story.kept.journal.insert(4, started(0, 2));
            story.told.insert(6, began("a", 2, &[]));
        }),
        [
            "attempt 2 of `a` of job J began again: its outcome is written before",
            "attempt 2 of `a` of job J began again: another has begun with its outcome",
        ]
    );
    assert_eq!(
        found(|story| {
            story.kept.journal.insert(4, started(1, 2));
            story.told[6] = ended("b", 1, json!("not taken"));
            story.told.extend([began("b", 2, &[]), ended("b", 2, json!("B"))]);
        }),
        ["attempt 2 of `b` of job J began again: somebody was told how its job ended"]
    );
}

#[test]
fn attempts_are_counted_and_run_alone() {
    let again = || [began("a", 1, &[]), ended("a", 1, json!("A"))];
    assert_eq!(
        found(|story| drop(story.told.splice(5..5, again()))),
        ["attempt 1 of `a` of job J began after attempt 1"]
    );
    assert_eq!(
        found(|story| story.kept.journal.insert(3, started(0, 1)))[..1],
        ["attempt 1 of `a` of job J began after attempt 1"]
    );
    let second = || [began("a", 2, &[]), ended("a", 2, json!("A"))];
    let twice = |story: &mut Story, at| {
        story.kept.journal.insert(2, started(0, 2));
        story.told.splice(at..at, second());
    };
    assert_eq!(found(|story| twice(story, 4)), ["attempt 2 of `a` of job J began while attempt 1 ran"]);
    assert_eq!(found(|story| twice(story, 5)), [""; 0]);
    let dies = |story: &mut Story| {
        twice(story, 4);
        story.told[6] = line(Event::Died);
        story.told.swap(4, 6);
        story.told.swap(5, 6);
    };
    assert_eq!(found(dies), [""; 0]);
}

#[test]
fn what_is_saved_is_found() {
    let saved = |mark| line(Event::Saved { job: JOB, task: "a".into(), mark });
    let restored = |mark| line(Event::Restored { job: JOB, task: "a".into(), mark });
    let all = |lines: [Line; 3]| found(|story| drop(story.told.splice(4..4, lines)));
    assert_eq!(all([restored(None), saved(1), restored(Some(1))]), [""; 0]);
    // Who was killed may have saved more than he was told.
    assert_eq!(all([restored(None), saved(1), restored(Some(2))]), [""; 0]);
    let forgot = |found: &str| vec![format!("`a` of job J had saved 2, and found {found}")];
    assert_eq!(all([saved(1), saved(2), restored(Some(1))]), forgot("1"));
    assert_eq!(all([saved(1), saved(2), restored(None)]), forgot("nothing"));
}

#[test]
fn what_is_wanted_and_granted_is_done() {
    let granted = |story: &mut Story, wish: Wish| {
        story.told.insert(3, line(Event::Granted { job: JOB, wish }));
    };
    let signal = || Wish::Signal("go".into());
    let unheeded =
        |wish: &str| [format!("of job J {wish} was wanted and said to be written down, and is not done")];
    assert_eq!(found(|story| granted(story, Wish::Cancel)), unheeded("Cancel"));
    assert_eq!(found(|story| granted(story, Wish::Pause)), unheeded("Pause"));
    assert_eq!(found(|story| granted(story, Wish::Resume)), unheeded("Resume"));
    assert_eq!(found(|story| granted(story, signal())), unheeded(r#"Signal("go")"#));
    let heeded = |wish: Wish, fact: Fact| {
        found(|story| {
            granted(story, wish);
            story.kept.journal.insert(1, record(fact));
        })
    };
    assert_eq!(heeded(Wish::Pause, Fact::Paused), [""; 0]);
    assert_eq!(heeded(Wish::Resume, Fact::Resumed), [""; 0]);
    let told = |event: &str| Fact::Signalled { event: event.into(), value: json!(1).into() };
    assert_eq!(heeded(signal(), told("go")), [""; 0]);
    assert_eq!(heeded(signal(), told("stop")), unheeded(r#"Signal("go")"#));
    let cancelled = found(|story| {
        granted(story, Wish::Cancel);
        story.kept.journal.pop();
        story.kept.journal.push(failed());
        story.kept.state = JobState::Cancelled;
        story.kept.outcome = Some(Outcome::Failed("no".into()));
        story.told.pop();
    });
    assert_eq!(cancelled, [""; 0]);
}

#[test]
fn a_key_is_one_tasks_for_ever() {
    assert_eq!(
        found(|story| {
            if let Event::Began(began) = &mut story.told[5].event {
                began.key = "key of a".into();
            }
        }),
        ["attempt 1 of `b` of job J has the key key of a of attempt 1 of `a` of job J"]
    );
    assert_eq!(
        found(|story| {
            story.kept.journal.insert(2, started(0, 2));
            story.told.splice(5..5, [began("a", 2, &[]), ended("a", 2, json!("A"))]);
            if let Event::Began(began) = &mut story.told[5].event {
                began.key = "another".into();
            }
        }),
        ["attempt 2 of `a` of job J has the key another, and an earlier one had key of a"]
    );
}

#[test]
fn what_was_done_is_taken_back_the_last_first() {
    let undone = |story: &mut Story, order: [(u32, &str); 2]| {
        story.kept.journal.pop();
        story.kept.state = JobState::Failed;
        story.kept.outcome = Some(Outcome::Failed("no".into()));
        story.told.pop();
        for (task, path) in order {
            story.kept.journal.extend([started(task, 1), succeeded(task, json!(null))]);
            story.told.extend([began(path, 1, &[]), ended(path, 1, json!(null))]);
        }
        story.kept.journal.push(failed());
    };
    assert_eq!(found(|story| undone(story, [(2, "undo/b"), (3, "undo/a")])), [""; 0]);
    let wrong = "job J took back `a` before `b`, which was done later";
    assert_eq!(found(|story| undone(story, [(3, "undo/a"), (2, "undo/b")])), [wrong]);
    assert_eq!(
        found(|story| {
            undone(story, [(2, "undo/b"), (3, "undo/a")]);
            let undone = story.told.split_off(7);
            story.told.extend([&undone[2..], &undone[..2]].concat());
        }),
        [wrong]
    );
    assert_eq!(
        found(|story| {
            undone(story, [(2, "undo/b"), (3, "undo/a")]);
            story.kept.journal.remove(4);
        }),
        ["job J took back `b`, which was not done, or though it succeeded"]
    );
}

#[test]
fn what_is_told_is_what_is_kept() {
    let outcome = |what: &str| Outcome::Done(json!(what));
    let wrong = [r#"of job J "C" was told, but "B" is kept"#];
    assert_eq!(found(|story| story.told[7] = line(Event::Told { job: JOB, outcome: outcome("C") })), wrong);
    assert_eq!(found(|story| story.kept.outcome = Some(outcome("C"))), wrong);
    assert_eq!(found(|story| story.kept.outcome = None), [r#"of job J nothing was told, but "B" is kept"#]);
    let called = |story: &mut Story, output: &str| {
        story.kept.journal[3] = record(Fact::Called { task: 1, job: CHILD });
        story.told.drain(5..7);
        let mut child = of(CHILD, vec![done(json!(output))]);
        child.outcome = Some(outcome(output));
        story.more.push(child);
    };
    assert_eq!(found(|story| called(story, "B")), [""; 0]);
    let wrong = r#"of job 00000000-0000-0000-0000-000000000002 "B" was told, but "C" is kept"#;
    assert_eq!(found(|story| called(story, "C")), [wrong]);
}

#[test]
fn a_job_ends_as_if_nothing_had_happened() {
    let right: fn(&str, &Outcome) -> bool =
        |request, outcome| request == "r" && *outcome == Outcome::Done(json!("B"));
    assert_eq!(found(|story| story.rules.expected = Some(right)), [""; 0]);
    assert_eq!(
        found(|story| {
            story.rules.expected = Some(right);
            story.told[2] = line(Event::Accepted { request: "s".into(), job: JOB });
        }),
        [r#"job J, asked for by `s`, ended with "B", which is not right"#]
    );
}

#[test]
fn a_tick_has_one_job() {
    let ticked = |story: &mut Story, ticks: &[u64], wanted: &[u64]| {
        story.rules.ticks = Some(wanted.iter().map(|at| tick(*at)).collect());
        for (job, at) in (3..).zip(ticks) {
            let mut more = of(JobId::from_u128(job), vec![done(json!(1))]);
            (more.outcome, more.tick) = (Some(Outcome::Done(json!(1))), Some(tick(*at)));
            story.more.push(more);
        }
    };
    assert_eq!(found(|story| ticked(story, &[1, 2], &[1, 2])), [""; 0]);
    let missed = found(|story| ticked(story, &[1], &[1, 2]));
    assert!(matches!(&missed[..], [one] if one.ends_with("has no job")), "{missed:?}");
    let twice = found(|story| ticked(story, &[1, 1], &[1]));
    assert!(matches!(&twice[..], [one] if one.contains("has the jobs [")), "{twice:?}");
    let unasked = found(|story| ticked(story, &[1, 3], &[1]));
    assert!(matches!(&unasked[..], [one] if one.ends_with("which is none")), "{unasked:?}");
}

#[test]
fn a_queue_has_so_many_places() {
    let beside = |story: &mut Story, limit: usize| {
        story.rules.limits.insert("q".into(), limit);
        story.told[5] = began("b", 1, &[]);
        story.told.swap(4, 5);
    };
    assert_eq!(found(|story| beside(story, 2)), [""; 0]);
    let over = "attempt 1 of `b` of job J began when 1 ran in queue `q`, which are all that may";
    assert_eq!(found(|story| beside(story, 1)), [over]);
    // Who died runs no more.
    let dies = |story: &mut Story| {
        beside(story, 1);
        story.kept.journal.splice(2..2, [record(Fact::Lost { task: 0, killed: true }), started(0, 2)]);
        story.told.splice(
            4..6,
            [line(Event::Died), began("a", 2, &[]), ended("a", 2, json!("A")), began("b", 1, &[])],
        );
    };
    assert_eq!(found(dies), [""; 0]);
}

#[test]
fn a_line_that_was_cut_is_counted_and_the_rest_is_read() {
    let whole: Vec<u8> = story().told.iter().flat_map(Line::to_bytes).collect();
    let all = story().told.len();
    let mut torn_somewhere = 0;
    for cut in 0..whole.len() {
        let bytes = [&whole[..cut], &line(Event::Died).to_bytes()].concat();
        let parsed = Parsed::of(&bytes);
        assert!(parsed.torn <= 1 && parsed.lines.last() == Some(&line(Event::Died)), "{cut}");
        assert!(parsed.lines.len() <= all + 1);
        torn_somewhere += parsed.torn;
    }
    assert!(torn_somewhere > whole.len() / 2);
    let mut changed = whole.clone();
    let place = changed.iter().position(|byte| *byte == b'B').expect("an output");
    changed[place] = b'C';
    assert_eq!(Parsed::of(&changed).torn, 1);
}

#[test]
fn a_recorder_appends_to_what_an_earlier_one_left() {
    let directory = std::env::temp_dir().join(format!("history-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory can be made");
    let path = directory.join("history");
    drop(Recorder::append(1, &path).expect("it can be opened"));
    let bytes = std::fs::read(&path).expect("it can be read");
    std::fs::write(&path, &bytes[..bytes.len() - 3]).expect("it can be written");
    Recorder::append(2, &path).expect("it can be opened").note(Event::Asked { request: "r".into() });
    let parsed = Parsed::of(&std::fs::read(&path).expect("it can be read"));
    std::fs::remove_dir_all(&directory).expect("it can be removed");
    let expected = [Event::Born, Event::Asked { request: "r".into() }];
    assert_eq!(parsed.lines, expected.map(|event| Line { process: 2, event }));
    assert_eq!(parsed.torn, 1);
}
