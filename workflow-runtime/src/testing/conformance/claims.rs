//! What nobody holds is taken over.

use super::Held;
use super::jobs::{
    Stand, accepted, begin, claims, ended, full_head, has_records, moment, more, next_term, same,
};
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::{Head, Most, Store, StoreErrorKind, Term};

pub(super) fn claims_are_complete<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let mut heads: Vec<Head> = (0..11).map(|_| full_head(stand, stand.id())).collect();
    for (number, head) in heads.iter_mut().enumerate() {
        head.unique = None;
        head.state = [JobState::Pending, JobState::Running, JobState::Paused][number % 3];
    }
    // Not in the order of their ids.
    let order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7, 10];
    for place in order {
        let epoch = begin(&store, &heads[place], term, 1)?;
        accepted(&store, &[more(heads[place].id, epoch, 1, 2)])?;
    }
    let store = stand.reopen(store);
    let term = next_term(&store, "node")?;
    same("what is claimed when nothing is asked for", &claims(&store, term, 0)?, &Vec::new())?;
    for page in heads.chunks(4) {
        let claimed = store.claim(term, Most::of(4)).map_err(|error| format!("cannot claim: {error}"))?;
        let found: Vec<JobId> = claimed.iter().map(|claimed| claimed.kept.head.id).collect();
        same("a page of claims", &found, &page.iter().map(|head| head.id).collect())?;
        for (claimed, head) in claimed.iter().zip(page) {
            same("the head of what is claimed", &claimed.kept.head, head)?;
            has_records(&claimed.kept, 3)?;
            accepted(&store, &[more(head.id, claimed.epoch, 3, 1)])?;
        }
    }
    same("what is claimed when all is", &claims(&store, term, 4)?, &Vec::new())?;
    same("what is claimed then, again", &claims(&store, term, 4)?, &Vec::new())?;
    let term = next_term(&store, "node")?;
    same("how many the next term claims", &claims(&store, term, 100)?.len(), &heads.len())
}

pub(super) fn claims_leave_alone<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, before) = stand.begun()?;
    let (open, over) = (stand.head(), stand.head());
    begin(&store, &open, before, 1)?;
    ended(&store, &over, before, moment(1))?;
    let of_other = stand.head();
    let other = next_term(&store, "other")?;
    begin(&store, &of_other, other, 1)?;
    let term = next_term(&store, "node")?;
    let own = stand.head();
    begin(&store, &own, term, 1)?;
    same("what is claimed", &claims(&store, term, 10)?, &vec![open.id])?;
    let epoch = begin(&store, &stand.head(), term, 1)?;
    same("what is claimed later", &claims(&store, term, 10)?, &Vec::new())?;
    // What the term has written itself goes on under the epoch that it was given.
    accepted(&store, &[more(own.id, epoch, 1, 1)]).map(|_| ())
}

pub(super) fn claims_need_a_term<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, before) = stand.begun()?;
    let head = stand.head();
    begin(&store, &head, before, 1)?;
    let term = next_term(&store, "node")?;
    let kind = |claimed: Result<_, crate::store::StoreError>| match claimed {
        Ok::<Vec<crate::store::Claimed>, _>(claimed) => Err(format!("it claims {} jobs", claimed.len())),
        Err(error) => Ok(error.kind()),
    };
    for wrong in [before, Term(term.0 + 1000)] {
        let kind = kind(store.claim(wrong, Most::of(10)))?;
        same("the error of a term that is over", &kind, &StoreErrorKind::Superseded)?;
    }
    same("what the living one claims", &claims(&store, term, 10)?, &vec![head.id])
}
