//! Who may write: terms, and the epochs under which they hold jobs.

use super::Held;
use super::jobs::{
    Stand, accepted, begin, claims, has_records, is_there, last, moment, more, new, next_term, read, same,
    write,
};
use crate::state::JobState;
use crate::store::{Epoch, Most, Store, Term, Verdict};

pub(super) fn terms_grow<S: Store>(stand: &Stand<'_, S>) -> Held {
    let mut store = stand.fresh();
    let mut before = None;
    for round in 0..3 {
        for node in ["one", "two", "one"] {
            let term = next_term(&store, node)?;
            if before.is_some_and(|before| term <= before) {
                return Err(format!("after {before:?} came {term:?}, in round {round}"));
            }
            before = Some(term);
        }
        store = stand.reopen(store);
    }
    Ok(())
}

pub(super) fn stale_epochs_write_nothing<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let head = stand.head();
    let before = begin(&store, &head, term, 1)?;
    let unknown = write(&store, &[more(stand.id(), before, 0, 1)])?;
    same("the verdict on a job that is not there", &unknown, &vec![Verdict::Stale])?;
    let term = next_term(&store, "node")?;
    let claimed = store.claim(term, Most::of(10)).map_err(|error| error.to_string())?;
    let now = claimed.first().map(|claimed| claimed.epoch).ok_or("the job is not claimed")?;
    let late = [
        more(head.id, before, 1, 1),
        last(head.id, before, 1, JobState::Succeeded, moment(1)),
        more(head.id, Epoch(now.0 + 1000), 1, 1),
    ];
    same("the verdicts under other epochs", &write(&store, &late)?, &vec![Verdict::Stale; 3])?;
    let kept = read(&store, head.id)?;
    same("the head", &kept.head, &head)?;
    has_records(&kept, 1)?;
    accepted(&store, &[more(head.id, now, 1, 1)])?;
    let store = stand.reopen(store);
    same(
        "the verdict after a restart",
        &write(&store, &[more(head.id, before, 2, 1)])?,
        &vec![Verdict::Stale],
    )?;
    accepted(&store, &[more(head.id, now, 2, 1)])?;
    has_records(&read(&store, head.id)?, 3)
}

pub(super) fn terms_end<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, before) = stand.begun()?;
    let (head, late) = (stand.head(), stand.head());
    let epoch = begin(&store, &head, before, 1)?;
    let now = next_term(&store, "node")?;
    // Before anybody has claimed it.
    let entries = [more(head.id, epoch, 1, 1), new(&late, before, 1)];
    same("the verdicts on an earlier term", &write(&store, &entries)?, &vec![Verdict::Stale; 2])?;
    let never = [new(&late, Term(now.0 + 1000), 1)];
    same("the verdict on a term that never began", &write(&store, &never)?, &vec![Verdict::Stale])?;
    has_records(&read(&store, head.id)?, 1)?;
    same("whether the late job is there", &is_there(&store, late.id)?, &false)?;
    let store = stand.reopen(store);
    let again = write(&store, &[new(&late, before, 1)])?;
    same("the verdict after a restart", &again, &vec![Verdict::Stale])?;
    begin(&store, &late, now, 1)?;
    Ok(())
}

pub(super) fn nodes_live_side_by_side<S: Store>(stand: &Stand<'_, S>) -> Held {
    let store = stand.fresh();
    let (one, other) = (next_term(&store, "one")?, next_term(&store, "other")?);
    let (of_one, of_other) = (stand.head(), stand.head());
    let (a, b) = (begin(&store, &of_one, one, 1)?, begin(&store, &of_other, other, 1)?);
    accepted(&store, &[more(of_one.id, a, 1, 1), more(of_other.id, b, 1, 1)])?;
    same("what one claims of the other", &claims(&store, one, 10)?, &Vec::new())?;
    let again = next_term(&store, "other")?;
    same("what is claimed when the other began again", &claims(&store, one, 10)?, &vec![of_other.id])?;
    let late = write(&store, &[more(of_other.id, b, 2, 1)])?;
    same("the verdict on the other's late lines", &late, &vec![Verdict::Stale])?;
    same("what the other finds", &claims(&store, again, 10)?, &Vec::new())?;
    accepted(&store, &[more(of_one.id, a, 2, 1)])?;
    Ok(())
}

pub(super) fn epochs_grow<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (mut store, term) = stand.begun()?;
    let idle = next_term(&store, "idle")?;
    let head = stand.head();
    let mut before = begin(&store, &head, term, 1)?;
    let mut count = 1;
    for round in 0..6 {
        let begun = next_term(&store, "node")?;
        // Sometimes by a term that is older than the one that held it.
        let term = if round == 3 { idle } else { begun };
        let claimed = store.claim(term, Most::of(10)).map_err(|error| error.to_string())?;
        let [claimed] = &claimed[..] else { return Err(format!("{} jobs are claimed, of 1", claimed.len())) };
        if claimed.epoch <= before {
            return Err(format!("it was held under {before:?}, and then under {:?}", claimed.epoch));
        }
        accepted(&store, &[more(head.id, claimed.epoch, count, 1)])?;
        let late = write(&store, &[more(head.id, before, count + 1, 1)])?;
        same("the verdict under the epoch before", &late, &vec![Verdict::Stale])?;
        (before, count) = (claimed.epoch, count + 1);
        if round == 3 {
            next_term(&store, "idle")?;
        }
        store = stand.reopen(store);
    }
    has_records(&read(&store, head.id)?, count)
}
