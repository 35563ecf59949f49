//! How much one address, or one person, may ask for.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Of how many it is remembered what they have asked for.
const KNOWN: usize = 10_000;

/// So much may be asked for at once, and so much in each second after that; of each one by himself.
#[derive(Debug)]
pub(super) struct Pace<K> {
    at_once: f64,
    per_second: f64,
    left: Mutex<HashMap<K, (f64, Instant)>>,
}

impl<K: Hash + Eq> Pace<K> {
    pub(super) fn new(at_once: u32, per_second: u32) -> Self {
        Self { at_once: at_once.into(), per_second: per_second.into(), left: Mutex::default() }
    }

    /// Whether one more may be asked for.
    pub(super) fn lets(&self, who: K, now: Instant) -> bool {
        let mut known = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN {
            let whole = Duration::from_secs_f64((self.at_once / self.per_second.max(0.001)).min(1e6));
            known.retain(|_, (_, since)| now.duration_since(*since) < whole);
            if known.len() >= KNOWN {
                known.clear();
            }
        }
        let (left, since) = known.entry(who).or_insert((self.at_once, now));
        let gained = now.duration_since(*since).as_secs_f64() * self.per_second;
        *left = (*left + gained).min(self.at_once);
        *since = now;
        let lets = *left >= 1.0;
        if lets {
            *left -= 1.0;
        }
        lets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_so_much_at_once_and_more_as_time_goes_by() {
        let pace = Pace::new(3, 2);
        let begun = Instant::now();
        let asked: Vec<bool> = (0..4).map(|_| pace.lets("a", begun)).collect();
        assert_eq!(asked, [true, true, true, false]);
        assert!(pace.lets("b", begun));
        let later = begun + Duration::from_millis(600);
        assert!(pace.lets("a", later));
        assert!(!pace.lets("a", later));
    }

    #[test]
    fn not_more_are_remembered_than_there_is_room_for() {
        let pace = Pace::new(1, 1);
        let now = Instant::now();
        (0..3 * KNOWN).for_each(|who| _ = pace.lets(who, now));
        assert!(pace.left.lock().unwrap().len() <= KNOWN);
    }
}
