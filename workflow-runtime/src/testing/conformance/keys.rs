//! Keys: one job's as long as it is not over, or for ever.

use std::sync::Arc;

use super::Held;
use super::jobs::{
    Stand, WRITTEN, accepted, begin, forget, in_place, judged, keyed, last, lines, moment, new, next_term,
    once, same, taker, write,
};
use crate::state::JobState;
use crate::store::{Change, Entry, Store, Term, Verdict};

pub(super) fn keys_are_unique<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let [one, two, three, elsewhere] =
        [keyed(stand, "work"), keyed(stand, "work"), keyed(stand, "work"), keyed(stand, "rest")];
    let verdicts = write(&store, &[new(&one, term, 1), new(&two, term, 1), new(&elsewhere, term, 1)])?;
    same("the verdict on the second of one batch", &verdicts[1], &Verdict::Taken(one.id))?;
    if !matches!(verdicts[2], Verdict::Written(_)) {
        return Err(format!("the verdict on the key of another name is {:?}", verdicts[2]));
    }
    let taken = vec![Verdict::Taken(one.id)];
    same("the verdict on one that comes later", &write(&store, &[new(&three, term, 1)])?, &taken)?;
    let Verdict::Written(epoch) = verdicts[0] else { return Err(format!("the first is {:?}", verdicts[0])) };
    let stopping = Change { failure: Some(Arc::from("late")), ..Change::to(JobState::Stopping) };
    let change = Some(Box::new(stopping));
    accepted(&store, &[Entry::More { job: one.id, epoch, first: 1, lines: lines(1, 1), change }])?;
    same("the verdict while the job stops", &write(&store, &[new(&three, term, 1)])?, &taken)?;
    let store = stand.reopen(store);
    let term = next_term(&store, "node")?;
    same("the verdict after a restart", &write(&store, &[new(&three, term, 1)])?, &taken)
}

pub(super) fn keys_are_freed<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let ends = [JobState::Succeeded, JobState::Failed, JobState::Cancelled, JobState::Expired];
    for state in ends {
        let head = keyed(stand, "work");
        let epoch = begin(&store, &head, term, 1).map_err(|what| format!("after others ended: {what}"))?;
        accepted(&store, &[last(head.id, epoch, 1, state, moment(1))])?;
    }
    let [first, second, third] = [(); 3].map(|()| keyed(stand, "work"));
    let epoch = begin(&store, &first, term, 1)?;
    let end = last(first.id, epoch, 1, JobState::Succeeded, moment(2));
    let verdicts = write(&store, &[new(&third, term, 1), end, new(&second, term, 1)])?;
    same("the verdict before the end, in one batch", &verdicts[0], &Verdict::Taken(first.id))?;
    if !matches!(verdicts[2], Verdict::Written(_)) {
        return Err(format!("the verdict after the end, in one batch, is {:?}", verdicts[2]));
    }
    let taken = write(&store, &[new(&third, term, 1)])?;
    same("the verdict while the next has the key", &taken, &vec![Verdict::Taken(second.id)])?;
    // A job that is over when it comes takes none.
    let mut over = keyed(stand, "work");
    (over.state, over.ended) = (JobState::Cancelled, Some(moment(3)));
    begin(&store, &over, term, 1)?;
    Ok(())
}

/// A key that is taken for ever.
const KEY: &str = "report of May";

pub(super) fn keys_are_for_ever<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    same("who has taken what nobody has", &taker(&store, KEY)?, &None)?;
    let [one, two, mut elsewhere] = [(); 3].map(|()| once(stand, KEY));
    elsewhere.name = Arc::from("rest");
    let taken = Verdict::Taken(one.id);
    let entries = [new(&one, term, 1), new(&two, term, 1), new(&elsewhere, term, 1), new(&one, term, 1)];
    let verdicts = write(&store, &entries)?;
    let Verdict::Written(epoch) = verdicts[0] else { return Err(format!("the first is {:?}", verdicts[0])) };
    let others = vec![taken, taken, Verdict::Not { count: 1 }];
    same("the verdicts on others in one batch", &verdicts[1..].to_vec(), &others)?;
    let stays = |store: &S, when: &str| {
        judged(store, &format!("the verdict {when}"), &[new(&two, term, 1)], &[taken])?;
        same(&format!("who has taken it {when}"), &taker(store, KEY)?, &Some(one.id))
    };
    stays(&store, "while the job runs")?;
    accepted(&store, &[last(one.id, epoch, 1, JobState::Succeeded, moment(1))])?;
    stays(&store, "when the job is over")?;
    let store = stand.reopen(store);
    stays(&store, "when the job is over, after a restart")?;
    same("what is forgotten", &forget(&store, &[one.id])?, &vec![one.id])?;
    stays(&store, "when the job is forgotten")?;
    let store = stand.reopen(store);
    stays(&store, "when the job is forgotten, after a restart")?;
    // Who asks for the job again hears that there was one: itself.
    judged(&store, "the verdict on the same job when it is forgotten", &[new(&one, term, 1)], &[taken])?;
    begin(&store, &once(stand, "report of June"), term, 1)?;
    // One that is over when it comes takes its key all the same.
    let mut over = once(stand, "report of April");
    (over.state, over.ended) = (JobState::Cancelled, Some(moment(3)));
    begin(&store, &over, term, 1)?;
    same(
        "who has taken the key of what came when it was over",
        &taker(&store, "report of April")?,
        &Some(over.id),
    )
}

pub(super) fn what_is_refused_takes_no_key<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let (one, other) = (keyed(stand, "work"), once(stand, "taken"));
    judged(&store, "the verdicts", &[new(&one, term, 1), new(&other, term, 1)], &[WRITTEN; 2])?;
    let both = |unique: &str, once: &str| {
        let mut head = stand.head();
        (head.unique, head.once) = (Some(Arc::from(unique)), Some(Arc::from(once)));
        head
    };
    let mut again = both("free", KEY);
    again.id = one.id;
    let refused = [
        (new(&both("key", KEY), term, 1), Verdict::Taken(one.id)),
        // The one for ever is asked for first.
        (new(&both("key", "taken"), term, 1), Verdict::Taken(other.id)),
        (new(&both("free", "taken"), term, 1), Verdict::Taken(other.id)),
        (new(&both("free", KEY), Term(term.0 + 1000), 1), Verdict::Stale),
        (new(&again, term, 1), Verdict::Not { count: 1 }),
        (in_place(&both("free", KEY), term, one.id), Verdict::Settled),
    ];
    for (entry, verdict) in refused {
        judged(&store, "the verdict", &[entry], &[verdict])?;
        same("who has taken what was refused", &taker(&store, KEY)?, &None)?;
    }
    let store = stand.reopen(store);
    same("who has taken it after a restart", &taker(&store, KEY)?, &None)?;
    let free = both("free", KEY);
    judged(&store, "the verdict on both keys, which are free", &[new(&free, term, 1)], &[WRITTEN])?;
    same("who has taken it then", &taker(&store, KEY)?, &Some(free.id))
}
