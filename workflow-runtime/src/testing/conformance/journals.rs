//! What is written of a job is read: its head, its records, what changes.

use std::sync::Arc;

use super::Held;
use super::jobs::{
    Stand, accepted, all, begin, full_head, has_records, last, lines, listed, moment, more, new, read, same,
};
use crate::options::Priority;
use crate::state::JobState;
use crate::store::{Change, Entry, Filter, Store};

pub(super) fn records_are_kept<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let (one, other) = (stand.head(), stand.head());
    let epochs = accepted(&store, &[new(&one, term, 3), new(&other, term, 1)])?;
    // By turns, several of a job in one batch, and one after the other.
    accepted(
        &store,
        &[
            more(one.id, epochs[0], 3, 2),
            more(other.id, epochs[1], 1, 1),
            more(one.id, epochs[0], 5, 1),
            more(other.id, epochs[1], 2, 4),
        ],
    )?;
    for first in 6..40 {
        accepted(&store, &[more(one.id, epochs[0], first, 1)])?;
        accepted(&store, &[more(other.id, epochs[1], first, 1)])?;
    }
    has_records(&read(&store, one.id)?, 40)?;
    has_records(&read(&store, other.id)?, 40)
}

pub(super) fn heads_are_kept<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let plain = stand.head();
    let mut heads = vec![plain.clone(), full_head(stand, plain.id)];
    heads.extend(JobState::ALL.iter().map(|state| {
        let mut head = stand.head();
        head.state = *state;
        if state.is_over() {
            head.ended = Some(moment(1));
            head.failure = (*state != JobState::Succeeded).then(|| Arc::from("because"));
        }
        head
    }));
    heads.extend([Priority::Low, Priority::Normal, Priority::High, Priority::Critical].map(|priority| {
        let mut head = stand.head();
        head.priority = Some(priority);
        head
    }));
    let mut settled = stand.head();
    (settled.state, settled.ended, settled.settled) = (JobState::Failed, Some(moment(1)), true);
    heads.push(settled);
    let entries: Vec<Entry> = heads.iter().map(|head| new(head, term, 1)).collect();
    accepted(&store, &entries)?;
    for head in &heads {
        same("the head that is read", &read(&store, head.id)?.head, head)?;
    }
    let listed = all(&store)?;
    same("the list of all heads", &listed, &heads)
}

pub(super) fn changes_are_seen<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let mut head = full_head(stand, stand.id());
    let epoch = begin(&store, &head, term, 1)?;
    let changes = [
        (JobState::Running, None, None, None),
        (JobState::Paused, None, None, Some("a step is gone")),
        (JobState::Stopping, None, Some("it is late"), Some("a step is another")),
        (JobState::Compensating, None, Some("it is late"), None),
        (JobState::Expired, Some(moment(5)), Some("it was late"), None),
    ];
    for (number, (state, ended, failure, parked)) in (1..).zip(changes) {
        let (failure, parked) = (failure.map(Arc::from), parked.map(Arc::from));
        let change = Change { state, ended, failure, parked };
        head.apply(&change);
        let (job, lines) = (head.id, lines(number, 1));
        let entry = Entry::More { job, epoch, first: number, lines, change: Some(Box::new(change)) };
        accepted(&store, &[entry])?;
        same("the head that is read", &read(&store, head.id)?.head, &head)?;
        same("the head that is listed", &all(&store)?, &vec![head.clone()])?;
    }
    // What is not said to change stays.
    accepted(&store, &[more(head.id, epoch, 6, 1)])?;
    same("the head after more lines", &read(&store, head.id)?.head, &head)?;
    has_records(&read(&store, head.id)?, 7)
}

pub(super) fn texts_are_kept<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let long = "long ".repeat(50_000);
    let texts =
        ["", " ", "'", "\"quoted\"", "back\\slash", "a\nb\tc", "$1 ? %s", "NULL", "Ünïcödé 漢字 🦀", &long];
    for text in texts {
        let mut head = stand.head();
        head.name = Arc::from(text);
        head.queue = Arc::from(text);
        head.tags = vec![Arc::from(text)];
        head.failure = Some(Arc::from(text));
        head.parked = Some(Arc::from(text));
        // Most databases have a limit to how long a key may be.
        head.unique = Some(Arc::from(&text[..text.len().min(50)]));
        head.once.clone_from(&head.unique);
        begin(&store, &head, term, 1)?;
        let kept = read(&store, head.id)?;
        if kept.head != head {
            return Err(format!("a head with the text {:.40?} is not read as it was written", text));
        }
        let filter = Filter { name: Some(text.to_owned()), tag: Some(text.to_owned()), ..Filter::default() };
        let found = listed(&store, &filter)?;
        same("what is found by such a text", &found.len(), &1)?;
    }
    Ok(())
}

pub(super) fn restarts_lose_nothing<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (mut store, term) = stand.begun()?;
    let mut heads = vec![full_head(stand, stand.id()), stand.head()];
    let epochs = accepted(&store, &[new(&heads[0], term, 2), new(&heads[1], term, 1)])?;
    accepted(&store, &[more(heads[0].id, epochs[0], 2, 3), more(heads[1].id, epochs[1], 1, 1)])?;
    accepted(&store, &[last(heads[1].id, epochs[1], 2, JobState::Failed, moment(9))])?;
    (heads[1].state, heads[1].ended) = (JobState::Failed, Some(moment(9)));
    heads[1].failure = Some(Arc::from("it went wrong"));
    for _ in 0..2 {
        store = stand.reopen(store);
        for (head, count) in heads.iter().zip([5, 3]) {
            let kept = read(&store, head.id)?;
            same("the head after a restart", &kept.head, head)?;
            has_records(&kept, count)?;
        }
        let listed = all(&store)?;
        same("the list after a restart", &listed, &heads)?;
    }
    // The term lasts until another begins, and who holds it may not have noticed anything.
    accepted(&store, &[more(heads[0].id, epochs[0], 5, 1)])?;
    has_records(&read(&store, heads[0].id)?, 6)
}

pub(super) fn unknown_jobs<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    begin(&store, &stand.head(), term, 1)?;
    match store.read(stand.id()) {
        Ok(None) => Ok(()),
        other => Err(format!("it is read as {other:?}")),
    }
}
