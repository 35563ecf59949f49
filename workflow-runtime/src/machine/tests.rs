//! Every pair of states, tried on a machine: what the table allows happens, all else is refused and changes nothing.

use std::sync::Arc;

use super::illegal::Illegal;
use super::job::{Machine, Shape};
use crate::callee_kind::CalleeKind;
use crate::failure::{Failure, FailureKind};
use crate::record::{Fact, Input, JobOptions, Record, Spawn, Target};
use crate::state::{JobState, TaskState};
use crate::timestamp::Timestamp;
use crate::value::Value;

fn machine() -> Machine {
    let spawn = Spawn {
        key: None,
        callee: Target { name: "agent".into(), kind: CalleeKind::Agent },
        input: Input::Whole(Value::from(serde_json::json!(null))),
        after: Vec::new(),
        options: None,
        optional: false,
    };
    let mut machine = Machine::new(Shape::Single(Arc::new(spawn)), &JobOptions::default());
    apply(&mut machine, Fact::Begun).unwrap();
    machine
}

fn apply(machine: &mut Machine, fact: Fact) -> Result<(), Illegal> {
    machine.apply(&Record { at: Timestamp::EPOCH, fact })
}

fn failure(kind: FailureKind) -> Arc<Failure> {
    Arc::new(Failure::new(kind, "a test wants it"))
}

#[test]
fn every_pair_of_task_states_is_allowed_or_refused_by_the_table() {
    for from in TaskState::ALL {
        for to in TaskState::ALL {
            let mut machine = machine();
            machine.tasks[0].state = *from;
            let moved = machine.go(0, *to).map(|task| task.state);
            match moved {
                Ok(state) => {
                    assert!(from.may_become(*to), "{from} became {to}");
                    assert_eq!(state, *to);
                }
                Err(illegal) => {
                    assert!(!from.may_become(*to), "{from} could not become {to}");
                    assert_eq!(illegal, Illegal::Task { task: 0, from: *from, to: *to, why: "" });
                    let text = illegal.to_string();
                    assert!(text.contains(from.name()) && text.contains(to.name()), "{text}");
                    assert_eq!(machine.tasks[0].state, *from, "a refused move changes nothing");
                }
            }
        }
    }
}

#[test]
fn every_pair_of_job_states_is_allowed_or_refused_by_the_table() {
    for from in JobState::ALL {
        for to in JobState::ALL {
            let mut machine = machine();
            machine.state = *from;
            match machine.job_goes(*to) {
                Ok(()) => assert!(from.may_become(*to) && machine.state == *to, "{from} became {to}"),
                Err(illegal) => {
                    assert!(!from.may_become(*to), "{from} could not become {to}");
                    assert_eq!(illegal, Illegal::Job { from: *from, to: *to, why: "" });
                    assert_eq!(machine.state, *from);
                }
            }
        }
    }
}

/// Every fact, in every state of its task and of the job, those that never come together, too: it is taken or refused,
/// and never panics; one that is refused while the job runs changes nothing.
#[test]
fn every_fact_in_every_state_is_taken_or_refused() {
    let value = || Value::from(serde_json::json!(1));
    let facts: Vec<Fact> = vec![
        Fact::Begun,
        Fact::Started { task: 0, attempt: 1 },
        Fact::Started { task: 0, attempt: 7 },
        Fact::Retrying { task: 0, due: Timestamp::EPOCH, failure: failure(FailureKind::Error) },
        Fact::Fell { task: 0, failure: failure(FailureKind::Error) },
        Fact::Lost { task: 0, killed: false },
        Fact::Returned { task: 0, output: Some(value()), failure: None },
        Fact::Succeeded { task: 0, output: value() },
        Fact::Failed { task: 0, failure: failure(FailureKind::Error) },
        Fact::Failed { task: 0, failure: failure(FailureKind::Cancelled) },
        Fact::Failed { task: 0, failure: failure(FailureKind::Expired) },
        Fact::Chose { task: 0, holds: true },
        Fact::Fanned { task: 0, items: Arc::new([value()]) },
        Fact::Rounded { task: 0, first: Some(value()), again: true },
        Fact::Slept { task: 0, until: Timestamp::EPOCH },
        Fact::Signalled { event: "event".into(), value: value() },
        Fact::Saved { task: 0, value: value() },
        Fact::Logged { task: 0, attempt: 1, message: "a line".into() },
        Fact::Noticed { task: 0 },
        Fact::Stopped { failure: failure(FailureKind::Cancelled) },
        Fact::Paused,
        Fact::Resumed,
        Fact::JobSucceeded { output: value() },
        Fact::JobFailed { failure: failure(FailureKind::Error) },
        Fact::Succeeded { task: 9, output: value() },
        Fact::Started { task: u32::MAX, attempt: 1 },
    ];
    for task in TaskState::ALL {
        for job in JobState::ALL {
            for fact in &facts {
                let mut machine = machine();
                machine.tasks[0].state = *task;
                machine.state = *job;
                let taken = apply(&mut machine, fact.clone());
                if let Err(illegal) = taken
                    && *job == JobState::Running
                {
                    let state = (machine.tasks[0].state, machine.state);
                    assert_eq!(
                        state,
                        (*task, *job),
                        "{fact:?} was refused ({illegal}) and changed something"
                    );
                }
            }
        }
    }
}

#[test]
fn what_was_submitted_comes_first_and_once() {
    let submission = crate::record::Submission {
        version: 1,
        id: crate::job_id::JobId::from_u128(1),
        work: crate::record::Work::Tasks(Arc::new(crate::record::Tasks {
            name: "none".to_owned(),
            tasks: Vec::new(),
            result: None,
            keep_going: false,
        })),
        options: JobOptions::default(),
    };
    let again = Fact::Submitted { submission: Arc::new(submission) };
    assert_eq!(apply(&mut machine(), again), Err(Illegal::Submission));
}
