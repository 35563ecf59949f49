//! What nodes that share a store are to each other. A store that is one process's need not keep these promises.

use std::sync::Arc;
use std::time::Duration;

use super::Held;
use super::jobs::{Stand, accepted, begin, claims, ended, moment, more, new, next_term, same, write};
use crate::job_id::JobId;
use crate::store::{Entry, Epoch, Most, Store, StoreErrorKind, Term, Verdict, Word, WordId};

pub(super) fn ended_terms_hold_nothing<S: Store>(stand: &Stand<'_, S>) -> Held {
    let store = stand.fresh();
    if store.lease().is_none() {
        return Ok(());
    }
    let (one, other) = (next_term(&store, "one")?, next_term(&store, "other")?);
    let (head, late) = (stand.head(), stand.head());
    let epoch = begin(&store, &head, one, 1)?;
    for _ in 0..2 {
        store.end(one).map_err(|error| format!("a term cannot be ended: {error}"))?;
    }
    let entries = [more(head.id, epoch, 1, 1), new(&late, one, 1)];
    same("the verdicts on a term that was ended", &write(&store, &entries)?, &vec![Verdict::Stale; 2])?;
    let store = stand.reopen(store);
    same("what others claim of it", &claims(&store, other, 10)?, &vec![head.id])?;
    match store.claim(one, Most::of(10)).map_err(|error| error.kind()) {
        Err(StoreErrorKind::Superseded) => Ok(()),
        other => Err(format!("a term that was ended claims {other:?}")),
    }
}

pub(super) fn beats_are_answered<S: Store>(stand: &Stand<'_, S>) -> Held {
    let store = stand.fresh();
    let Some(lease) = store.lease() else { return Ok(()) };
    same("whether a lease is some time", &(lease > Duration::ZERO), &true)?;
    let (one, other) = (next_term(&store, "one")?, next_term(&store, "other")?);
    let heard = |term: Term| store.beat(term).map_err(|error| error.kind());
    same("what a living term is told", &heard(one), &Ok(()))?;
    let again = next_term(&store, "one")?;
    same("what a term is told when its node began again", &heard(one), &Err(StoreErrorKind::Superseded))?;
    store.end(other).map_err(|error| format!("a term cannot be ended: {error}"))?;
    same("what a term is told that was ended", &heard(other), &Err(StoreErrorKind::Superseded))?;
    same("what the living term is told", &heard(again), &Ok(()))
}

pub(super) fn ends_are_told<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let (open, over, never) = (stand.head(), stand.head(), stand.id());
    let told = |jobs: &[JobId]| {
        let mut told = store.ended(jobs).map_err(|error| format!("it cannot be told: {error}"))?;
        told.sort_unstable();
        Ok::<_, String>(told)
    };
    let epoch = begin(&store, &open, term, 1)?;
    ended(&store, &over, term, moment(1))?;
    same("which are over", &told(&[open.id, over.id, never])?, &vec![over.id, never])?;
    same("which of none are over", &told(&[])?, &Vec::new())?;
    accepted(&store, &[more(open.id, epoch, 1, 1)])?;
    same("which are over, when one goes on", &told(&[open.id])?, &Vec::new())?;
    accepted(&store, &[super::jobs::last(open.id, epoch, 2, crate::state::JobState::Failed, moment(2))])?;
    same("which are over, when all are", &told(&[over.id, open.id])?, &{
        let mut all = vec![open.id, over.id];
        all.sort_unstable();
        all
    })
}

fn word(number: u128, job: JobId, text: &str) -> Word {
    Word { id: WordId(number), job, text: Arc::from(text) }
}

fn reply(word: &Word, epoch: Epoch, text: &str) -> Entry {
    Entry::Reply { word: word.id, job: word.job, epoch, text: Arc::from(text) }
}

fn leave(store: &impl Store, word: &Word) -> Result<bool, String> {
    store.leave(word).map_err(|error| format!("no word can be left: {error}"))
}

fn words(store: &impl Store, term: Term) -> Result<Vec<Word>, String> {
    store.words(term).map_err(|error| format!("words cannot be read: {error}"))
}

fn reply_to(store: &impl Store, word: &Word) -> Result<Option<Arc<str>>, String> {
    store.reply(word.id).map_err(|error| format!("a reply cannot be read: {error}"))
}

pub(super) fn words_reach_who_holds_the_job<S: Store>(stand: &Stand<'_, S>) -> Held {
    let store = stand.fresh();
    if store.lease().is_none() {
        return Ok(());
    }
    let (one, other) = (next_term(&store, "one")?, next_term(&store, "other")?);
    let (head, over) = (stand.head(), stand.head());
    begin(&store, &head, one, 1)?;
    ended(&store, &over, one, moment(1))?;
    // In the order in which they are left.
    let (first, second) = (word(9, head.id, "stop\0 \u{1F600}"), word(3, head.id, "go"));
    same("whether a word is left", &leave(&store, &first)?, &true)?;
    same("whether another is", &leave(&store, &second)?, &true)?;
    same("whether the first is, asked again", &leave(&store, &first)?, &true)?;
    same("whether one is for a job that is over", &leave(&store, &word(4, over.id, "go"))?, &false)?;
    same("whether one is for no job", &leave(&store, &word(5, stand.id(), "go"))?, &false)?;
    same("the words for who holds the job", &words(&store, one)?, &vec![first.clone(), second.clone()])?;
    same("the words for who does not", &words(&store, other)?, &Vec::new())?;
    same("the reply, when there is none", &reply_to(&store, &first)?, &None)?;
    let store = stand.reopen(store);
    store.end(one).map_err(|error| format!("a term cannot be ended: {error}"))?;
    let claimed = store.claim(other, Most::of(10)).map_err(|error| format!("cannot claim: {error}"))?;
    let epoch = claimed.first().map(|claimed| claimed.epoch).ok_or("the job is not claimed")?;
    same("the words for who took it over", &words(&store, other)?, &vec![first.clone(), second.clone()])?;
    accepted(&store, &[more(head.id, epoch, 1, 1), reply(&first, epoch, "done")])?;
    same("the words when one has a reply", &words(&store, other)?, &vec![second])?;
    same("the reply", &reply_to(&store, &first)?.as_deref(), &Some("done"))?;
    let again = write(&store, &[reply(&first, epoch, "done again")])?;
    same("the verdict on another reply", &again, &vec![Verdict::Written(epoch)])?;
    same("the reply then", &reply_to(&store, &first)?.as_deref(), &Some("done"))
}

pub(super) fn replies_need_the_job<S: Store>(stand: &Stand<'_, S>) -> Held {
    let store = stand.fresh();
    if store.lease().is_none() {
        return Ok(());
    }
    let term = next_term(&store, "one")?;
    let head = stand.head();
    let epoch = begin(&store, &head, term, 1)?;
    let asked = word(1, head.id, "go");
    leave(&store, &asked)?;
    let wrong = write(&store, &[reply(&asked, Epoch(epoch.0 + 1000), "done")])?;
    same("the verdict under another epoch", &wrong, &vec![Verdict::Stale])?;
    next_term(&store, "one")?;
    let late = write(&store, &[reply(&asked, epoch, "done")])?;
    same("the verdict when the term is over", &late, &vec![Verdict::Stale])?;
    same("the reply", &reply_to(&store, &asked)?, &None)
}
