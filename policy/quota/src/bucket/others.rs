//! A bucket that several gateways draw on which tell one another what they take.
//!
//! What others have taken is charged like what we have ([`super::totals`]), so that what snapshots show
//! beyond both is somebody else's. They are heard late, by an exchange or two. Until they are, they are
//! believed to take as they did; and where that might be all there is, gateways take turns: each has a
//! *rank* at each bucket, another one every second, and leaves room for a request of each that is before
//! it. Where the bucket is too small for that, who is not the first leaves it full for a moment: the
//! first is heard by then. Without ranks, gateways that see the same and want the same go for the same
//! bucket at once, and all but one are refused.
//!
//! What a snapshot has shown before it was heard is not charged again.

use keyweir_terms::time::Time;

/// Time constant of what others take per second: some twenty exchanges, so that they are followed as
/// they turn from one account to the next.
const MEMORY_SECS: f64 = 2.0;
/// For so long they are believed to go on as they did; later they have been heard, or are not any more.
const BELIEVED_SECS: f64 = 0.5;
/// Room is left for others where they have taken something so lately.
const ACTIVE_SECS: f64 = 60.0;
/// How late a word may be: it is said once an exchange, and read once an exchange.
const LATE_SECS: f64 = 0.2;
/// The largest part of a bucket in which room is left for others.
const HELD_SHARE_MAX: f64 = 0.5;

/// What is known of the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Others {
    is_heard: bool,
    per_sec: f64,
    /// When they were last heard, and last had taken something.
    at: Time,
    active_at: Option<Time>,
    /// How many are before us.
    rank: f64,
    /// What they have told that they took, in all.
    pub(super) taken: f64,
    /// By how much snapshots have lowered the level since they were last heard, and before that since
    /// they were heard the last time but one.
    lost: [f64; 2],
    /// What a request takes at once.
    typical: f64,
}

impl Others {
    pub(super) const fn unknown(now: Time) -> Self {
        Self {
            is_heard: false,
            per_sec: 0.0,
            at: now,
            active_at: None,
            rank: 0.0,
            taken: 0.0,
            lost: [0.0; 2],
            typical: 0.0,
        }
    }

    /// They are not heard any more; what they have taken stays taken.
    pub(super) fn lose(&mut self, now: Time) {
        *self = Self {
            taken: self.taken,
            ..Self::unknown(now)
        };
    }

    pub(super) const fn is_heard(&self) -> bool {
        self.is_heard
    }

    /// What they are believed to have taken since they were heard.
    pub(super) fn expected(&self, now: Time) -> f64 {
        if !self.is_heard {
            return 0.0;
        }
        match now.secs_since(self.at) {
            secs if secs < BELIEVED_SECS => self.per_sec * secs,
            _ => 0.0,
        }
    }

    /// What is left to those who are before us.
    pub(super) fn held(&self, burst: f64) -> f64 {
        if !self.is_heard {
            return 0.0;
        }
        (self.rank * self.typical).min(HELD_SHARE_MAX * burst)
    }

    /// What has to flow in beyond a bucket of `burst` that those before us leave full.
    pub(super) fn grace(&self, burst: f64, refill: f64) -> f64 {
        // A request of each and ours: then there is room for all at once.
        let is_small = burst < (self.rank + 1.0) * self.typical;
        if self.is_heard && is_small {
            self.rank * LATE_SECS * refill
        } else {
            0.0
        }
    }

    /// A snapshot has lowered the level by so much, for reasons of its own.
    pub(super) fn lowered(&mut self, by: f64) {
        self.lost[0] += by;
    }

    /// They say that they have taken `taken`; returns what of it the level does not show yet.
    pub(super) fn hear(&mut self, now: Time, taken: f64, (rank, typical): (u32, f64)) -> f64 {
        let secs = now.secs_since(self.at);
        if self.is_heard && secs > 0.0 {
            let weight = 1.0 - (-secs / MEMORY_SECS).exp();
            self.per_sec += weight * (taken.max(0.0) / secs - self.per_sec);
        }
        if taken > 0.0 {
            self.active_at = Some(now);
        }
        let lately = |at: Time| now.secs_since(at) < ACTIVE_SECS;
        let is_active = self.active_at.is_some_and(lately);
        self.rank = if is_active { f64::from(rank) } else { 0.0 };
        self.typical = typical;
        (self.is_heard, self.at) = (true, now);
        self.taken += taken;
        let mut rest = taken;
        for lost in self.lost.iter_mut().rev() {
            let shown = rest.clamp(0.0, *lost);
            (rest, *lost) = (rest - shown, *lost - shown);
        }
        self.lost = [0.0, self.lost[0]];
        rest
    }
}
