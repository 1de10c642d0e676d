//! A part of an account that is kept for one owner, and that others borrow while it lies idle.
//!
//! In every dimension it is a bucket within the bucket: it fills at its share of the refill, up to its share
//! of the burst, and what its owner spends is taken from it. Others leave alone what is in it. Once it is
//! full they have all of the refill: what is idle is borrowed whole, and only a part of the *burst* lies
//! still, so that the owner finds it at once when it comes.
//!
//! Of a bucket that saves up less than a request takes, the owner's part may never hold as much. It may
//! go into debt then: whoever has as much as the part can hold goes next, before others, and fills up
//! for longer. So an owner within its share waits for no more than one request's refill.
//!
//! Rejected: a share of the refill that nobody else gets (what lies idle is lost), and precedence in the
//! waiting room alone (the owner would wait behind a bucket that others have emptied, and nothing would
//! tell its share from all there is).

use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

use crate::bucket::Bucket;

/// The most of a burst that lies still for all owners together, whatever their shares: others' requests
/// must fit beside it.
const KEPT_SHARE_MAX: f64 = 0.5;
/// What adding up charges in doubles may lose: far less than a token.
const ROUNDING: f64 = 1e-6;
/// While parts fill up, others are left this share of the refill at least, so that none waits for ever.
const OTHERS_SHARE_MIN: f64 = 0.05;

/// What a lease draws on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Which owner's part.
    pub part: usize,
    /// It was granted for the part's sake, and may bring it into debt.
    pub is_due: bool,
}

/// The parts of one account's budget that are kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reserves(Vec<Part>);

/// One owner's part.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Of the refill.
    share: f64,
    /// Of the burst.
    share_of_burst: f64,
    /// What is in it; negative: a debt. As of `at`.
    left: [f64; Dimension::COUNT],
    at: Time,
    /// The most that was taken of it at once.
    largest: [f64; Dimension::COUNT],
}

impl Part {
    /// What others leave alone, at most.
    fn most(&self, bucket: &Bucket) -> f64 {
        self.share_of_burst * bucket.usable().max(0.0)
    }

    fn left(&self, now: Time, dimension: usize, bucket: &Bucket) -> f64 {
        let filled = self.share * bucket.refill_own() * now.secs_since(self.at);
        (self.left[dimension] + filled).min(self.full(dimension, bucket))
    }

    /// What it fills up to: what others leave alone, and once more what its owner takes at once, so that
    /// nothing is lost while that flows in.
    fn full(&self, dimension: usize, bucket: &Bucket) -> f64 {
        self.most(bucket) + self.largest[dimension].min(bucket.usable().max(0.0))
    }
}

impl Reserves {
    /// Parts with these shares of the refill, each full.
    pub(crate) fn of(now: Time, shares: &[f64]) -> Self {
        let sum: f64 = shares.iter().sum();
        let part = |share: &f64| Part {
            share: *share,
            share_of_burst: share * (KEPT_SHARE_MAX / sum.max(1e-9)).min(1.0),
            left: [f64::MAX; Dimension::COUNT],
            at: now,
            largest: [0.0; Dimension::COUNT],
        };
        Self(shares.iter().map(part).collect())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the parts have these shares.
    pub(crate) fn are(&self, shares: &[f64]) -> bool {
        self.0
            .iter()
            .map(|part| part.share)
            .eq(shares.iter().copied())
    }

    /// What others than the owner of `own` leave alone in one dimension, and the share of the refill that
    /// goes there.
    pub(crate) fn kept(
        &self,
        now: Time,
        (dimension, bucket): (usize, &Bucket),
        own: Option<usize>,
    ) -> (f64, f64) {
        let others = self.0.iter().enumerate().filter(|(at, _)| Some(*at) != own);
        let (mut kept, mut filling) = (0.0, 0.0);
        for (_, part) in others {
            let left = part.left(now, dimension, bucket);
            kept += left.clamp(0.0, part.most(bucket).max(0.0));
            if left < part.most(bucket) - ROUNDING {
                filling += part.share;
            }
        }
        (kept, filling.min(1.0 - OTHERS_SHARE_MIN))
    }

    /// When the part of `own` holds `needed` of one dimension, or all that it can hold.
    pub(crate) fn due_at(
        &self,
        now: Time,
        own: usize,
        needed: f64,
        (dimension, bucket): (usize, &Bucket),
    ) -> Option<Time> {
        let part = self.0.get(own)?;
        if !bucket.is_known() {
            return Some(now);
        }
        let least = needed.min(part.most(bucket)) - ROUNDING;
        let lacking = least - part.left(now, dimension, bucket);
        let per_sec = part.share * bucket.refill_own();
        Some(now.after_secs((lacking / per_sec.max(1e-9)).max(0.0)))
    }

    /// When the next part is full; `None`: all are.
    pub(crate) fn full_at(&self, now: Time, buckets: &[Bucket]) -> Option<Time> {
        let parts = self.0.iter();
        let fills = parts.flat_map(|part| {
            let each = buckets.iter().enumerate();
            each.filter(|(_, bucket)| bucket.is_known())
                .map(move |(dimension, bucket)| {
                    let lacking = part.most(bucket) - part.left(now, dimension, bucket);
                    let per_sec = part.share * bucket.refill_own();
                    (lacking, lacking / per_sec.max(1e-9))
                })
        });
        let fills = fills.filter(|(lacking, _)| *lacking > ROUNDING);
        let soonest = fills.map(|(_, secs)| secs).min_by(f64::total_cmp)?;
        Some(now.after_secs(soonest))
    }

    /// The owner's leases take `amount` of one dimension; a negative one is given back.
    pub(crate) fn charge(
        &mut self,
        now: Time,
        draw: Draw,
        amount: f64,
        (dimension, buckets): (usize, &[Bucket]),
    ) {
        let Some(part) = self.0.get_mut(draw.part) else {
            return;
        };
        for (of, bucket) in buckets.iter().enumerate() {
            part.left[of] = part.left(now, of, bucket);
        }
        part.at = part.at.max(now);
        let bucket = &buckets[dimension];
        let before = part.left[dimension];
        let least = if draw.is_due {
            -bucket.usable().max(0.0)
        } else {
            before.min(0.0)
        };
        part.largest[dimension] = part.largest[dimension].max(amount);
        let most = part.full(dimension, bucket);
        part.left[dimension] = (before - amount).clamp(least.min(most), most);
    }
}
