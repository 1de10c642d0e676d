//! How often a request asks again whose tenant's limit has room that other gateways may leave.

use std::time::Duration;

/// So often: by then the others have heard that it is wanted here. A first exchange tells them, the second
/// tells what they left, the third is for one that was late.
const TIMES_MAX: u32 = 3;

/// How many exchanges with the others it waits for one that should be under way: it, and the next.
const EXCHANGES: u32 = 2;

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
