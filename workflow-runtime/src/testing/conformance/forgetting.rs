//! What is forgotten is gone, and nothing else is.

use super::Held;
use super::jobs::{
    Stand, accepted, all, begin, ended, expired, forget, has_records, ids, is_there, last, letter, moment,
    more, read, same, task_of, write,
};
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::{Epoch, Expiry, Head, Store, Verdict};

/// What retention does: asks what is expired, and forgets it.
fn let_go(store: &impl Store, before: u64, limit: usize) -> Result<Vec<JobId>, String> {
    let rule = Expiry { ended_before: Some(moment(before)), letters: true, ..Expiry::at_most(limit) };
    forget(store, &expired(store, &rule)?)
}

pub(super) fn forgets_in_order<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let heads: Vec<Head> = (0..6).map(|_| stand.head()).collect();
    // The order in which they end is not that of their ids.
    let ends = [30, 10, 50, 20, 40, 60];
    for (head, at) in heads.iter().zip(ends) {
        ended(&store, head, term, moment(at))?;
    }
    let at = |places: &[usize]| places.iter().map(|place| heads[*place].id).collect::<Vec<_>>();
    same("what is forgotten of nothing", &let_go(&store, 10, 10)?, &Vec::new())?;
    same("what is forgotten when nothing is asked for", &let_go(&store, 100, 0)?, &Vec::new())?;
    same("the first two", &let_go(&store, 50, 2)?, &at(&[1, 3]))?;
    same("what else ended before", &let_go(&store, 50, 10)?, &at(&[0, 4]))?;
    same("what is left to forget", &let_go(&store, 50, 10)?, &Vec::new())?;
    let store = stand.reopen(store);
    for place in [0, 1, 3, 4] {
        same("whether a job that was forgotten is read", &is_there(&store, heads[place].id)?, &false)?;
        let more = write(&store, &[more(heads[place].id, Epoch(1), 2, 1)])?;
        same("the verdict on more of it", &more, &vec![Verdict::Stale])?;
    }
    let listed = all(&store)?;
    same("the list", &ids(&listed), &at(&[2, 5]))?;
    has_records(&read(&store, heads[2].id)?, 2)?;
    // Nothing of it is left that another of this id could meet.
    begin(&store, &heads[0], term, 1)?;
    has_records(&read(&store, heads[0].id)?, 1)
}

pub(super) fn forgets_only_what_is_over<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let mut open = Vec::new();
    for state in JobState::ALL.iter().filter(|state| !state.is_over()) {
        let mut head = stand.head();
        head.state = *state;
        begin(&store, &head, term, 1)?;
        open.push(head.id);
    }
    let over = stand.head();
    ended(&store, &over, term, moment(1))?;
    same("what is forgotten", &let_go(&store, 1_000_000, 100)?, &vec![over.id])?;
    open.iter().try_for_each(|id| has_records(&read(&store, *id)?, 1))
}

pub(super) fn children_stay<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let parent = stand.head();
    let epoch = begin(&store, &parent, term, 1)?;
    let (mut child, mut orphan) = (stand.head(), stand.head());
    (child.parent, orphan.parent) = (task_of(parent.id), task_of(stand.id()));
    ended(&store, &child, term, moment(1))?;
    ended(&store, &orphan, term, moment(2))?;
    same("what is forgotten while the parent runs", &let_go(&store, 100, 10)?, &vec![orphan.id])?;
    has_records(&read(&store, child.id)?, 2)?;
    accepted(&store, &[last(parent.id, epoch, 1, JobState::Succeeded, moment(200))])?;
    same("what is forgotten when it is over", &let_go(&store, 100, 10)?, &vec![child.id])?;
    same("and then", &let_go(&store, 300, 10)?, &vec![parent.id])
}

pub(super) fn forgets_what_it_is_told<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let heads: Vec<Head> = (0..5).map(|_| stand.head()).collect();
    for head in &heads[..3] {
        ended(&store, head, term, moment(1))?;
    }
    begin(&store, &heads[3], term, 1)?;
    letter(&store, &heads[4], term, moment(1))?;
    let unknown = stand.id();
    same("what is forgotten of nothing", &forget(&store, &[])?, &Vec::new())?;
    same("what is forgotten of what is not there", &forget(&store, &[unknown])?, &Vec::new())?;
    // In the order in which it is told, whatever is not over, not there or gone already.
    let told = [heads[2].id, heads[3].id, unknown, heads[4].id, heads[0].id, heads[2].id];
    let gone = vec![heads[2].id, heads[4].id, heads[0].id];
    same("what is forgotten", &forget(&store, &told)?, &gone)?;
    same("what is forgotten again", &forget(&store, &told)?, &Vec::new())?;
    let store = stand.reopen(store);
    same("what is left", &ids(&all(&store)?), &vec![heads[1].id, heads[3].id])?;
    // A parent that is not over keeps its child, whoever names it; one that goes with it does not.
    let (parent, mut child) = (stand.head(), stand.head());
    child.parent = task_of(parent.id);
    let epoch = begin(&store, &parent, term, 1)?;
    ended(&store, &child, term, moment(1))?;
    same("what is forgotten of a family", &forget(&store, &[child.id, parent.id])?, &Vec::new())?;
    accepted(&store, &[last(parent.id, epoch, 1, JobState::Succeeded, moment(2))])?;
    let both = vec![parent.id, child.id];
    same("what is forgotten when all of it is over", &forget(&store, &both)?, &both)
}
