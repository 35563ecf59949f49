//! How many messages somebody may send.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use workflow_runtime::Timestamp;

/// When who has sent something. There are no more senders than are known, and no more moments of each than it may send.
#[derive(Debug, Default)]
pub(super) struct Flood(HashMap<String, VecDeque<Timestamp>>);

impl Flood {
    /// Notes that somebody sends something, where it may.
    pub(super) fn lets(&mut self, source: &str, now: Timestamp, most: usize, within: Duration) -> bool {
        let sent = self.0.entry(source.to_owned()).or_default();
        while sent.front().is_some_and(|then| *then + within <= now) {
            sent.pop_front();
        }
        let lets = sent.len() < most;
        if lets {
            sent.push_back(now);
        }
        lets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_any_time_of_that_length() {
        let (mut flood, within) = (Flood::default(), Duration::from_secs(60));
        let at = |seconds: u64| Timestamp::now() + Duration::from_secs(seconds);
        for (seconds, lets) in [(0, true), (30, true), (59, false), (61, true), (62, false), (95, true)] {
            assert_eq!(flood.lets("a", at(seconds), 2, within), lets, "after {seconds} s");
        }
        assert!(flood.lets("b", at(62), 2, within), "another has its own count");
    }
}
