//! The places of a queue, in every order in which threads can meet: loom tries them all, on the engine's own file.

use std::collections::BTreeSet;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

mod sync {
    use loom::sync::LockResult;
    pub(super) use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    pub(super) use loom::sync::{Mutex, MutexGuard};

    /// Loom takes sequentially consistent operations for weaker ones than they are; a fence is what it knows.
    pub(super) fn in_one_order() {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }

    pub(super) fn unpoisoned<T>(guard: LockResult<MutexGuard<'_, T>>) -> MutexGuard<'_, T> {
        guard.expect("nobody panics here")
    }
}

#[expect(dead_code, reason = "it is the engine's, which uses all of it")]
#[path = "../../workflow-runtime/src/engine/places.rs"]
mod places;

use places::Places;

/// Runs one who has a place, and then all who get places by that; notes who ran.
fn run(places: &Places<u32>, who: u32, ran: &AtomicU32, at_once: &AtomicU32) {
    let mut next = Some(who);
    while let Some(who) = next {
        assert!(at_once.fetch_add(1, Ordering::SeqCst) < 1, "two run where there is one place");
        ran.fetch_or(1 << who, Ordering::SeqCst);
        at_once.fetch_sub(1, Ordering::SeqCst);
        next = places.release();
    }
}

fn come(places: &Places<u32>, who: u32, ran: &AtomicU32, at_once: &AtomicU32) {
    if places.try_take() {
        run(places, who, ran, at_once);
    } else if let Some(who) = places.wait(who) {
        run(places, who, ran, at_once);
    }
}

/// Every order with so many switches between threads where none is needed: more find nothing new, and take for ever.
fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

#[test]
fn whoever_comes_for_a_place_gets_it_and_nobody_shares_one() {
    model(|| {
        let shared = Arc::new((Places::new(1), AtomicU32::new(0), AtomicU32::new(0)));
        let others: Vec<_> = (0..2)
            .map(|who| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || come(&shared.0, who, &shared.1, &shared.2))
            })
            .collect();
        come(&shared.0, 2, &shared.1, &shared.2);
        for other in others {
            other.join().expect("it does not panic");
        }
        assert_eq!(shared.1.load(Ordering::SeqCst), 0b111, "somebody waits for ever");
        assert_eq!((shared.0.running(), shared.0.waiting()), (0, 0));
    });
}

#[test]
fn a_queue_that_is_paused_and_goes_on_forgets_nobody() {
    model(|| {
        let shared = Arc::new((Places::new(1), AtomicU32::new(0), AtomicU32::new(0)));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || come(&shared.0, 0, &shared.1, &shared.2))
        };
        shared.0.pause();
        shared.0.resume();
        while let Some(who) = shared.0.next() {
            run(&shared.0, who, &shared.1, &shared.2);
        }
        other.join().expect("it does not panic");
        assert_eq!(shared.1.load(Ordering::SeqCst), 0b1, "it waits for ever");
    });
}

#[test]
fn the_greatest_goes_first() {
    model(|| {
        let places = Places::new(1);
        assert!(places.try_take());
        let order: BTreeSet<u32> = [3, 1, 2].into_iter().filter_map(|who| places.wait(who)).collect();
        assert!(order.is_empty(), "there is no place");
        let order: Vec<u32> = std::iter::from_fn(|| places.release()).collect();
        assert_eq!(order, [3, 2, 1]);
    });
}
