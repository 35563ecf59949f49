//! One function for each promise, in the order of the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Held;
use super::jobs::{
    Stand, accepted, begin, ended, has_records, last, lines, moment, more, new, read, same, write,
};
use crate::job_id::JobId;
use crate::options::Priority;
use crate::record::Parent;
use crate::state::JobState;
use crate::store::{Change, Entry, Epoch, Filter, Head, Store, StoreErrorKind, Term, Verdict};

pub(super) fn terms_grow<S: Store>(stand: &Stand<'_, S>) -> Held {
    let mut store = stand.fresh();
    let mut before = None;
    for round in 0..3 {
        for node in ["one", "two", "one"] {
            let term = store.begin(node).map_err(|error| error.to_string())?;
            if before.is_some_and(|before| term <= before) {
                return Err(format!("after {before:?} came {term:?}, in round {round}"));
            }
            before = Some(term);
        }
        store = stand.reopen(store);
    }
    Ok(())
}

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

/// A head of which everything is said.
fn full_head<S: Store>(stand: &Stand<'_, S>, parent: JobId) -> Head {
    let mut head = stand.head();
    head.state = JobState::Scheduled;
    head.queue = Arc::from("slow");
    head.priority = Some(Priority::Critical);
    head.tags = vec![Arc::from("red"), Arc::from("blue")];
    head.unique = Some(Arc::from("only"));
    head.parent = Some(Parent { job: parent, task: 7, depth: 2 });
    head.not_before = Some(moment(3600));
    head
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
    let entries: Vec<Entry> = heads.iter().map(|head| new(head, term, 1)).collect();
    accepted(&store, &entries)?;
    for head in &heads {
        same("the head that is read", &read(&store, head.id)?.head, head)?;
    }
    let listed = store.list(&Filter::default()).map_err(|error| error.to_string())?;
    same("the list of all heads", &listed, &heads)
}

pub(super) fn changes_are_seen<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let mut head = full_head(stand, stand.id());
    let epoch = begin(&store, &head, term, 1)?;
    let changes = [
        (JobState::Running, None, None),
        (JobState::Stopping, None, Some("it is late")),
        (JobState::Compensating, None, Some("it is late")),
        (JobState::Expired, Some(moment(5)), Some("it was late")),
    ];
    for (number, (state, ended, failure)) in (1..).zip(changes) {
        let change = Change { state, ended, failure: failure.map(Arc::from) };
        (head.state, head.ended, head.failure) = (state, ended, change.failure.clone());
        let (job, lines) = (head.id, lines(number, 1));
        let entry = Entry::More { job, epoch, first: number, lines, change: Some(Box::new(change)) };
        accepted(&store, &[entry])?;
        same("the head that is read", &read(&store, head.id)?.head, &head)?;
        let listed = store.list(&Filter::default()).map_err(|error| error.to_string())?;
        same("the head that is listed", &listed, &vec![head.clone()])?;
    }
    has_records(&read(&store, head.id)?, 5)
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
        // Most databases have a limit to how long a key may be.
        head.unique = Some(Arc::from(&text[..text.len().min(50)]));
        begin(&store, &head, term, 1)?;
        let kept = read(&store, head.id)?;
        if kept.head != head {
            return Err(format!("a head with the text {:.40?} is not read as it was written", text));
        }
        let filter = Filter { name: Some(text.to_owned()), tag: Some(text.to_owned()), ..Filter::default() };
        let found = store.list(&filter).map_err(|error| error.to_string())?;
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
        let listed = store.list(&Filter::default()).map_err(|error| error.to_string())?;
        same("the list after a restart", &listed, &heads)?;
    }
    // The term lasts until another begins, and who holds it may not have noticed anything.
    accepted(&store, &[more(heads[0].id, epochs[0], 5, 1)])?;
    has_records(&read(&store, heads[0].id)?, 6)
}

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

pub(super) fn stale_epochs_write_nothing<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let head = stand.head();
    let before = begin(&store, &head, term, 1)?;
    let unknown = write(&store, &[more(stand.id(), before, 0, 1)])?;
    same("the verdict on a job that is not there", &unknown, &vec![Verdict::Stale])?;
    let term = store.begin("node").map_err(|error| error.to_string())?;
    let claimed = store.claim(term, 10).map_err(|error| error.to_string())?;
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
    let now = store.begin("node").map_err(|error| error.to_string())?;
    // Before anybody has claimed it.
    let entries = [more(head.id, epoch, 1, 1), new(&late, before, 1)];
    same("the verdicts on an earlier term", &write(&store, &entries)?, &vec![Verdict::Stale; 2])?;
    let never = [new(&late, Term(now.0 + 1000), 1)];
    same("the verdict on a term that never began", &write(&store, &never)?, &vec![Verdict::Stale])?;
    has_records(&read(&store, head.id)?, 1)?;
    same("whether the late job is there", &store.read(late.id).map(|kept| kept.is_some()), &Ok(false))?;
    let store = stand.reopen(store);
    let again = write(&store, &[new(&late, before, 1)])?;
    same("the verdict after a restart", &again, &vec![Verdict::Stale])?;
    begin(&store, &late, now, 1)?;
    Ok(())
}

pub(super) fn nodes_live_side_by_side<S: Store>(stand: &Stand<'_, S>) -> Held {
    let store = stand.fresh();
    let begun = |node: &str| store.begin(node).map_err(|error| error.to_string());
    let claims = |term| -> Result<Vec<JobId>, String> {
        let claimed = store.claim(term, 10).map_err(|error| error.to_string())?;
        Ok(claimed.iter().map(|claimed| claimed.kept.head.id).collect())
    };
    let (one, other) = (begun("one")?, begun("other")?);
    let (of_one, of_other) = (stand.head(), stand.head());
    let (a, b) = (begin(&store, &of_one, one, 1)?, begin(&store, &of_other, other, 1)?);
    accepted(&store, &[more(of_one.id, a, 1, 1), more(of_other.id, b, 1, 1)])?;
    same("what one claims of the other", &claims(one)?, &Vec::new())?;
    let again = begun("other")?;
    same("what is claimed when the other began again", &claims(one)?, &vec![of_other.id])?;
    let late = write(&store, &[more(of_other.id, b, 2, 1)])?;
    same("the verdict on the other's late lines", &late, &vec![Verdict::Stale])?;
    same("what the other finds", &claims(again)?, &Vec::new())?;
    accepted(&store, &[more(of_one.id, a, 2, 1)])?;
    Ok(())
}

fn keyed<S: Store>(stand: &Stand<'_, S>, name: &str) -> Head {
    let mut head = stand.head();
    (head.name, head.unique) = (Arc::from(name), Some(Arc::from("key")));
    head
}

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
    let stopping = Change { state: JobState::Stopping, ended: None, failure: Some(Arc::from("late")) };
    let change = Some(Box::new(stopping));
    accepted(&store, &[Entry::More { job: one.id, epoch, first: 1, lines: lines(1, 1), change }])?;
    same("the verdict while the job stops", &write(&store, &[new(&three, term, 1)])?, &taken)?;
    let store = stand.reopen(store);
    let term = store.begin("node").map_err(|error| error.to_string())?;
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

pub(super) fn what_is_refused_is_gone<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let (one, mut two) = (keyed(stand, "work"), keyed(stand, "work"));
    let epoch = begin(&store, &one, term, 1)?;
    write(&store, &[new(&two, term, 3)])?;
    same("whether what was refused is read", &store.read(two.id).map(|kept| kept.is_some()), &Ok(false))?;
    let listed = store.list(&Filter::default()).map_err(|error| error.to_string())?;
    same("the list", &listed, &vec![one.clone()])?;
    same("the verdict on more of it", &write(&store, &[more(two.id, epoch, 3, 1)])?, &vec![Verdict::Stale])?;
    // Its id is free.
    two.unique = None;
    begin(&store, &two, term, 1)?;
    has_records(&read(&store, two.id)?, 1)
}

fn claims(store: &impl Store, term: Term, limit: usize) -> Result<Vec<JobId>, String> {
    let claimed = store.claim(term, limit).map_err(|error| format!("cannot claim: {error}"))?;
    Ok(claimed.iter().map(|claimed| claimed.kept.head.id).collect())
}

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
    let term = store.begin("node").map_err(|error| error.to_string())?;
    same("what is claimed when nothing is asked for", &claims(&store, term, 0)?, &Vec::new())?;
    for page in heads.chunks(4) {
        let claimed = store.claim(term, 4).map_err(|error| format!("cannot claim: {error}"))?;
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
    let term = store.begin("node").map_err(|error| error.to_string())?;
    same("how many the next term claims", &claims(&store, term, 100)?.len(), &heads.len())
}

pub(super) fn claims_leave_alone<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, before) = stand.begun()?;
    let (open, over) = (stand.head(), stand.head());
    begin(&store, &open, before, 1)?;
    ended(&store, &over, before, moment(1))?;
    let of_other = stand.head();
    let other = store.begin("other").map_err(|error| error.to_string())?;
    begin(&store, &of_other, other, 1)?;
    let term = store.begin("node").map_err(|error| error.to_string())?;
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
    let term = store.begin("node").map_err(|error| error.to_string())?;
    let kind = |claimed: Result<_, crate::store::StoreError>| match claimed {
        Ok::<Vec<crate::store::Claimed>, _>(claimed) => Err(format!("it claims {} jobs", claimed.len())),
        Err(error) => Ok(error.kind()),
    };
    for wrong in [before, Term(term.0 + 1000)] {
        let kind = kind(store.claim(wrong, 10))?;
        same("the error of a term that is over", &kind, &StoreErrorKind::Superseded)?;
    }
    same("what the living one claims", &claims(&store, term, 10)?, &vec![head.id])
}

pub(super) fn epochs_grow<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (mut store, term) = stand.begun()?;
    let idle = store.begin("idle").map_err(|error| error.to_string())?;
    let head = stand.head();
    let mut before = begin(&store, &head, term, 1)?;
    let mut count = 1;
    for round in 0..6 {
        let begun = store.begin("node").map_err(|error| error.to_string())?;
        // Sometimes by a term that is older than the one that held it.
        let term = if round == 3 { idle } else { begun };
        let claimed = store.claim(term, 10).map_err(|error| error.to_string())?;
        let [claimed] = &claimed[..] else { return Err(format!("{} jobs are claimed, of 1", claimed.len())) };
        if claimed.epoch <= before {
            return Err(format!("it was held under {before:?}, and then under {:?}", claimed.epoch));
        }
        accepted(&store, &[more(head.id, claimed.epoch, count, 1)])?;
        let late = write(&store, &[more(head.id, before, count + 1, 1)])?;
        same("the verdict under the epoch before", &late, &vec![Verdict::Stale])?;
        (before, count) = (claimed.epoch, count + 1);
        if round == 3 {
            store.begin("idle").map_err(|error| error.to_string())?;
        }
        store = stand.reopen(store);
    }
    has_records(&read(&store, head.id)?, count)
}

pub(super) fn unknown_jobs<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    begin(&store, &stand.head(), term, 1)?;
    match store.read(stand.id()) {
        Ok(None) => Ok(()),
        other => Err(format!("it is read as {other:?}")),
    }
}

/// Jobs that differ in everything that a filter may ask for.
fn various<S: Store>(stand: &Stand<'_, S>, store: &S, term: Term) -> Result<Vec<Head>, String> {
    let parents = [stand.id(), stand.id()];
    let mut heads = Vec::new();
    for number in 0..60_usize {
        let mut head = stand.head();
        head.state = JobState::ALL[number % JobState::ALL.len()];
        head.ended = head.state.is_over().then(|| moment(1));
        head.name = Arc::from(["work", "rest"][number % 2]);
        head.queue = Arc::from(["default", "slow", "work"][number % 3]);
        head.tags = [&[][..], &["red"], &["red", "blue"], &["reddish", "rest"]][number % 4]
            .iter()
            .map(|tag| Arc::from(*tag))
            .collect();
        let task = u32::try_from(number).unwrap_or(0);
        head.parent = [None, Some(parents[0]), None, Some(parents[1]), None][number % 5].map(|job| Parent {
            job,
            task,
            depth: 1,
        });
        heads.push(head);
    }
    let entries: Vec<Entry> = heads.iter().rev().map(|head| new(head, term, 1)).collect();
    accepted(store, &entries)?;
    Ok(heads)
}

pub(super) fn lists_are_filtered<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let heads = various(stand, &store, term)?;
    let mut filters = vec![Filter::default()];
    let some = |text: &str| Some(text.to_owned());
    let none = Filter::default;
    filters.extend(JobState::ALL.iter().map(|state| Filter { states: vec![*state], ..none() }));
    for states in [
        &[JobState::Running, JobState::Pending, JobState::Paused][..],
        &[JobState::Failed, JobState::Expired],
        &[JobState::Failed, JobState::Running],
        &[JobState::Succeeded, JobState::Cancelled],
    ] {
        filters.push(Filter { states: states.to_vec(), ..none() });
        filters.push(Filter { states: states.to_vec(), name: some("work"), ..none() });
        filters.push(Filter {
            states: states.to_vec(),
            parent: heads[1].parent.map(|own| own.job),
            ..none()
        });
    }
    for text in ["work", "rest", "slow", "red", "blue", "reddish", "re", "nothing", "%", "[\"red\"]"] {
        filters.push(Filter { name: some(text), ..none() });
        filters.push(Filter { queue: some(text), ..none() });
        filters.push(Filter { tag: some(text), ..none() });
        filters.push(Filter { tag: some(text), queue: some("slow"), name: some("rest"), ..none() });
    }
    filters.extend(
        [&heads[1], &heads[3]].map(|head| Filter { parent: head.parent.map(|own| own.job), ..none() }),
    );
    filters.push(Filter { parent: Some(heads[0].id), ..none() });
    filters.push(Filter { after: Some(heads[30].id), tag: some("red"), limit: Some(3), ..none() });
    for filter in filters {
        let expected: Vec<JobId> = heads
            .iter()
            .filter(|head| filter.lets(head))
            .take(filter.limit.unwrap_or(usize::MAX))
            .map(|head| head.id)
            .collect();
        let found = store.list(&filter).map_err(|error| error.to_string())?;
        let found: Vec<JobId> = found.iter().map(|head| head.id).collect();
        same(&format!("what {filter:?} lets through"), &found, &expected)?;
    }
    Ok(())
}

pub(super) fn lists_have_pages<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let heads = various(stand, &store, term)?;
    let any = Filter::default();
    let open = Filter { states: vec![JobState::Pending, JobState::Running], ..Filter::default() };
    let failed = Filter { states: vec![JobState::Failed], ..Filter::default() };
    let parent = Filter { parent: heads[1].parent.map(|own| own.job), ..Filter::default() };
    for filter in [any, open, failed, parent] {
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = Filter { after, limit: Some(5), ..filter.clone() };
            let found = store.list(&page).map_err(|error| error.to_string())?;
            if found.len() > 5 {
                return Err(format!("a page of 5 holds {}", found.len()));
            }
            let Some(last) = found.last() else { break };
            after = Some(last.id);
            paged.extend(found);
            if paged.len() > heads.len() {
                return Err("the pages do not come to an end".to_owned());
            }
        }
        let expected: Vec<Head> = heads.iter().filter(|head| filter.lets(head)).cloned().collect();
        same("the pages, one after the other", &paged, &expected)?;
    }
    let nothing = Filter { limit: Some(0), ..Filter::default() };
    same("a list of none", &store.list(&nothing).map(|heads| heads.len()), &Ok(0))
}

fn forget(store: &impl Store, before: u64, limit: usize) -> Result<Vec<JobId>, String> {
    store.forget(moment(before), limit).map_err(|error| format!("cannot forget: {error}"))
}

pub(super) fn forgets_in_order<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let heads: Vec<Head> = (0..6).map(|_| stand.head()).collect();
    // The order in which they end is not that of their ids.
    let ends = [30, 10, 50, 20, 40, 60];
    for (head, at) in heads.iter().zip(ends) {
        ended(&store, head, term, moment(at))?;
    }
    let ids = |places: &[usize]| places.iter().map(|place| heads[*place].id).collect::<Vec<_>>();
    same("what is forgotten of nothing", &forget(&store, 10, 10)?, &Vec::new())?;
    same("what is forgotten when nothing is asked for", &forget(&store, 100, 0)?, &Vec::new())?;
    same("the first two", &forget(&store, 50, 2)?, &ids(&[1, 3]))?;
    same("what else ended before", &forget(&store, 50, 10)?, &ids(&[0, 4]))?;
    same("what is left to forget", &forget(&store, 50, 10)?, &Vec::new())?;
    let store = stand.reopen(store);
    for place in [0, 1, 3, 4] {
        let there = store.read(heads[place].id).map(|kept| kept.is_some());
        same("whether a job that was forgotten is read", &there, &Ok(false))?;
        let more = write(&store, &[more(heads[place].id, Epoch(1), 2, 1)])?;
        same("the verdict on more of it", &more, &vec![Verdict::Stale])?;
    }
    let listed = store.list(&Filter::default()).map_err(|error| error.to_string())?;
    same("the list", &listed.iter().map(|head| head.id).collect(), &ids(&[2, 5]))?;
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
    same("what is forgotten", &forget(&store, 1_000_000, 100)?, &vec![over.id])?;
    open.iter().try_for_each(|id| has_records(&read(&store, *id)?, 1))
}

pub(super) fn children_stay<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let parent = stand.head();
    let epoch = begin(&store, &parent, term, 1)?;
    let of = |job| Some(Parent { job, task: 0, depth: 1 });
    let (mut child, mut orphan) = (stand.head(), stand.head());
    (child.parent, orphan.parent) = (of(parent.id), of(stand.id()));
    ended(&store, &child, term, moment(1))?;
    ended(&store, &orphan, term, moment(2))?;
    same("what is forgotten while the parent runs", &forget(&store, 100, 10)?, &vec![orphan.id])?;
    has_records(&read(&store, child.id)?, 2)?;
    accepted(&store, &[last(parent.id, epoch, 1, JobState::Succeeded, moment(200))])?;
    same("what is forgotten when it is over", &forget(&store, 100, 10)?, &vec![child.id])?;
    same("and then", &forget(&store, 300, 10)?, &vec![parent.id])
}

/// How many threads write at once, and how many entries each.
const WRITERS: usize = 3;
const ENTRIES: u32 = 20;

pub(super) fn threads<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let heads: Vec<Head> = (0..WRITERS).map(|_| stand.head()).collect();
    let done = AtomicBool::new(false);
    // Pairs of records: whoever reads sees both or none.
    let write_one = |head: &Head| -> Held {
        let epoch = begin(&store, head, term, 2)?;
        (1..ENTRIES).try_for_each(|n| accepted(&store, &[more(head.id, epoch, 2 * n, 2)]).map(|_| ()))
    };
    let look = || -> Held {
        while !done.load(Ordering::SeqCst) {
            let listed = store.list(&Filter::default()).map_err(|error| error.to_string())?;
            for head in listed {
                let kept = read(&store, head.id)?;
                let count = kept.lines.iter().map(|lines| lines.count).sum::<u32>();
                same("how many records are read while others write", &(count % 2), &0)?;
                has_records(&kept, count)?;
            }
        }
        Ok(())
    };
    let joined = |handle: thread::ScopedJoinHandle<'_, Held>| {
        handle.join().unwrap_or_else(|_| Err("it panics".to_owned()))
    };
    thread::scope(|scope| {
        let readers = [scope.spawn(look), scope.spawn(look)];
        let writers: Vec<_> = heads.iter().map(|head| scope.spawn(move || write_one(head))).collect();
        let written: Held = writers.into_iter().try_for_each(joined);
        done.store(true, Ordering::SeqCst);
        readers.into_iter().try_for_each(joined).and(written)
    })?;
    heads.iter().try_for_each(|head| has_records(&read(&store, head.id)?, 2 * ENTRIES))
}
