//! An account as its provider keeps it: strict buckets, charged as the documentation says.

use std::time::Duration;

use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::snapshot::{Reading, Snapshot};

use crate::taken::{Amounts, Taken};
use crate::told::Truth;

/// An account at the provider. A limit of zero is no limit.
#[derive(Clone, Debug)]
pub struct AccountWorld {
    /// Keys it has.
    pub keys: usize,
    /// Requests per minute.
    pub rpm: f64,
    /// Input tokens per minute.
    pub itpm: f64,
    /// Output tokens per minute.
    pub otpm: f64,
    /// Tokens of both kinds per minute.
    pub tpm: f64,
    /// Seconds of refill that its buckets save up.
    pub burst_secs: f64,
    /// Share of its refill that somebody else uses.
    pub foreign: f64,
}

impl AccountWorld {
    /// Its limits per minute, by [`Dimension::index`](keyweir_policy::terms::amount::Dimension::index).
    pub const fn limits(&self) -> Amounts {
        [self.rpm, self.itpm, self.otpm, self.tpm]
    }
}

/// A bucket that refills continuously and never lies to itself.
#[derive(Clone, Copy, Debug)]
pub struct StrictBucket {
    per_minute: f64,
    burst: f64,
    level: f64,
    at: f64,
    foreign: f64,
}

impl StrictBucket {
    /// A full bucket; no limit where `per_minute` is zero.
    pub fn new(per_minute: f64, burst_secs: f64, foreign: f64) -> Self {
        let burst = (per_minute / 60.0 * burst_secs).max(1.0);
        Self {
            per_minute,
            burst,
            level: burst,
            at: 0.0,
            foreign,
        }
    }

    fn is_unlimited(&self) -> bool {
        self.per_minute <= 0.0
    }

    fn refill(&self) -> f64 {
        self.per_minute / 60.0 * (1.0 - self.foreign)
    }

    /// What is left at `now`, in seconds.
    pub fn level(&mut self, now: f64) -> f64 {
        if now > self.at {
            self.level = (self.level + (now - self.at) * self.refill()).min(self.burst);
            self.at = now;
        }
        self.level
    }

    /// Takes `amount`, even what is not there.
    pub fn take(&mut self, now: f64, amount: f64) {
        self.level(now);
        self.level -= amount;
    }

    /// Seconds until it holds `amount`, or all it can hold.
    pub fn wait_for(&mut self, now: f64, amount: f64) -> f64 {
        if self.is_unlimited() {
            return 0.0;
        }
        let lacking = amount.min(self.burst) - self.level(now);
        if lacking <= 0.0 {
            0.0
        } else {
            lacking / self.refill()
        }
    }

    /// The first moment, not before `from` nor before what was taken last, at which it holds
    /// `amount`.
    pub fn start_for(&mut self, from: f64, amount: f64) -> f64 {
        let from = from.max(self.at);
        from + self.wait_for(from, amount)
    }

    fn truth(&mut self, now: f64) -> Option<Truth> {
        let level = self.level(now);
        (!self.is_unlimited()).then(|| Truth {
            limit: self.per_minute,
            level,
            full_in: (self.burst - level) / (self.per_minute / 60.0),
        })
    }

    fn reading(&mut self, now: f64, thousands: bool) -> Option<Reading> {
        if self.is_unlimited() {
            return None;
        }
        let level = self.level(now);
        let full_in = (self.burst - level) / (self.per_minute / 60.0);
        let remaining = if thousands {
            (level / 1000.0).round() * 1000.0
        } else {
            level.floor()
        };
        Some(Reading {
            limit: Some(self.per_minute as u64),
            remaining: Some(remaining.max(0.0) as u64),
            reset: Some(Duration::from_secs(full_in.ceil() as u64)),
            reset_grain: Duration::from_secs(1),
            window: Duration::from_secs(60),
            remaining_grain: if thousands { 500 } else { 0 },
        })
    }
}

/// The buckets of one account.
#[derive(Clone, Debug)]
pub struct StrictAccount {
    enforced: [StrictBucket; Dimension::COUNT],
    /// What its headers speak of, where that is not what it enforces.
    shown: Option<[StrictBucket; Dimension::COUNT]>,
    /// What it charged, by minute.
    charged: Vec<Amounts>,
}

/// Seconds of refill that headers speak of which do not show the bucket that is enforced.
const SHOWN_BURST_SECS: f64 = 60.0;

impl StrictAccount {
    /// A rested account. With `shows_minute`, its headers speak of a bucket of a minute.
    pub fn new(world: &AccountWorld, shows_minute: bool) -> Self {
        let buckets = |burst_secs| {
            world
                .limits()
                .map(|per_minute| StrictBucket::new(per_minute, burst_secs, world.foreign))
        };
        Self {
            enforced: buckets(world.burst_secs),
            shown: shows_minute.then(|| buckets(SHOWN_BURST_SECS)),
            charged: Vec::new(),
        }
    }

    /// Admits a request and charges what it takes at once, or says how many seconds to stay away, and for
    /// want of what.
    pub fn admit(&mut self, now: f64, taken: &Taken) -> Result<(), (f64, Dimension)> {
        let waits = Dimension::ALL.map(|dimension| {
            let index = dimension.index();
            // Output is not counted beforehand, but a bucket that has none admits nothing.
            let least = taken.at_once[index].max(taken.by_and_by[index].min(1.0));
            (self.enforced[index].wait_for(now, least), dimension)
        });
        let longest = waits.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some(refused) = longest.filter(|(wait, _)| *wait > 1e-9) {
            return Err(refused);
        }
        self.charge(now, &taken.at_once);
        Ok(())
    }

    /// Charges what was taken.
    pub fn charge(&mut self, now: f64, amounts: &Amounts) {
        let minute = (now / 60.0) as usize;
        if self.charged.len() <= minute {
            self.charged.resize(minute + 1, Amounts::default());
        }
        for (index, amount) in amounts.iter().enumerate() {
            self.enforced[index].take(now, *amount);
            if let Some(shown) = &mut self.shown {
                shown[index].take(now, *amount);
            }
            self.charged[minute][index] += amount;
        }
    }

    /// The headers of a response made now.
    pub fn snapshot(&mut self, now: f64) -> Snapshot {
        let buckets = self.shown.as_mut().unwrap_or(&mut self.enforced);
        let mut snapshot = Snapshot::default();
        for (index, bucket) in buckets.iter_mut().enumerate() {
            snapshot.readings[index] = bucket.reading(now, index != Dimension::Requests.index());
        }
        snapshot
    }

    /// What its buckets are at `now`.
    pub fn truth(&mut self, now: f64) -> [Option<Truth>; Dimension::COUNT] {
        std::array::from_fn(|index| self.enforced[index].truth(now))
    }

    /// What was charged, by minute of the run.
    pub fn into_charged(self) -> Vec<Amounts> {
        self.charged
    }
}
