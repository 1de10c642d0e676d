//! What the store's clock says now, as far as that follows from what it said last: words are told with
//! the moment at which they were said, since a store that stood still takes them down when nobody waits
//! for that any more.

use std::time::{Duration, Instant};

/// More than a question and its answer take: whoever is silent for so long is not gone yet.
const LEAP: Duration = Duration::from_secs(1);

/// Milliseconds since 1970, and when they were heard.
#[derive(Debug, Default)]
pub(super) struct StoreClock(Option<(u64, Instant)>);

impl StoreClock {
    /// Milliseconds since 1970; 0: it was never heard.
    pub(super) fn now(&self) -> u64 {
        let passed = |at: Instant| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0
            .map_or(0, |(said, at)| said.saturating_add(passed(at)))
    }

    /// It says `at`. `true`: it has leapt forward, and may take others to be gone that are not.
    pub(super) fn hear(&mut self, at: u64) -> bool {
        let expected = Duration::from_millis(self.now());
        let has_leapt = self.0.is_some() && Duration::from_millis(at) > expected + LEAP;
        self.0 = Some((at, Instant::now()));
        has_leapt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_followed_and_its_leaps_are_told() {
        let mut clock = StoreClock::default();
        assert_eq!(clock.now(), 0, "it was never heard");
        assert!(
            !clock.hear(5_000_000),
            "it says something for the first time"
        );
        assert!((5_000_000..5_060_000).contains(&clock.now()));
        assert!(clock.hear(5_120_000));
        assert!(!clock.hear(1_000), "who looks back takes nobody to be gone");
        assert!((1_000..61_000).contains(&clock.now()));
    }
}
