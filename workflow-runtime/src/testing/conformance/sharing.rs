//! Who is given what, where nodes share a store: free jobs, those of others' queues, those that are parked, and limits. A
//! store that is one process's need not keep these promises.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::Held;
use super::jobs::{Stand, begin, lines, moment, more, next_term, same, write};
use crate::job_id::JobId;
use crate::options::Rate;
use crate::state::JobState;
use crate::store::{
    Asking, Change, Entry, Epoch, Head, Leave, Lines, Most, Offer, Store, StoreErrorKind, Term, Toll, Verdict,
};

/// A store of several nodes, and the terms of two.
fn two<S: Store>(stand: &Stand<'_, S>) -> Result<Option<(S, Term, Term)>, String> {
    let store = stand.fresh();
    if store.lease().is_none() {
        return Ok(None);
    }
    let (one, other) = (next_term(&store, "one")?, next_term(&store, "other")?);
    Ok(Some((store, one, other)))
}

fn offers(store: &impl Store, term: Term, program: &str, queues: Option<&[&str]>) -> Held {
    let queues = queues.map(|queues| queues.iter().map(|queue| Arc::from(*queue)).collect());
    let (program, workflows) = (Arc::from(program), vec![Arc::from("One"), Arc::from("a,b {\"")]);
    let offer = Offer { version: Arc::from("1.0"), program, queues, workflows };
    store.offer(term, &offer).map_err(|error| format!("nothing can be offered: {error}"))
}

/// A job that waits to begin.
fn waiting<S: Store>(stand: &Stand<'_, S>, queue: &str) -> Head {
    let mut head = stand.head();
    head.state = JobState::Pending;
    head.queue = Arc::from(queue);
    head
}

fn free(head: &Head, term: Term, due: u64) -> Entry {
    let free = Some(moment(due));
    Entry::New { head: Arc::new(head.clone()), term, lines: lines(0, 1), settles: None, free }
}

fn claims(store: &impl Store, term: Term, jobs: usize, waiting: usize) -> Result<Vec<JobId>, String> {
    let claimed =
        store.claim(term, Most { jobs, waiting }).map_err(|error| format!("cannot claim: {error}"))?;
    Ok(claimed.into_iter().map(|claimed| claimed.kept.head.id).collect())
}

fn sorted(mut jobs: Vec<JobId>) -> Vec<JobId> {
    jobs.sort_unstable();
    jobs
}

pub(super) fn who_offers_lives<S: Store>(stand: &Stand<'_, S>) -> Held {
    let Some((store, one, _)) = two(stand)? else { return Ok(()) };
    offers(&store, one, "p", None)?;
    store.end(one).map_err(|error| format!("a term cannot be ended: {error}"))?;
    let offered = store.offer(one, &Offer::default()).map_err(|error| error.kind());
    same("what a term is told that was ended", &offered, &Err(StoreErrorKind::Superseded))
}

pub(super) fn free_jobs_are_nobodys<S: Store>(stand: &Stand<'_, S>) -> Held {
    let Some((store, one, other)) = two(stand)? else { return Ok(()) };
    let heads = [waiting(stand, "q"), waiting(stand, "q"), waiting(stand, "q")];
    let entries = [free(&heads[0], one, 30), free(&heads[1], one, 10), free(&heads[2], one, 20)];
    same("the verdicts on free jobs", &write(&store, &entries)?, &vec![Verdict::Written(Epoch::FIRST); 3])?;
    let again = write(&store, &entries[..1])?;
    same("the verdict on one that is there", &again, &vec![Verdict::Not { count: 1 }])?;
    let late = write(&store, &[more(heads[0].id, Epoch::FIRST, 1, 1)])?;
    same("the verdict on more of a free job", &late, &vec![Verdict::Stale])?;
    let store = stand.reopen(store);
    same("what is claimed", &claims(&store, other, 2, 2)?, &sorted(vec![heads[1].id, heads[2].id]))?;
    same("what its writer claims", &claims(&store, one, 10, 10)?, &vec![heads[0].id])?;
    same("what is left", &claims(&store, other, 10, 10)?, &Vec::new())?;
    store.end(other).map_err(|error| format!("a term cannot be ended: {error}"))?;
    let stale = write(&store, &[free(&waiting(stand, "q"), other, 1)])?;
    same("the verdict on one of a term that is over", &stale, &vec![Verdict::Stale])
}

pub(super) fn queues_are_served<S: Store>(stand: &Stand<'_, S>) -> Held {
    let Some((store, one, other)) = two(stand)? else { return Ok(()) };
    offers(&store, other, "p", Some(&["a", "c \u{1F600}"]))?;
    let queues = ["a", "b", "c \u{1F600}"];
    let heads = queues.map(|queue| waiting(stand, queue));
    let entries: Vec<Entry> = heads.iter().map(|head| free(head, one, 1)).collect();
    write(&store, &entries)?;
    let mut held = stand.head();
    held.queue = Arc::from("b");
    begin(&store, &held, one, 1)?;
    store.end(one).map_err(|error| format!("a term cannot be ended: {error}"))?;
    let given = claims(&store, other, 10, 10)?;
    same("what is claimed of two queues", &given, &vec![heads[0].id, heads[2].id])?;
    let third = next_term(&store, "third")?;
    offers(&store, third, "p", None)?;
    let left = sorted(claims(&store, third, 10, 10)?);
    same("what is claimed of all", &left, &sorted(vec![heads[1].id, held.id]))
}

pub(super) fn so_many_wait<S: Store>(stand: &Stand<'_, S>) -> Held {
    let Some((store, one, other)) = two(stand)? else { return Ok(()) };
    let (first, begun, second) = (waiting(stand, "q"), stand.head(), waiting(stand, "q"));
    for head in [&first, &begun, &second] {
        begin(&store, head, one, 1)?;
    }
    store.end(one).map_err(|error| format!("a term cannot be ended: {error}"))?;
    let third = next_term(&store, "third")?;
    let unheld = [waiting(stand, "q"), waiting(stand, "q")];
    write(&store, &[free(&unheld[0], third, 1), free(&unheld[1], third, 2)])?;
    same("what is claimed with no room", &claims(&store, other, 10, 0)?, &vec![begun.id])?;
    let given = sorted(claims(&store, other, 10, 3)?);
    same("what is claimed with room for three", &given, &sorted(vec![first.id, second.id, unheld[0].id]))?;
    same("what is claimed then", &claims(&store, other, 10, 3)?, &vec![unheld[1].id])
}

fn park(job: JobId, epoch: Epoch, reason: Option<&str>) -> Entry {
    let change = Change { parked: reason.map(Arc::from), ..Change::to(JobState::Running) };
    Entry::More { job, epoch, first: 1, lines: Lines::default(), change: Some(Box::new(change)) }
}

pub(super) fn parked_jobs_are_offered<S: Store>(stand: &Stand<'_, S>) -> Held {
    let Some((store, one, other)) = two(stand)? else { return Ok(()) };
    offers(&store, one, "old", None)?;
    offers(&store, other, "old", None)?;
    let new = next_term(&store, "new")?;
    offers(&store, new, "new", None)?;
    let (head, plain) = (stand.head(), stand.head());
    let epoch = begin(&store, &head, one, 1)?;
    begin(&store, &plain, one, 1)?;
    same(
        "the verdict on parking",
        &write(&store, &[park(head.id, epoch, Some("why"))])?,
        &vec![Verdict::Written(epoch)],
    )?;
    same("what another of the program claims", &claims(&store, other, 10, 10)?, &Vec::new())?;
    same("what its holder claims", &claims(&store, one, 10, 10)?, &Vec::new())?;
    let claimed = store.claim(new, Most::of(10)).map_err(|error| format!("cannot claim: {error}"))?;
    let claimed: Vec<_> = claimed.into_iter().map(|one| (one.kept.head.id, one.epoch)).collect();
    let [(id, taken)] = claimed[..] else { return Err(format!("another program claims {claimed:?}")) };
    same("what another program claims", &id, &head.id)?;
    let late = write(&store, &[park(head.id, epoch, None)])?;
    same("the verdict on who has parked it", &late, &vec![Verdict::Stale])?;
    write(&store, &[park(head.id, taken, Some("why, too"))])?;
    same("what is claimed when both have parked it", &claims(&store, other, 10, 10)?, &Vec::new())?;
    write(&store, &[park(head.id, taken, None)])?;
    let third = next_term(&store, "third")?;
    offers(&store, third, "third", None)?;
    same("what is claimed of what goes on", &claims(&store, third, 10, 10)?, &Vec::new())
}

fn toll(gate: &str, held: u32, wants: u32) -> Toll {
    Toll { gate: Arc::from(gate), held, wants, limit: Some(3), rate: None }
}

fn pass(store: &impl Store, term: Term, number: u64, tolls: Vec<Toll>) -> Result<Vec<u32>, String> {
    let asking = Asking { term, number, at: moment(0), tolls };
    let leaves = store.pass(&asking).map_err(|error| format!("no leave can be asked for: {error}"))?;
    Ok(leaves.into_iter().map(|leave| leave.given).collect())
}

pub(super) fn limits_are_shared<S: Store>(stand: &Stand<'_, S>) -> Held {
    let Some((store, one, other)) = two(stand)? else { return Ok(()) };
    let given = pass(&store, one, 1, vec![toll("b", 0, 2), toll("a\0", 0, 5)])?;
    same("what is given first", &given, &vec![2, 3])?;
    let given = pass(&store, other, 1, vec![toll("a\0", 0, 1), toll("b", 0, 2)])?;
    same("what is given of what is left", &given, &vec![0, 1])?;
    same("what is given to a late asking", &pass(&store, one, 1, vec![toll("b", 0, 1)])?, &vec![0])?;
    same("what is given to who gives back", &pass(&store, one, 2, vec![toll("b", 1, 0)])?, &vec![0])?;
    let store = stand.reopen(store);
    same("what is given of that", &pass(&store, other, 2, vec![toll("b", 1, 5)])?, &vec![1])?;
    same(
        "what is given to who says again what he holds",
        &pass(&store, other, 3, vec![toll("b", 2, 1)])?,
        &vec![0],
    )?;
    store.end(one).map_err(|error| format!("a term cannot be ended: {error}"))?;
    same(
        "what is given of what a term held that is over",
        &pass(&store, other, 4, vec![toll("b", 2, 2)])?,
        &vec![1],
    )?;
    let asking = Asking { term: one, number: 9, at: moment(0), tolls: vec![toll("b", 0, 1)] };
    let late = store.pass(&asking).map_err(|error| error.kind());
    same("what a term is told that is over", &late, &Err(StoreErrorKind::Superseded))
}

pub(super) fn rates_are_shared<S: Store>(stand: &Stand<'_, S>) -> Held {
    let Some((store, one, other)) = two(stand)? else { return Ok(()) };
    let hour = Duration::from_secs(3600);
    let rate = NonZeroU32::new(3).map(|count| Rate { count, per: hour });
    let ask = |term, number, wants| {
        let tolls = vec![Toll { gate: Arc::from("r"), held: 0, wants, limit: None, rate }];
        let asking = Asking { term, number, at: moment(0), tolls };
        let leaves = store.pass(&asking).map_err(|error| format!("no leave can be asked for: {error}"))?;
        leaves.first().copied().ok_or_else(|| "nothing is said".to_owned())
    };
    same("what is given first", &ask(one, 1, 2)?, &Leave { given: 2, again: None })?;
    for number in 1..3 {
        let Leave { given, again } = ask(other, number, 2)?;
        same("what is given of what is left", &given, &u32::from(number == 1))?;
        let soon = again.is_some_and(|again| again <= hour && again > hour / 2);
        same("whether it is told when there will be more", &soon, &true)?;
    }
    Ok(())
}
