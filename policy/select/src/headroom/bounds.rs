//! What is left of an account's buckets after a request, and when the request fits: exactly for one
//! account, and as a bound over several.

use keyweir_quota::budget::{Budget, Charge, Line};
use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

/// Rounding allowed when a request needs exactly a full bucket: far more than what adding up a
/// million charges in doubles loses, far less than a token of any bucket.
pub(super) const TOLERANCE: f64 = 1e-6;
/// Keeps what is never refilled from being divided by zero: 30 years until it is full.
pub(super) const SLOPE_LEAST: f64 = 1e-9;
/// Seconds that one request in flight weighs: it only breaks ties.
const LOAD_KNOWN: f64 = 1e-6;
/// Requests in flight at which an account without known limits counts as half spent: many beside what
/// an account of which nothing is known gets at first. Halved or doubled, all bounds are held …
const LOAD_UNKNOWN_HALF: f64 = 64.0;
/// … and seconds of refill that it counts as holding: the burst that is assumed of one with limits.
const UNKNOWN_SECS: f64 = 3.0;
/// The share of its pending output that a request has to find, so that the bucket is not empty by the
/// time it is admitted: nobody asks for all of it beforehand. With all of it the random world 98,035, its limits
/// declared, waits for 19 s at the 99th percentile instead of 9 …
const PENDING_FOUND: f64 = 0.2;
/// … and of a bucket, at most: a request must not wait for a full bucket because of a guess.
const PENDING_SHARE_MAX: f64 = 0.5;

/// What an account has left.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// In every dimension.
    pub lines: [Line; Dimension::COUNT],
    /// Requests in flight.
    pub in_flight: u32,
    /// Seconds of refill that it has to be ahead of others to be chosen before them.
    pub avoided_secs: f64,
}

impl Left {
    /// What is left of `budget`.
    pub fn of(budget: &Budget, now: Time) -> Self {
        Self {
            lines: budget.lines(now),
            in_flight: budget.in_flight(),
            avoided_secs: budget.avoided_secs(now),
        }
    }
}

/// An account's buckets, or the most that any account of several can have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Share that would be free at time zero, were the line drawn back to it.
    start: [f64; Dimension::COUNT],
    slope: [f64; Dimension::COUNT],
    /// Seconds in which all of it flows in: one over the slope.
    fill_secs: [f64; Dimension::COUNT],
    scale: [f64; Dimension::COUNT],
    pub(super) load: f64,
    pub(super) open: bool,
}

/// What is left after a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct After {
    /// Of the scarcest bucket, the share that is free.
    pub(super) headroom: f64,
    /// Until the last of them is full again.
    pub(super) full_in_secs: f64,
}

// Inlined by order: called for every node, they would copy bounds where they are in another unit of
// code than the search, which was measured to cost a tenth of a choice.
impl Bounds {
    pub(super) const CLOSED: Self = Self {
        start: [f64::NEG_INFINITY; Dimension::COUNT],
        slope: [0.0; Dimension::COUNT],
        fill_secs: [f64::INFINITY; Dimension::COUNT],
        scale: [f64::INFINITY; Dimension::COUNT],
        load: f64::INFINITY,
        open: false,
    };

    /// An open account with so much left as of `secs`.
    #[inline]
    pub(super) fn of(left: &Left, secs: f64) -> Self {
        let lines = &left.lines;
        Self {
            start: lines.map(|line| line.free - line.slope * secs),
            slope: lines.map(|line| line.slope),
            fill_secs: lines.map(|line| 1.0 / (line.slope + SLOPE_LEAST)),
            scale: lines.map(|line| line.scale),
            load: load(lines, f64::from(left.in_flight)) + left.avoided_secs,
            open: true,
        }
    }

    /// The bound over two.
    #[inline]
    pub(super) fn over(left: &Self, right: &Self) -> Self {
        match (left.open, right.open) {
            (false, false) => Self::CLOSED,
            (true, false) => *left,
            (false, true) => *right,
            (true, true) => Self {
                start: std::array::from_fn(|d| left.start[d].max(right.start[d])),
                slope: std::array::from_fn(|d| left.slope[d].max(right.slope[d])),
                fill_secs: std::array::from_fn(|d| left.fill_secs[d].min(right.fill_secs[d])),
                scale: std::array::from_fn(|d| left.scale[d].min(right.scale[d])),
                load: left.load.min(right.load),
                open: true,
            },
        }
    }

    /// What `charge` leaves at `secs`; for several, none of them has more left.
    #[inline]
    pub(super) fn left(&self, secs: f64, charge: &Charge) -> After {
        let left: [f64; Dimension::COUNT] = std::array::from_fn(|d| {
            self.free_share(d, secs) - required_share(charge, d, self.scale[d])
        });
        // Negative, so that more is better; a dimension that holds nothing back lacks nothing.
        let lacking: [f64; Dimension::COUNT] =
            std::array::from_fn(|d| (left[d] - 1.0) * self.fill_secs[d]);
        After {
            headroom: least(left),
            full_in_secs: -least(lacking),
        }
    }

    /// When `charge` will fit; for several, it fits none of them earlier.
    #[inline]
    pub(super) fn fits_at(&self, secs: f64, charge: &Charge) -> f64 {
        let mut latest = secs;
        for d in 0..Dimension::COUNT {
            let required = required_share(charge, d, self.scale[d]);
            let lacking = required - (self.start[d] + self.slope[d] * secs);
            if lacking > TOLERANCE {
                // At the moment this names, half of the tolerance is left for rounding.
                let lacking = lacking - TOLERANCE / 2.0;
                latest = latest.max(secs + lacking / self.slope[d]);
            }
        }
        latest
    }

    /// What is free of one dimension, and what `charge` has to find free, in amounts; `None` where
    /// no limit is known.
    pub(super) fn amounts(&self, d: usize, secs: f64, charge: &Charge) -> Option<(f64, f64)> {
        let scale = self.scale[d];
        (scale > 0.0).then(|| {
            let required = required_share(charge, d, scale);
            (self.free_share(d, secs) / scale, required / scale)
        })
    }

    fn free_share(&self, d: usize, secs: f64) -> f64 {
        lesser(self.start[d] + self.slope[d] * secs, 1.0)
    }
}

/// The share that `charge` has to find free; never more than all of it, since a full bucket is the
/// most there will be.
pub(super) fn required_share(charge: &Charge, dimension: usize, scale: f64) -> f64 {
    let found = PENDING_FOUND * charge.pending[dimension];
    let pending = lesser(found * scale, PENDING_SHARE_MAX);
    lesser(charge.prompt[dimension] * scale + pending, 1.0)
}

fn load(lines: &[Line; Dimension::COUNT], in_flight: f64) -> f64 {
    if lines.iter().all(|line| line.scale == 0.0) {
        UNKNOWN_SECS * in_flight / (in_flight + LOAD_UNKNOWN_HALF)
    } else {
        in_flight * LOAD_KNOWN
    }
}

fn least(of: [f64; Dimension::COUNT]) -> f64 {
    lesser(lesser(of[0], of[1]), lesser(of[2], of[3]))
}

/// `f64::min` for numbers that are never NaN: one instruction, and it vectorizes.
fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}
