//! Dead letters: listed until somebody settles them, once; and what comes in their place.

use std::sync::Arc;

use super::Held;
use super::jobs::{
    Stand, WRITTEN, begin, ended, has_records, ids, in_place, is_there, judged, keyed, last, letter, listed,
    moment, new, next_term, once, read, same, settle, task_of, write,
};
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::{Filter, Head, Store, Term, Verdict};

fn dead(store: &impl Store) -> Result<Vec<JobId>, String> {
    Ok(ids(&listed(store, &Filter { dead: true, ..Filter::default() })?))
}

pub(super) fn letters_are_listed<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let mut heads = Vec::new();
    // However a job may end, by itself or for another, and whether it begins so or comes to it.
    for (number, state) in JobState::ALL.iter().enumerate() {
        for is_child in [false, true] {
            let mut head = stand.head();
            head.tags = vec![Arc::from(["red", "blue"][number % 2])];
            head.parent = task_of(stand.id()).filter(|_| is_child);
            let epoch = begin(&store, &head, term, 1)?;
            if state.is_over() {
                let end = last(head.id, epoch, 1, *state, moment(1));
                judged(&store, "the verdict on an end", &[end], &[WRITTEN])?;
                (head.state, head.ended) = (*state, Some(moment(1)));
                heads.push(head.clone());
                head.id = stand.id();
                begin(&store, &head, term, 1)?;
            }
            heads.push(head);
        }
    }
    let mut settled = stand.head();
    (settled.state, settled.ended, settled.settled) = (JobState::Failed, Some(moment(1)), true);
    begin(&store, &settled, term, 1)?;
    heads.push(settled);
    let all = Filter { dead: true, ..Filter::default() };
    let filters = [
        all.clone(),
        Filter { tag: Some("red".to_owned()), ..all.clone() },
        Filter { name: Some("rest".to_owned()), ..all.clone() },
        Filter { states: vec![JobState::Expired, JobState::Succeeded], ..all.clone() },
        Filter { parent: heads.iter().find_map(|head| head.parent).map(|own| own.job), ..all.clone() },
        Filter { after: Some(heads[heads.len() / 2].id), ..all.clone() },
        Filter { limit: Some(2), ..all },
    ];
    let store = stand.reopen(store);
    for filter in filters {
        let expected = heads.iter().filter(|head| filter.lets(head)).map(|head| head.id);
        let expected: Vec<JobId> = expected.take(filter.limit.unwrap_or(usize::MAX)).collect();
        same(&format!("what {filter:?} lets through"), &ids(&listed(&store, &filter)?), &expected)?;
    }
    Ok(())
}

pub(super) fn letters_are_settled_once<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let [mut one, other] = [(); 2].map(|()| stand.head());
    let epoch = letter(&store, &one, term, moment(1))?;
    letter(&store, &other, term, moment(2))?;
    same("the verdict", &write(&store, &[settle(one.id, term)])?, &vec![Verdict::Written(epoch)])?;
    same("what is dead then", &dead(&store)?, &vec![other.id])?;
    let kept = read(&store, one.id)?;
    (one.state, one.ended, one.settled) = (JobState::Failed, Some(moment(1)), true);
    one.failure.clone_from(&kept.head.failure);
    same("its head", &kept.head, &one)?;
    has_records(&kept, 2)?;
    let again = [settle(one.id, term), settle(other.id, term), settle(other.id, term)];
    let verdicts = [Verdict::Settled, WRITTEN, Verdict::Settled];
    judged(&store, "the verdicts on what is asked again", &again, &verdicts)?;
    let store = stand.reopen(store);
    same("what is dead after a restart", &dead(&store)?, &Vec::new())?;
    judged(&store, "the verdict after a restart", &again[..1], &[Verdict::Settled])?;
    // As soon as it is one: in the very batch in which it fails.
    let next = stand.head();
    let epoch = begin(&store, &next, term, 1)?;
    let entries =
        [settle(next.id, term), last(next.id, epoch, 1, JobState::Expired, moment(3)), settle(next.id, term)];
    let verdicts = [Verdict::Settled, WRITTEN, WRITTEN];
    judged(&store, "the verdicts before and after it fails", &entries, &verdicts)?;
    same("what is dead at the end", &dead(&store)?, &Vec::new())
}

pub(super) fn only_letters_are_settled<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let [running, good, mut child] = [(); 3].map(|()| stand.head());
    child.parent = task_of(running.id);
    begin(&store, &running, term, 1)?;
    ended(&store, &good, term, moment(1))?;
    letter(&store, &child, term, moment(1))?;
    for job in [running.id, good.id, child.id, stand.id()] {
        judged(&store, "the verdict on what is no letter", &[settle(job, term)], &[Verdict::Settled])?;
        let head = stand.head();
        let verdict = [Verdict::Settled];
        judged(&store, "the verdict on a job in its place", &[in_place(&head, term, job)], &verdict)?;
        same("whether that job is there", &is_there(&store, head.id)?, &false)?;
    }
    for head in [&running, &good, &child] {
        same("whether it is settled", &read(&store, head.id)?.head.settled, &false)?;
    }
    Ok(())
}

pub(super) fn one_comes_in_a_letters_place<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let (dead_one, dead_other) = (stand.head(), stand.head());
    letter(&store, &dead_one, term, moment(1))?;
    letter(&store, &dead_other, term, moment(1))?;
    let [one, two, three] = [(); 3].map(|()| stand.head());
    let entries = [in_place(&one, term, dead_one.id), in_place(&two, term, dead_one.id)];
    judged(&store, "the verdicts on two in one place", &entries, &[WRITTEN, Verdict::Settled])?;
    same("what is dead then", &dead(&store)?, &vec![dead_other.id])?;
    has_records(&read(&store, one.id)?, 1)?;
    has_records(&read(&store, dead_one.id)?, 2)?;
    same("whether the second is there", &is_there(&store, two.id)?, &false)?;
    // Who asks again hears that it is there, and not that it came too late.
    let there = Verdict::Not { count: 1 };
    judged(&store, "the verdict on the first, again", &entries[..1], &[there])?;
    let store = stand.reopen(store);
    judged(&store, "the verdicts after a restart", &entries, &[there, Verdict::Settled])?;
    judged(&store, "the verdict on settling it", &[settle(dead_one.id, term)], &[Verdict::Settled])?;
    let entries = [settle(dead_other.id, term), in_place(&three, term, dead_other.id)];
    judged(&store, "the verdicts on settling and replacing", &entries, &[WRITTEN, Verdict::Settled])?;
    same("whether the third is there", &is_there(&store, three.id)?, &false)
}

pub(super) fn what_is_refused_settles_nothing<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, before) = stand.begun()?;
    let term = next_term(&store, "node")?;
    let dead_one = stand.head();
    letter(&store, &dead_one, term, moment(1))?;
    let (unique, forever) = (keyed(stand, "work"), once(stand, "key"));
    let entries = [new(&unique, term, 1), new(&forever, term, 1)];
    judged(&store, "the verdicts", &entries, &[WRITTEN; 2])?;
    let never = Term(term.0 + 1000);
    let refused: [(Head, Term, Verdict); 5] = [
        (keyed(stand, "work"), term, Verdict::Taken(unique.id)),
        (once(stand, "key"), term, Verdict::Taken(forever.id)),
        (unique, term, Verdict::Not { count: 1 }),
        (stand.head(), before, Verdict::Stale),
        (stand.head(), never, Verdict::Stale),
    ];
    for (head, term, verdict) in refused {
        judged(&store, "the verdict", &[in_place(&head, term, dead_one.id)], &[verdict])?;
        same("what is dead after that", &dead(&store)?, &vec![dead_one.id])?;
    }
    for term in [before, never] {
        let verdict = [Verdict::Stale];
        judged(&store, "the verdict on who is no term", &[settle(dead_one.id, term)], &verdict)?;
        same("what is dead after that", &dead(&store)?, &vec![dead_one.id])?;
    }
    // Any living term may, not only that of who held it.
    let other = next_term(&store, "other")?;
    judged(&store, "the verdict on another node", &[in_place(&stand.head(), other, dead_one.id)], &[WRITTEN])
}
