//! An account as its provider keeps it: strict buckets, charged as the documentation says.

use std::time::Duration;

use keyweir_policy::snapshot::{Reading, Snapshot};
use keyweir_policy::units::Dimension;

use crate::scenario::AccountWorld;

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
    requests: StrictBucket,
    input: StrictBucket,
    output: StrictBucket,
}

impl StrictAccount {
    /// A rested account.
    pub fn new(world: &AccountWorld) -> Self {
        let bucket = |per_minute| StrictBucket::new(per_minute, world.burst_secs, world.foreign);
        Self {
            requests: bucket(world.rpm),
            input: bucket(world.itpm),
            output: bucket(world.otpm),
        }
    }

    /// Admits a request and charges its prompt, or says how many seconds to stay away.
    pub fn admit(&mut self, now: f64, input: f64) -> Result<(), f64> {
        let wait = self
            .requests
            .wait_for(now, 1.0)
            .max(self.input.wait_for(now, input))
            .max(self.output.wait_for(now, 1.0));
        if wait > 1e-9 {
            return Err(wait);
        }
        self.requests.take(now, 1.0);
        self.input.take(now, input);
        Ok(())
    }

    /// Charges what was produced.
    pub fn produce(&mut self, now: f64, output: f64) {
        self.output.take(now, output);
    }

    /// The headers of a response made now.
    pub fn snapshot(&mut self, now: f64) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.readings[Dimension::Requests.index()] = self.requests.reading(now, false);
        snapshot.readings[Dimension::InputTokens.index()] = self.input.reading(now, true);
        snapshot.readings[Dimension::OutputTokens.index()] = self.output.reading(now, true);
        snapshot
    }
}
