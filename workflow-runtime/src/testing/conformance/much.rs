//! A store that keeps much keeps it as one that keeps little: what it writes down late, it writes down right.

use std::collections::BTreeMap;

use super::Held;
use super::jobs::{
    Stand, accepted, claims, expired, forget, has_records, ids, is_there, last, listed, moment, more, new,
    next_term, read, same,
};
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::{Entry, Epoch, Expiry, Filter, Head, Store, Term};

/// So many jobs, written so many at once, each so many times: more rows than a store is likely to leave for later.
const JOBS: usize = 2_000;
const AT_ONCE: usize = 250;
const ROUNDS: u32 = 10;

/// How many of those that are over are not to be forgotten.
const KEPT: usize = 100;

pub(super) fn much_is_kept<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let mut much = Much { heads: Vec::new(), epochs: BTreeMap::new(), records: 0 };
    much.begin(stand, &store, term)?;
    let mut store = store;
    for round in 0..ROUNDS {
        much.go_on(&store)?;
        much.look(&store, round as usize)?;
        if round == ROUNDS / 2 {
            store = stand.reopen(store);
            much.look(&store, 0)?;
        }
    }
    much.end_half(&store)?;
    much.look(&store, 1)?;
    much.lists(&store)?;
    let store = stand.reopen(store);
    much.lists(&store)?;
    much.let_go(&store)?;
    much.lists(&store)?;
    much.take_over(&store)
}

struct Much {
    heads: Vec<Head>,
    epochs: BTreeMap<JobId, Epoch>,
    /// How many records each has that is not over.
    records: u32,
}

impl Much {
    fn begin<S: Store>(&mut self, stand: &Stand<'_, S>, store: &S, term: Term) -> Held {
        self.heads = (0..JOBS).map(|_| stand.head()).collect();
        for some in self.heads.chunks(AT_ONCE) {
            let entries: Vec<Entry> = some.iter().map(|head| new(head, term, 1)).collect();
            self.epochs.extend(some.iter().map(|head| head.id).zip(accepted(store, &entries)?));
        }
        self.records = 1;
        Ok(())
    }

    fn epoch(&self, head: &Head) -> Epoch {
        self.epochs.get(&head.id).copied().unwrap_or(Epoch(0))
    }

    /// One record more for each.
    fn go_on(&mut self, store: &impl Store) -> Held {
        for some in self.heads.chunks(AT_ONCE) {
            let entry = |head: &Head| more(head.id, self.epoch(head), self.records, 1);
            accepted(store, &some.iter().map(entry).collect::<Vec<_>>())?;
        }
        self.records += 1;
        Ok(())
    }

    /// Every second one ends, the last first.
    fn end_half(&mut self, store: &impl Store) -> Held {
        let (records, epochs) = (self.records, self.epochs.clone());
        let mut ending: Vec<&mut Head> = self.heads.iter_mut().step_by(2).rev().collect();
        for (number, head) in (1..).zip(&mut ending) {
            (head.state, head.ended) = (JobState::Succeeded, Some(moment(number)));
        }
        for some in ending.chunks(AT_ONCE) {
            let end = |head: &&mut Head| {
                let (epoch, at) = (epochs.get(&head.id).copied(), head.ended.unwrap_or_default());
                last(head.id, epoch.unwrap_or(Epoch(0)), records, JobState::Succeeded, at)
            };
            accepted(store, &some.iter().map(end).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Reads some of them.
    fn look(&self, store: &impl Store, from: usize) -> Held {
        for head in self.heads.iter().skip(from).step_by(97) {
            let kept = read(store, head.id)?;
            same("the head of one of many", &kept.head, head)?;
            has_records(&kept, self.records + u32::from(head.state.is_over()))?;
        }
        Ok(())
    }

    fn lists(&self, store: &impl Store) -> Held {
        for states in [&[JobState::Running][..], &[JobState::Succeeded], &[]] {
            let filter = Filter { states: states.to_vec(), limit: Some(700), ..Filter::default() };
            let (mut found, mut after) = (Vec::new(), None);
            while found.len() <= JOBS {
                let page = listed(store, &Filter { after, ..filter.clone() })?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                found.extend(page);
            }
            let expected: Vec<Head> = self.heads.iter().filter(|head| filter.lets(head)).cloned().collect();
            same(&format!("how many {states:?} of many are listed"), &found.len(), &expected.len())?;
            if let Some((found, expected)) = found.iter().zip(&expected).find(|(one, other)| one != other) {
                same(&format!("one of many {states:?} in a list"), found, expected)?;
            }
        }
        Ok(())
    }

    /// All that is over is forgotten at once, but for the newest.
    fn let_go(&mut self, store: &impl Store) -> Held {
        let over = |head: &&Head| head.state.is_over();
        let mut expected = ids(&self.heads.iter().rev().filter(over).cloned().collect::<Vec<_>>());
        expected.truncate(expected.len() - KEPT);
        let gone = expired(store, &Expiry { beyond: Some(KEPT), ..Expiry::at_most(JOBS) })?;
        same("how many of many expire", &gone.len(), &expected.len())?;
        same("whether those that ended first expire first", &(gone == expected), &true)?;
        same("whether all of them are forgotten", &(forget(store, &gone)? == gone), &true)?;
        for job in gone.iter().step_by(97) {
            same("whether one of them is there", &is_there(store, *job)?, &false)?;
        }
        self.heads.retain(|head| !gone.contains(&head.id));
        Ok(())
    }

    fn take_over(&self, store: &impl Store) -> Held {
        let term = next_term(store, "node")?;
        let mut open = self.heads.iter().filter(|head| !head.state.is_over()).map(|head| head.id).peekable();
        while open.peek().is_some() {
            let expected: Vec<JobId> = open.by_ref().take(300).collect();
            let claimed = claims(store, term, 300)?;
            same("whether a page of many is claimed", &(claimed == expected), &true)?;
        }
        same("what is claimed then", &claims(store, term, 300)?, &Vec::new())?;
        self.look(store, 0)
    }
}
