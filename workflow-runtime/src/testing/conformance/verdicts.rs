//! Each entry is written or refused, by itself, and nothing is written twice.

use std::sync::Arc;

use super::Held;
use super::jobs::{
    Stand, accepted, all, begin, has_records, is_there, judged, keyed, last, moment, more, new, next_term,
    read, same, write,
};
use crate::state::JobState;
use crate::store::{Epoch, Most, Store, Term, Verdict};

pub(super) fn verdicts_are_each_ones_own<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let mut held = stand.head();
    held.unique = Some(Arc::from("key"));
    let epoch = begin(&store, &held, term, 2)?;
    let (good, mut taken, unknown) = (stand.head(), stand.head(), stand.head());
    taken.unique.clone_from(&held.unique);
    let other = Epoch(epoch.0 + 1000);
    let verdicts = write(
        &store,
        &[
            new(&taken, term, 1),
            more(unknown.id, epoch, 0, 1),
            new(&held, term, 1),
            more(held.id, epoch, 2, 1),
            more(held.id, other, 3, 1),
            more(held.id, epoch, 7, 1),
            more(held.id, epoch, 3, 2),
            new(&good, Term(term.0 + 1000), 1),
            new(&good, term, 1),
        ],
    )?;
    let kinds: Vec<String> = verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Written(_) => "written".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    let expected = [
        format!("{:?}", Verdict::Taken(held.id)),
        "Stale".to_owned(),
        "Not { count: 2 }".to_owned(),
        "written".to_owned(),
        "Stale".to_owned(),
        "Not { count: 3 }".to_owned(),
        "written".to_owned(),
        "Stale".to_owned(),
        "written".to_owned(),
    ];
    same("the verdicts", &kinds, &expected.to_vec())?;
    has_records(&read(&store, held.id)?, 5)?;
    has_records(&read(&store, good.id)?, 1)?;
    same("the verdicts on nothing", &write(&store, &[])?, &Vec::new())
}

pub(super) fn ids_are_taken_once<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let head = stand.head();
    let mut again = head.clone();
    again.name = Arc::from("another");
    let verdicts = write(&store, &[new(&head, term, 2), new(&again, term, 1)])?;
    same("the verdict on the second of one batch", &verdicts[1], &Verdict::Not { count: 2 })?;
    let Verdict::Written(epoch) = verdicts[0] else { return Err(format!("the first is {:?}", verdicts[0])) };
    same("the epoch of a new job", &epoch, &Epoch::FIRST)?;
    accepted(&store, &[more(head.id, epoch, 2, 1)])?;
    same(
        "the verdict on one that comes later",
        &write(&store, &[new(&again, term, 1)])?,
        &vec![Verdict::Not { count: 3 }],
    )?;
    let store = stand.reopen(store);
    let verdict = write(&store, &[new(&head, term, 2)])?;
    same("the verdict after a restart", &verdict, &vec![Verdict::Not { count: 3 }])?;
    let kept = read(&store, head.id)?;
    same("the head", &kept.head, &head)?;
    has_records(&kept, 3)?;
    // With a key it hears of itself, too, and not that the key is taken.
    let mut keyed = stand.head();
    keyed.unique = Some(Arc::from("key"));
    let verdicts = write(&store, &[new(&keyed, term, 1), new(&keyed, term, 1)])?;
    same("the verdict on a job with a key", &verdicts[1], &Verdict::Not { count: 1 })
}

pub(super) fn nobody_makes_anothers_job<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, before) = stand.begun()?;
    let (one, over) = (stand.head(), stand.head());
    let (_, epoch) = (begin(&store, &one, before, 1)?, begin(&store, &over, before, 1)?);
    accepted(&store, &[last(over.id, epoch, 1, JobState::Succeeded, moment(1))])?;
    let own = [new(&one, before, 1), new(&over, before, 1)];
    let counts = [1, 2].map(|count| Verdict::Not { count });
    judged(&store, "the verdicts of who has made them", &own, &counts)?;
    let term = next_term(&store, "node")?;
    let others = [new(&one, term, 1), new(&over, term, 1)];
    judged(&store, "the verdicts of who has not", &others, &[Verdict::Elsewhere; 2])?;
    has_records(&read(&store, one.id)?, 1)?;
    // Taken over, it is not what it was, either.
    let claimed =
        store.claim(term, Most::of(10)).map_err(|error| format!("it cannot be claimed: {error}"))?;
    same("how many are claimed", &claimed.len(), &1)?;
    judged(&store, "the verdicts of who took them over", &others, &[Verdict::Elsewhere; 2])
}

pub(super) fn lines_continue<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let head = stand.head();
    let epoch = begin(&store, &head, term, 2)?;
    let (job, not) = (head.id, |count| vec![Verdict::Not { count }]);
    for first in [0, 1, 3, 100] {
        let what = format!("the verdict on lines from {first} on, where there are 2");
        same(&what, &write(&store, &[more(job, epoch, first, 1)])?, &not(2))?;
    }
    has_records(&read(&store, job)?, 2)?;
    let verdicts = write(&store, &[more(job, epoch, 2, 3), more(job, epoch, 2, 3), more(job, epoch, 5, 1)])?;
    let expected = vec![Verdict::Written(epoch), Verdict::Not { count: 5 }, Verdict::Written(epoch)];
    same("the verdicts on the same twice in one batch", &verdicts, &expected)?;
    has_records(&read(&store, job)?, 6)?;
    same("the verdict on what is there", &write(&store, &[more(job, epoch, 5, 1)])?, &not(6))?;
    let store = stand.reopen(store);
    same("the verdict after a restart", &write(&store, &[more(job, epoch, 5, 1)])?, &not(6))?;
    // The one that ended it, asked for again.
    let end = last(job, epoch, 6, JobState::Succeeded, moment(1));
    accepted(&store, std::slice::from_ref(&end))?;
    same("the verdict on an end that is there", &write(&store, &[end])?, &not(7))?;
    has_records(&read(&store, job)?, 7)
}

pub(super) fn entries_are_whole<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let head = stand.head();
    let epoch = begin(&store, &head, term, 1)?;
    // Neither the lines nor the change.
    let refused = [
        last(head.id, epoch, 5, JobState::Failed, moment(1)),
        last(head.id, Epoch(epoch.0 + 1000), 1, JobState::Failed, moment(1)),
    ];
    write(&store, &refused)?;
    let kept = read(&store, head.id)?;
    same("the head after what was refused", &kept.head, &head)?;
    has_records(&kept, 1)?;
    // A job and what follows it in the same batch, for who knows under which epoch he will hold it: both or one.
    let next = stand.head();
    let verdicts = write(&store, &[new(&next, term, 2), more(next.id, epoch, 2, 2)])?;
    let count = match verdicts[..] {
        [Verdict::Written(_), Verdict::Written(_)] => 4,
        [Verdict::Written(_), Verdict::Stale] => 2,
        _ => return Err(format!("the verdicts on a new job and more of it are {verdicts:?}")),
    };
    has_records(&read(&store, next.id)?, count)
}

pub(super) fn what_is_refused_is_gone<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let (one, mut two) = (keyed(stand, "work"), keyed(stand, "work"));
    let epoch = begin(&store, &one, term, 1)?;
    write(&store, &[new(&two, term, 3)])?;
    same("whether what was refused is read", &is_there(&store, two.id)?, &false)?;
    let listed = all(&store)?;
    same("the list", &listed, &vec![one.clone()])?;
    same("the verdict on more of it", &write(&store, &[more(two.id, epoch, 3, 1)])?, &vec![Verdict::Stale])?;
    // Its id is free.
    two.unique = None;
    begin(&store, &two, term, 1)?;
    has_records(&read(&store, two.id)?, 1)
}
