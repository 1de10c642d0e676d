//! How long requests waited: lately, and in all.
//!
//! Lately: the waits themselves, few enough to sort. In all: counted in steps of five percent, so
//! that a demonstration that runs for days stays as small as it began.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What counts as lately.
const LATELY: Duration = Duration::from_secs(10);
/// The most waits that are kept of it.
const LATELY_MAX: usize = 20_000;
/// Between two steps of the count.
const STEP: f64 = 1.05;

/// All waits.
#[derive(Debug, Default)]
pub(super) struct Waits {
    lately: VecDeque<(Instant, Duration)>,
    /// By step; the first is for waits below a millisecond.
    counts: Vec<u64>,
    longest: Duration,
}

/// Two quantiles.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Quantiles {
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

impl Waits {
    /// A request waited this long.
    pub(super) fn record(&mut self, now: Instant, wait: Duration) {
        if self.lately.len() == LATELY_MAX {
            self.lately.pop_front();
        }
        self.lately.push_back((now, wait));
        let step = step(wait);
        if self.counts.len() <= step {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] += 1;
        self.longest = self.longest.max(wait);
    }

    /// Of the requests answered in the last seconds.
    pub(super) fn lately(&mut self, now: Instant) -> Quantiles {
        while let Some((at, _)) = self.lately.front()
            && now.saturating_duration_since(*at) > LATELY
        {
            self.lately.pop_front();
        }
        let mut waits: Vec<Duration> = self.lately.iter().map(|(_, wait)| *wait).collect();
        waits.sort_unstable();
        let of = |share| rank(waits.len() as u64, share).map_or(Duration::ZERO, |at| waits[at]);
        Quantiles {
            p50: of(0.5),
            p99: of(0.99),
        }
    }

    /// Of all requests, within five percent.
    pub(super) fn in_all(&self) -> Quantiles {
        let total = self.counts.iter().sum();
        let of = |share| {
            let mut left = rank(total, share)? as u64;
            let at = self.counts.iter().position(|count| {
                let is_here = left < *count;
                left = left.saturating_sub(*count);
                is_here
            });
            at.map(|step| top_of(step).min(self.longest))
        };
        Quantiles {
            p50: of(0.5).unwrap_or_default(),
            p99: of(0.99).unwrap_or_default(),
        }
    }

    /// The longest of all.
    pub(super) const fn longest(&self) -> Duration {
        self.longest
    }
}

/// The place of the quantile `share` among `count` in order.
fn rank(count: u64, share: f64) -> Option<usize> {
    let last = count.checked_sub(1)?;
    Some(((last as f64) * share).ceil() as usize)
}

fn step(wait: Duration) -> usize {
    let millis = wait.as_secs_f64() * 1e3;
    if millis < 1.0 {
        0
    } else {
        millis.log(STEP) as usize + 1
    }
}

/// The longest wait of a step.
fn top_of(step: usize) -> Duration {
    match step {
        0 => Duration::ZERO,
        _ => Duration::from_secs_f64(STEP.powi(i32::try_from(step).unwrap_or(i32::MAX)) / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_step() {
        let now = Instant::now();
        let mut waits = Waits::default();
        for millis in 1..=1000 {
            waits.record(now, Duration::from_millis(millis));
        }
        let lately = waits.lately(now);
        assert_eq!(lately.p50, Duration::from_millis(501));
        assert_eq!(lately.p99, Duration::from_millis(991));
        let all = waits.in_all();
        assert!((0.476..0.53).contains(&all.p50.as_secs_f64()), "{all:?}");
        assert!((0.94..=1.0).contains(&all.p99.as_secs_f64()), "{all:?}");
        assert_eq!(waits.longest(), Duration::from_secs(1));
    }

    #[test]
    fn what_is_long_ago_counts_in_all_only() {
        let now = Instant::now();
        let mut waits = Waits::default();
        waits.record(now, Duration::from_secs(2));
        assert_eq!(waits.lately(now + LATELY * 2), Quantiles::default());
        assert!(waits.in_all().p50 > Duration::from_millis(1900));
    }

    #[test]
    fn no_wait_is_no_time() {
        let mut waits = Waits::default();
        assert_eq!(waits.in_all(), Quantiles::default());
        waits.record(Instant::now(), Duration::ZERO);
        assert_eq!(waits.in_all(), Quantiles::default());
    }
}
