//! Which jobs are kept no longer: by when they ended, by how many there are.

use std::sync::Arc;
use std::time::Duration;

use super::Held;
use super::jobs::{
    Stand, WRITTEN, accepted, begin, ended, expired, forget, judged, last, letter, moment, same, settle,
    task_of,
};
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::{Expiry, Head, Store, Term};
use crate::timestamp::Timestamp;

/// Jobs of a name that ended at these moments, in the order in which they are to be let go.
fn over<S: Store>(
    stand: &Stand<'_, S>,
    store: &S,
    term: Term,
    name: &str,
    ends: &[u64],
) -> Result<Vec<JobId>, String> {
    let mut found: Vec<(Timestamp, JobId)> = Vec::new();
    for at in ends {
        let head = named(stand, name);
        ended(store, &head, term, moment(*at))?;
        found.push((moment(*at), head.id));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

fn named<S: Store>(stand: &Stand<'_, S>, name: &str) -> Head {
    let mut head = stand.head();
    head.name = Arc::from(name);
    head
}

fn none() -> Expiry {
    Expiry::at_most(100)
}

fn before(seconds: u64) -> Expiry {
    Expiry { ended_before: Some(moment(seconds)), ..none() }
}

fn beyond(most: usize) -> Expiry {
    Expiry { beyond: Some(most), ..none() }
}

fn lets_go(store: &impl Store, rule: &Expiry, expected: &[JobId]) -> Held {
    same(&format!("what {rule:?} lets go"), &expired(store, rule)?, &expected.to_vec())
}

pub(super) fn a_rule_that_says_nothing<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    over(stand, &store, term, "work", &[1, 2])?;
    lets_go(&store, &none(), &[])?;
    lets_go(&store, &Expiry { letters: true, ..none() }, &[])?;
    lets_go(&store, &Expiry { name: Some(Arc::from("work")), letters: true, ..none() }, &[])
}

pub(super) fn by_age<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    // What is not over does not expire, however old it is.
    begin(&store, &stand.head(), term, 1)?;
    let work = over(stand, &store, term, "work", &[30, 10, 50, 10, 40])?;
    let rest = over(stand, &store, term, "rest", &[20, 60])?;
    let late = stand.head();
    ended(&store, &late, term, moment(30) + Duration::from_micros(1))?;
    lets_go(&store, &before(10), &[])?;
    // By name, and then by when they ended; of one moment, by id.
    lets_go(&store, &before(30), &[rest[0], work[0], work[1]])?;
    let instant = Expiry { ended_before: Some(moment(30) + Duration::from_micros(1)), ..none() };
    lets_go(&store, &instant, &[rest[0], work[0], work[1], work[2]])?;
    let all = [rest[0], rest[1], work[0], work[1], work[2], late.id, work[3], work[4]];
    let store = stand.reopen(store);
    for limit in 0..10 {
        let rule = Expiry { limit, ..before(1000) };
        lets_go(&store, &rule, &all[..limit.min(all.len())])?;
    }
    // That was asked, and nothing else.
    lets_go(&store, &before(1000), &all)
}

pub(super) fn by_number<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    begin(&store, &named(stand, "work"), term, 1)?;
    let work = over(stand, &store, term, "work", &[30, 10, 50, 20, 20])?;
    let rest = over(stand, &store, term, "rest", &[5, 60])?;
    lets_go(&store, &beyond(5), &[])?;
    lets_go(&store, &beyond(2), &work[..3])?;
    // In the middle of those that ended at once.
    lets_go(&store, &beyond(3), &work[..2])?;
    lets_go(&store, &beyond(1), &[rest[0], work[0], work[1], work[2], work[3]])?;
    lets_go(&store, &beyond(usize::MAX), &[])?;
    let all = [rest[0], rest[1], work[0], work[1], work[2], work[3], work[4]];
    lets_go(&store, &beyond(0), &all)?;
    let store = stand.reopen(store);
    // A few at a time, until the newest are left, of each name so many.
    let few = Expiry { limit: 2, ..beyond(1) };
    let mut gone = Vec::new();
    for _ in 0..all.len() {
        gone.extend(forget(&store, &expired(&store, &few)?)?);
    }
    same("what is forgotten, a few at a time", &gone, &[&rest[..1], &work[..4]].concat())?;
    lets_go(&store, &beyond(0), &[rest[1], work[4]])?;
    let next = over(stand, &store, term, "work", &[40])?;
    lets_go(&store, &beyond(1), &next)
}

pub(super) fn by_either<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let work = over(stand, &store, term, "work", &[10, 20, 30, 40])?;
    let rest = over(stand, &store, term, "rest", &[10, 20])?;
    let both = |seconds, most| Expiry { beyond: Some(most), ..before(seconds) };
    lets_go(&store, &both(15, 2), &[rest[0], work[0], work[1]])?;
    lets_go(&store, &both(35, 2), &[rest[0], rest[1], work[0], work[1], work[2]])?;
    lets_go(&store, &both(1, 2), &work[..2])?;
    lets_go(&store, &both(15, 100), &[rest[0], work[0]])?;
    lets_go(&store, &both(1, 100), &[])
}

pub(super) fn of_one_name<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let work = over(stand, &store, term, "work", &[10, 20, 30])?;
    over(stand, &store, term, "rest", &[1, 2, 3])?;
    over(stand, &store, term, "work/more", &[1, 2, 3])?;
    let odd = over(stand, &store, term, "it's 100%", &[1, 2])?;
    let of = |name: &str, rule: Expiry| Expiry { name: Some(Arc::from(name)), ..rule };
    lets_go(&store, &of("work", before(25)), &work[..2])?;
    lets_go(&store, &of("work", beyond(1)), &work[..2])?;
    lets_go(&store, &of("work", Expiry { limit: 1, ..beyond(0) }), &work[..1])?;
    lets_go(&store, &of("it's 100%", before(2)), &odd[..1])?;
    let but = ["work", "rest", "work/more"].map(Arc::from).to_vec();
    lets_go(&store, &Expiry { but: but.clone(), ..before(2) }, &odd[..1])?;
    lets_go(&store, &of("work", Expiry { but, ..beyond(0) }), &[])?;
    lets_go(&store, &of("wor", beyond(0)), &[])?;
    lets_go(&store, &of("", beyond(0)), &[])
}

pub(super) fn letters_stay<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let [failed, late, done, cancelled, mut child, good] = [(); 6].map(|()| stand.head());
    child.parent = task_of(stand.id());
    let ends = [
        (&failed, JobState::Failed),
        (&late, JobState::Expired),
        (&done, JobState::Failed),
        (&cancelled, JobState::Cancelled),
        (&child, JobState::Failed),
        (&good, JobState::Succeeded),
    ];
    for (head, state) in ends {
        let epoch = begin(&store, head, term, 1)?;
        accepted(&store, &[last(head.id, epoch, 1, state, moment(1))])?;
    }
    judged(&store, "the verdict", &[settle(done.id, term)], &[WRITTEN])?;
    lets_go(&store, &before(10), &[done.id, cancelled.id, child.id, good.id])?;
    // They are let stay, but they count.
    lets_go(&store, &beyond(3), &[done.id])?;
    lets_go(&store, &Expiry { limit: 1, ..beyond(0) }, &[done.id])?;
    let told = |rule: Expiry| Expiry { letters: true, ..rule };
    let all = ends.map(|(head, _)| head.id);
    lets_go(&store, &told(before(10)), &all)?;
    lets_go(&store, &told(beyond(3)), &all[..3])?;
    // When nobody needs to look at it any more, it goes like the others.
    judged(&store, "the verdict", &[settle(late.id, term)], &[WRITTEN])?;
    let store = stand.reopen(store);
    lets_go(&store, &before(10), &all[1..])
}

pub(super) fn children_wait<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let parent = stand.head();
    let epoch = begin(&store, &parent, term, 1)?;
    let [mut child, mut orphan, mut other] = [(); 3].map(|()| stand.head());
    (child.parent, orphan.parent) = (task_of(parent.id), task_of(stand.id()));
    ended(&store, &child, term, moment(1))?;
    letter(&store, &orphan, term, moment(2))?;
    let above = stand.head();
    ended(&store, &above, term, moment(3))?;
    other.parent = task_of(above.id);
    ended(&store, &other, term, moment(4))?;
    let free = [orphan.id, above.id, other.id];
    lets_go(&store, &before(10), &free)?;
    lets_go(&store, &beyond(0), &free)?;
    // It is let stay, but it counts: it is the fourth.
    lets_go(&store, &beyond(3), &[])?;
    lets_go(&store, &Expiry { limit: 1, ..before(10) }, &free[..1])?;
    same("what is forgotten of it", &forget(&store, &[child.id])?, &Vec::new())?;
    accepted(&store, &[last(parent.id, epoch, 1, JobState::Succeeded, moment(5))])?;
    let all = [child.id, orphan.id, above.id, other.id, parent.id];
    lets_go(&store, &before(10), &all)
}
