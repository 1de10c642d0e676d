//! What the store's clock says now, as far as that follows from what it said last: words are told with
//! the moment at which they were said, since a store that stood still takes them down when nobody waits
//! for that any more.
//!
//! What a question takes to get there is part of it: a word that comes as fast as the one before is new.

use std::time::{Duration, Instant};

/// More than a question and its answer take: whoever is silent for so long is not gone yet.
const LEAP: Duration = Duration::from_secs(1);

/// The store's clock, in milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct StoreClock {
    /// What it said, and when it was asked.
    said: Option<(u64, Instant)>,
    asked_at: Option<Instant>,
}

impl StoreClock {
    /// What it says when a question comes that is asked now; 0: that is not known.
    pub(super) fn asked(&mut self) -> u64 {
        let now = Instant::now();
        self.asked_at = Some(now);
        self.at(now)
    }

    /// It says `at`. `true`: it has leapt forward, and may take others to be gone that are not.
    pub(super) fn hear(&mut self, at: u64) -> bool {
        let asked_at = self.asked_at.unwrap_or_else(Instant::now);
        let expected = Duration::from_millis(self.at(Instant::now()));
        let has_leapt = self.said.is_some() && Duration::from_millis(at) > expected + LEAP;
        self.said = Some((at, asked_at));
        has_leapt
    }

    fn at(&self, now: Instant) -> u64 {
        let passed = |since| u64::try_from(now.duration_since(since).as_millis());
        self.said.map_or(0, |(said, since)| {
            said.saturating_add(passed(since).unwrap_or(u64::MAX))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_followed_and_its_leaps_are_told() {
        let mut clock = StoreClock::default();
        assert_eq!(clock.asked(), 0, "it was never heard");
        assert!(!clock.hear(5_000_000), "it is heard for the first time");
        assert!((5_000_000..5_060_000).contains(&clock.asked()));
        assert!(clock.hear(5_120_000));
        assert!(!clock.hear(1_000), "who looks back takes nobody to be gone");
        assert!((1_000..61_000).contains(&clock.asked()));
    }
}
