//! How often a request asks again whose tenant's limit has room that other gateways may leave.

use std::time::Duration;

/// So often: by then the others have heard that it is wanted here. A first exchange tells them, the second
/// tells what they left, the third is for one that was late.
const TIMES_MAX: u32 = 3;

/// How many exchanges with the others it waits for one that should be under way: it, and the next.
const EXCHANGES: u32 = 2;

/// The part of what is left of its wait for which who asks anew lets others ask first, and the longest. Waits
/// that differ by a second begin to ask a millisecond apart: in the order of their turns, and a minute's
/// within a tenth of a second. Not measured.
const GIVES_WAY: u32 = 1_000;
const GIVES_WAY_MAX: Duration = Duration::from_millis(100);

/// How long who asks anew lets others ask first, where its turn would have come in so long: all that wait for
/// the same are woken at once, and give back what they hold before they ask.
pub fn gives_way(left: Duration) -> Duration {
    (left / GIVES_WAY).min(GIVES_WAY_MAX)
}

/// How a request asks again.
#[derive(Clone, Copy, Debug)]
pub struct AsksAgain {
    times_left: u32,
    patience: Duration,
}

impl AsksAgain {
    /// It would wait for so long in all.
    pub const fn new(patience: Duration) -> Self {
        Self {
            times_left: TIMES_MAX,
            patience,
        }
    }

    /// What is left of its patience.
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// Whether it asks again if others may leave what it lacks.
    pub const fn may(&self) -> bool {
        self.times_left > 0 && !self.patience.is_zero()
    }

    /// It lacks that. How long it waits at most to hear of gateways that tell one another every `interval`.
    pub fn wait(&mut self, interval: Duration) -> Duration {
        self.times_left = self.times_left.saturating_sub(1);
        interval.saturating_mul(EXCHANGES).min(self.patience)
    }

    /// It has waited for so long.
    pub const fn waited(&mut self, span: Duration) {
        self.patience = self.patience.saturating_sub(span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_turn_comes_first_asks_first_and_nobody_waits_long_for_that() {
        let [soon, late, latest] = [1, 20, 3_600].map(|secs| gives_way(Duration::from_secs(secs)));
        assert!(soon < late && late < latest);
        assert_eq!(latest, GIVES_WAY_MAX);
        assert_eq!(gives_way(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_request_asks_again_a_few_times_and_as_long_as_it_has_patience() {
        let millis = Duration::from_millis;
        let mut again = AsksAgain::new(millis(500));
        for _ in 0..TIMES_MAX {
            assert!(again.may());
            assert_eq!(again.wait(millis(50)), millis(100));
            again.waited(millis(100));
        }
        assert!(!again.may());
        assert_eq!(again.patience(), millis(200));

        let mut again = AsksAgain::new(millis(120));
        assert_eq!(again.wait(millis(100)), millis(120));
        again.waited(millis(130));
        assert!(!again.may() && again.patience().is_zero());
        assert_eq!(again.wait(millis(100)), Duration::ZERO);
    }
}
