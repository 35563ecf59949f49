//! Several threads use a store at once.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, ScopedJoinHandle};

use super::Held;
use super::jobs::{
    Stand, accepted, all, begin, claims, has_records, ids, in_place, letter, lines, moment, more, new,
    next_term, note, notes, once, read, same, write,
};
use crate::job_id::JobId;
use crate::state::JobState;
use crate::store::{Change, Entry, Epoch, Head, Kept, Store, Term, Verdict};

/// How many threads do the same at once, and how often.
const THREADS: usize = 3;
const ENTRIES: u32 = 20;
const BATCHES: u32 = 40;
const RACES: u32 = 8;

/// Some write, and others look, again and again, until all is written.
fn beside<W: FnOnce() -> Held + Send>(writers: Vec<W>, look: impl Fn() -> Held + Sync) -> Held {
    let done = AtomicBool::new(false);
    let watch = || -> Held {
        while !done.load(Ordering::SeqCst) {
            look()?;
        }
        look()
    };
    thread::scope(|scope| {
        let readers = [scope.spawn(watch), scope.spawn(watch)];
        let writers: Vec<_> = writers.into_iter().map(|write| scope.spawn(write)).collect();
        let written: Vec<Held> = writers.into_iter().map(joined).collect();
        done.store(true, Ordering::SeqCst);
        readers.into_iter().map(joined).chain(written).collect()
    })
}

fn joined<T>(handle: ScopedJoinHandle<'_, Result<T, String>>) -> Result<T, String> {
    handle.join().unwrap_or_else(|_| Err("it panics".to_owned()))
}

fn count(kept: &Kept) -> u32 {
    kept.lines.iter().map(|lines| lines.count).sum()
}

pub(super) fn threads<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let heads: Vec<Head> = (0..THREADS).map(|_| stand.head()).collect();
    // Pairs of records: whoever reads sees both or none.
    let write_one = |head: &Head| -> Held {
        let epoch = begin(&store, head, term, 2)?;
        (1..ENTRIES).try_for_each(|n| accepted(&store, &[more(head.id, epoch, 2 * n, 2)]).map(|_| ()))
    };
    let look = || -> Held {
        for head in all(&store)? {
            let kept = read(&store, head.id)?;
            let count = count(&kept);
            same("how many records are read while others write", &(count % 2), &0)?;
            has_records(&kept, count)?;
        }
        Ok(())
    };
    beside(heads.iter().map(|head| move || write_one(head)).collect(), look)?;
    heads.iter().try_for_each(|head| has_records(&read(&store, head.id)?, 2 * ENTRIES))
}

/// Two jobs and a note that change together, many times; with each change comes a job more.
struct Together {
    pair: [Head; 2],
    others: Vec<Head>,
}

impl Together {
    fn new<S: Store>(stand: &Stand<'_, S>) -> Self {
        let pair = [stand.head(), stand.head()];
        Self { pair, others: (0..BATCHES).map(|_| stand.head()).collect() }
    }

    /// Writes all of it; `written` hears the number of each change.
    fn write(&self, store: &impl Store, term: Term, written: impl Fn(u32)) -> Held {
        let [one, two] = &self.pair;
        let epochs = accepted(store, &[new(one, term, 1), new(two, term, 1)])?;
        for (number, other) in (1..).zip(&self.others) {
            let text = number.to_string();
            let entries = [
                changed(one.id, epochs[0], number),
                note("topic", "number", Some(&text), Some(u64::from(number) - 1), term),
                new(other, term, 1),
                changed(two.id, epochs[1], number),
            ];
            let verdicts = write(store, &entries)?;
            same("the verdict on the note", &verdicts[1], &Verdict::Noted(u64::from(number)))?;
            written(number);
        }
        Ok(())
    }

    fn read(&self, store: &impl Store, head: &Head) -> Result<Option<Kept>, String> {
        store.read(head.id).map_err(|error| format!("job {} cannot be read: {error}", head.id))
    }

    /// That a list is one of some moment between the changes.
    fn of_list(&self, listed: &[Head]) -> Held {
        let of = |wanted: &Head| {
            let found = listed.iter().find(|head| head.id == wanted.id);
            found.map_or(0, |head| number_of(head.failure.as_deref()))
        };
        let numbers = self.pair.each_ref().map(of);
        same("the second of two jobs that change together, in one list,", &numbers[1], &numbers[0])?;
        let others = u32::try_from(listed.len().saturating_sub(self.pair.len())).unwrap_or(u32::MAX);
        same("how many jobs have come with them, in that list,", &others, &numbers[0])
    }
}

/// One more record, and a change that says its number.
fn changed(job: JobId, epoch: Epoch, number: u32) -> Entry {
    let failure = Some(Arc::from(number.to_string()));
    let change = Some(Box::new(Change { failure, ..Change::to(JobState::Stopping) }));
    Entry::More { job, epoch, first: number, lines: lines(number, 1), change }
}

fn number_of(text: Option<&str>) -> u32 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn noted(store: &impl Store) -> Result<u32, String> {
    Ok(number_of(notes(store, "topic")?.first().map(|note| &*note.text)))
}

fn at_least(what: &str, found: u32, expected: u32) -> Held {
    if found >= expected {
        Ok(())
    } else {
        Err(format!("{what} says {found}, where {expected} was there before"))
    }
}

pub(super) fn reads_are_of_one_moment<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let together = Together::new(stand);
    let look = || -> Held {
        for head in &together.pair {
            let Some(kept) = together.read(&store, head)? else { continue };
            let number = number_of(kept.head.failure.as_deref());
            same("how many records a job has that is read with its head", &count(&kept), &(number + 1))?;
        }
        Ok(())
    };
    beside(vec![|| together.write(&store, term, |_| ())], look)
}

pub(super) fn lists_are_of_one_moment<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let together = Together::new(stand);
    let look = || together.of_list(&all(&store)?);
    beside(vec![|| together.write(&store, term, |_| ())], look)
}

pub(super) fn batches_are_seen_whole<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let together = Together::new(stand);
    // Whatever of a batch is seen first, all else is there to be seen.
    let look = || -> Held {
        let [one, two] = &together.pair;
        let records = |head| Ok::<_, String>(together.read(&store, head)?.map_or(0, |kept| count(&kept) - 1));
        let seen = records(two)?;
        at_least("a note that is read after a job", noted(&store)?, seen)?;
        let seen = noted(&store)?;
        at_least("a job that is read after a note", records(one)?, seen)?;
        let seen = records(two)?;
        at_least("the other job, read after that one,", records(one)?, seen)?;
        let seen = noted(&store)?;
        let others = all(&store)?.len().saturating_sub(together.pair.len());
        at_least("a list that is read after a note", u32::try_from(others).unwrap_or(0), seen)
    };
    beside(vec![|| together.write(&store, term, |_| ())], look)
}

pub(super) fn what_is_written_is_seen<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let together = Together::new(stand);
    let written = AtomicU32::new(0);
    let look = || -> Held {
        let now = || written.load(Ordering::SeqCst);
        let expected = now();
        let listed = all(&store)?;
        let others = listed.iter().filter(|head| !together.pair.iter().any(|one| one.id == head.id)).count();
        at_least("the number of jobs in a list", u32::try_from(others).unwrap_or(0), expected)?;
        let expected = now();
        at_least("a note", noted(&store)?, expected)?;
        for head in together.pair.iter().filter(|_| expected > 0) {
            let expected = now();
            at_least("a job", count(&read(&store, head.id)?).saturating_sub(1), expected)?;
        }
        Ok(())
    };
    beside(vec![|| together.write(&store, term, |number| written.store(number, Ordering::SeqCst))], look)
}

/// Writes each of these entries in a thread of its own, at once: one is accepted.
fn has_one_winner(store: &impl Store, what: &str, entries: &[Entry]) -> Held {
    let start = Barrier::new(entries.len());
    let run = |entry: &Entry| {
        start.wait();
        write(store, std::slice::from_ref(entry))
    };
    let verdicts: Result<Vec<Vec<Verdict>>, String> = thread::scope(|scope| {
        let threads: Vec<_> = entries.iter().map(|entry| scope.spawn(move || run(entry))).collect();
        threads.into_iter().map(joined).collect()
    });
    let verdicts = verdicts?.concat();
    let accepted = |verdict: &&Verdict| matches!(verdict, Verdict::Written(_) | Verdict::Noted(_));
    match verdicts.iter().filter(accepted).count() {
        1 => Ok(()),
        many => Err(format!("of {} who ask for {what} at once, {many} get it: {verdicts:?}", entries.len())),
    }
}

pub(super) fn races_have_one_winner<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    for round in 0..RACES {
        let key = format!("key {round}");
        let each = |entry: &dyn Fn() -> Entry| -> Vec<Entry> { (0..THREADS).map(|_| entry()).collect() };
        let unique = || Head { unique: Some(Arc::from(&*key)), ..stand.head() };
        has_one_winner(&store, "a unique key", &each(&|| new(&unique(), term, 1)))?;
        has_one_winner(&store, "a key for ever", &each(&|| new(&once(stand, &key), term, 1)))?;
        let head = stand.head();
        has_one_winner(&store, "an id", &each(&|| new(&head, term, 1)))?;
        let next = stand.head();
        let epoch = begin(&store, &next, term, 1)?;
        has_one_winner(&store, "the next records", &each(&|| more(next.id, epoch, 1, 1)))?;
        let dead = stand.head();
        letter(&store, &dead, term, moment(1))?;
        has_one_winner(&store, "a letter's place", &each(&|| in_place(&stand.head(), term, dead.id)))?;
        let next = Some(u64::from(round));
        has_one_winner(&store, "a note's version", &each(&|| note("topic", "race", Some("a"), next, term)))?;
    }
    claims_race(stand)
}

/// Two nodes take over what a third has left, at once.
fn claims_race<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, before) = stand.begun()?;
    let heads: Vec<Head> = (0..30).map(|_| stand.head()).collect();
    accepted(&store, &heads.iter().map(|head| new(head, before, 1)).collect::<Vec<_>>())?;
    let terms = [next_term(&store, "one")?, next_term(&store, "two")?];
    next_term(&store, "node")?;
    let claim_all = |term| {
        let mut claimed = Vec::new();
        loop {
            let page = claims(&store, term, 4)?;
            if page.is_empty() || claimed.len() > heads.len() {
                return Ok(claimed);
            }
            claimed.extend(page);
        }
    };
    let claimed: Result<Vec<Vec<JobId>>, String> = thread::scope(|scope| {
        let threads: Vec<_> = terms.iter().map(|term| scope.spawn(move || claim_all(*term))).collect();
        threads.into_iter().map(joined).collect()
    });
    let mut claimed = claimed?.concat();
    claimed.sort_unstable();
    same("what two nodes claim at once", &claimed, &ids(&heads))
}
