//! The buckets of one account and model group, taken from together.
//!
//! A request is admitted when every dimension has room, and then takes from all at once; a
//! refused one takes nothing. Requests and input are charged at admission, the input by a guess
//! that is put right after; output is charged as it is produced.

use std::time::Duration;

use parking_lot::Mutex;

use crate::bucket::{Bucket, NotNow};
use crate::clock::Micros;
use crate::world::{Limits, Oversized};

/// What a provider meters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dimension {
    /// Calls.
    Requests,
    /// Uncached input tokens.
    Input,
    /// Produced tokens.
    Output,
    /// Input and output in one.
    Tokens,
}

impl Dimension {
    /// All of them, in index order.
    pub(crate) const ALL: [Self; 4] = [Self::Requests, Self::Input, Self::Output, Self::Tokens];

    /// Its name in messages, as in "50 requests per minute".
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Input => "input tokens",
            Self::Output => "output tokens",
            Self::Tokens => "tokens",
        }
    }
}

/// What a request takes at admission.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Charge {
    pub(crate) input: u64,
    pub(crate) tokens: u64,
    /// Whether it will produce output, which needs something left.
    pub(crate) produces: bool,
}

/// Why a request was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The dimension that is short (the longest wait, if several).
    pub(crate) dimension: Dimension,
    pub(crate) limit: u64,
    pub(crate) needed: u64,
    /// When it would fit; `None`: never.
    pub(crate) wait: Option<Duration>,
}

/// One bucket as headers describe it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) limit: u64,
    /// May be negative inside; headers show zero then.
    pub(crate) remaining: f64,
    pub(crate) full_in: Duration,
}

/// One reading per dimension that is limited, by [`Dimension`]'s order.
pub(crate) type Readings = [Option<Reading>; 4];

/// The buckets of one account and model group.
#[derive(Debug)]
pub(crate) struct Budget {
    buckets: Mutex<[Option<Gauge>; 4]>,
    oversized: Oversized,
    /// Since when, and until when, the last refusal said to stay away.
    away: Mutex<(Micros, Micros)>,
}

/// A bucket, and the one that headers show if they count whole minutes.
#[derive(Debug)]
struct Gauge {
    enforced: Bucket,
    shown: Option<Bucket>,
}

/// What is sent this long after a refusal may have been on its way already.
const ON_ITS_WAY: Micros = 200_000;

/// Seconds of refill a bucket holds unless the world says otherwise.
pub(crate) const BURST_SECS: f64 = 3.0;

impl Budget {
    pub(crate) fn new(
        limits: &Limits,
        oversized: Oversized,
        foreign_share: f64,
        minute_scale: bool,
        now: Micros,
    ) -> Self {
        let buckets = per_minute(limits).map(|limit| {
            limit.map(|limit| Gauge::new(limit, limits, foreign_share, minute_scale, now))
        });
        Self {
            buckets: Mutex::new(buckets),
            oversized,
            away: Mutex::default(),
        }
    }

    /// A refusal says to stay away for `secs`.
    pub(crate) fn keep_away(&self, secs: u64, now: Micros) {
        *self.away.lock() = (now, now + secs * 1_000_000);
    }

    /// Whether a request comes although its sender has had time to hear that it is to stay away.
    pub(crate) fn is_hasty(&self, now: Micros) -> bool {
        let (since, until) = *self.away.lock();
        (since + ON_ITS_WAY..until).contains(&now)
    }

    /// Takes what the request needs of every dimension, or nothing.
    pub(crate) fn admit(&self, charge: Charge, now: Micros) -> Result<(), Refusal> {
        let mut buckets = self.buckets.lock();
        let mut worst: Option<Refusal> = None;
        for dimension in Dimension::ALL {
            let Some(gauge) = &mut buckets[dimension as usize] else {
                continue;
            };
            if let Some(refusal) = gauge.refusal(dimension, charge, self.oversized, now) {
                let longer = worst.is_none_or(|w| wait_key(&refusal) > wait_key(&w));
                worst = if longer { Some(refusal) } else { worst };
            }
        }
        if let Some(refusal) = worst {
            return Err(refusal);
        }
        for dimension in Dimension::ALL {
            if let Some(gauge) = &mut buckets[dimension as usize] {
                gauge.take(charge.of(dimension) as f64, now);
            }
        }
        Ok(())
    }

    /// Charges output that was produced, whether there is room or not.
    pub(crate) fn produce(&self, tokens: u64, also_total: bool, now: Micros) {
        let mut buckets = self.buckets.lock();
        if let Some(gauge) = &mut buckets[Dimension::Output as usize] {
            gauge.take(tokens as f64, now);
        }
        if let (true, Some(gauge)) = (also_total, &mut buckets[Dimension::Tokens as usize]) {
            gauge.take(tokens as f64, now);
        }
    }

    /// Puts the guess of the input right.
    pub(crate) fn correct_input(&self, guess: u64, truth: u64, also_total: bool, now: Micros) {
        let mut buckets = self.buckets.lock();
        let difference = truth as f64 - guess as f64;
        if let Some(gauge) = &mut buckets[Dimension::Input as usize] {
            gauge.correct(difference, now);
        }
        if let (true, Some(gauge)) = (also_total, &mut buckets[Dimension::Tokens as usize]) {
            gauge.correct(difference, now);
        }
    }

    /// What headers say now.
    pub(crate) fn readings(&self, now: Micros) -> Readings {
        let mut buckets = self.buckets.lock();
        std::array::from_fn(|index| buckets[index].as_mut().map(|gauge| gauge.reading(now)))
    }

    /// The true levels now.
    pub(crate) fn levels(&self, now: Micros) -> [Option<f64>; 4] {
        let mut buckets = self.buckets.lock();
        std::array::from_fn(|index| buckets[index].as_mut().map(|g| g.enforced.level(now)))
    }

    /// Changes the limits; levels stay as far as they fit.
    pub(crate) fn resize(
        &self,
        limits: &Limits,
        foreign_share: f64,
        minute_scale: bool,
        now: Micros,
    ) {
        let mut buckets = self.buckets.lock();
        let wanted = per_minute(limits);
        for (gauge, limit) in buckets.iter_mut().zip(wanted) {
            match (gauge.as_mut(), limit) {
                (Some(gauge), Some(limit)) => gauge.resize(limit, limits, now),
                (None, Some(limit)) => {
                    *gauge = Some(Gauge::new(limit, limits, foreign_share, minute_scale, now));
                }
                (_, None) => *gauge = None,
            }
        }
    }

    /// Lets somebody else use a share of the refill.
    pub(crate) fn set_foreign_share(&self, share: f64, now: Micros) {
        for gauge in self.buckets.lock().iter_mut().flatten() {
            gauge.enforced.set_foreign_share(share, now);
            if let Some(shown) = &mut gauge.shown {
                shown.set_foreign_share(share, now);
            }
        }
    }
}

impl Charge {
    const fn of(&self, dimension: Dimension) -> u64 {
        match dimension {
            Dimension::Requests => 1,
            Dimension::Input => self.input,
            Dimension::Output => 0,
            Dimension::Tokens => self.tokens,
        }
    }
}

impl Gauge {
    fn new(limit: u64, limits: &Limits, foreign: f64, minute_scale: bool, now: Micros) -> Self {
        let make = |burst_secs| {
            let mut bucket = Bucket::new(limit, burst_secs, now);
            bucket.set_foreign_share(foreign, now);
            bucket
        };
        Self {
            enforced: make(limits.burst_secs.unwrap_or(BURST_SECS)),
            shown: minute_scale.then(|| make(60.0)),
        }
    }

    fn refusal(
        &mut self,
        dimension: Dimension,
        charge: Charge,
        oversized: Oversized,
        now: Micros,
    ) -> Option<Refusal> {
        let needed = charge.of(dimension);
        let fits = match dimension {
            Dimension::Output if !charge.produces => Ok(()),
            Dimension::Output => self.enforced.wait_for_any(now),
            _ if oversized == Oversized::Refuse && needed as f64 > self.enforced.capacity() => {
                Err(NotNow::Never)
            }
            _ => self.enforced.wait_for(needed as f64, now),
        };
        let wait = match fits {
            Ok(()) => return None,
            Err(NotNow::In(wait)) => Some(wait),
            Err(NotNow::Never) => None,
        };
        Some(Refusal {
            dimension,
            limit: self.enforced.limit(),
            needed,
            wait,
        })
    }

    fn take(&mut self, amount: f64, now: Micros) {
        self.enforced.take(amount, now);
        if let Some(shown) = &mut self.shown {
            shown.take(amount, now);
        }
    }

    fn correct(&mut self, difference: f64, now: Micros) {
        for bucket in std::iter::once(&mut self.enforced).chain(self.shown.as_mut()) {
            if difference > 0.0 {
                bucket.take(difference, now);
            } else {
                bucket.give_back(-difference, now);
            }
        }
    }

    fn reading(&mut self, now: Micros) -> Reading {
        let bucket = self.shown.as_mut().unwrap_or(&mut self.enforced);
        Reading {
            limit: bucket.limit(),
            remaining: bucket.level(now),
            full_in: bucket.full_in(now),
        }
    }

    fn resize(&mut self, limit: u64, limits: &Limits, now: Micros) {
        self.enforced
            .resize(limit, limits.burst_secs.unwrap_or(BURST_SECS), now);
        if let Some(shown) = &mut self.shown {
            shown.resize(limit, 60.0, now);
        }
    }
}

fn per_minute(limits: &Limits) -> [Option<u64>; 4] {
    [
        limits.requests_per_minute,
        limits.input_tokens_per_minute,
        limits.output_tokens_per_minute,
        limits.tokens_per_minute,
    ]
}

/// Orders refusals: never is longer than any wait.
fn wait_key(refusal: &Refusal) -> Duration {
    refusal.wait.unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: Micros = 1_000_000;

    fn budget(limits: &Limits) -> Budget {
        Budget::new(limits, Oversized::Debt, 0.0, false, 0)
    }

    fn message(input: u64) -> Charge {
        Charge {
            input,
            tokens: input,
            produces: true,
        }
    }

    #[test]
    fn refused_request_takes_nothing_of_any_dimension() {
        // Requests: 30 in the burst. Input: 1,500.
        let budget = budget(&Limits::three(600, 30_000, 60_000));
        budget.admit(message(1_000), 0).expect("fits");
        let refusal = budget.admit(message(1_000), 0).expect_err("input is short");
        assert_eq!(refusal.dimension, Dimension::Input);
        assert_eq!(refusal.wait, Some(Duration::from_secs(1)));
        let levels = budget.levels(0);
        assert_eq!(levels[0], Some(29.0));
        assert_eq!(levels[1], Some(500.0));
    }

    #[test]
    fn longest_wait_is_the_one_reported() {
        let budget = budget(&Limits::three(60, 6_000, 6_000));
        for _ in 0..3 {
            budget.admit(message(100), 0).expect("fits");
        }
        budget.produce(900, false, 0);
        let refusal = budget.admit(message(100), 0).expect_err("all are short");
        assert_eq!(refusal.dimension, Dimension::Output);
    }

    #[test]
    fn output_is_charged_as_it_is_produced_and_may_go_below_zero() {
        let budget = budget(&Limits::three(6_000, 600_000, 6_000));
        budget.admit(message(10), 0).expect("fits");
        budget.produce(400, false, 0);
        assert_eq!(budget.levels(0)[2], Some(-100.0));
        assert!(budget.admit(message(10), 0).is_err());
        assert!(budget.admit(message(10), 2 * SEC).is_ok());
        let counting = Charge {
            produces: false,
            ..message(10)
        };
        budget.produce(1_000, false, 2 * SEC);
        assert!(
            budget.admit(counting, 2 * SEC).is_ok(),
            "count_tokens produces nothing"
        );
    }

    #[test]
    fn input_is_put_right_both_ways() {
        let budget = budget(&Limits::three(600, 60_000, 60_000));
        budget.admit(message(1_000), 0).expect("fits");
        budget.correct_input(1_000, 1_200, false, 0);
        assert_eq!(budget.levels(0)[1], Some(1_800.0));
        budget.correct_input(1_000, 200, false, 0);
        assert_eq!(budget.levels(0)[1], Some(2_600.0));
    }

    #[test]
    fn minute_scale_shows_room_that_is_not_there() {
        let limits = Limits::three(60, 60_000, 60_000);
        let budget = Budget::new(&limits, Oversized::Debt, 0.0, true, 0);
        for _ in 0..3 {
            budget.admit(message(1), 0).expect("fits");
        }
        assert!(budget.admit(message(1), 0).is_err());
        let requests = budget.readings(0)[0].expect("limited");
        assert_eq!((requests.limit, requests.remaining), (60, 57.0));
    }

    #[test]
    fn oversized_need_is_refused_where_the_world_says_so() {
        let limits = Limits::three(600, 30_000, 60_000);
        let strict = Budget::new(&limits, Oversized::Refuse, 0.0, false, 0);
        assert_eq!(
            strict.admit(message(1_501), 0).expect_err("too large").wait,
            None
        );
        assert!(strict.admit(message(1_500), 0).is_ok());
    }
}
