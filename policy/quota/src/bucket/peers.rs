//! A bucket hears what other gateways have taken of it ([`super::others`]).

use keyweir_terms::time::Time;

use super::Bucket;

/// More than others take of any bucket from one word to the next: what they say may be wrong, and sums of
/// it must leave room for parts of a token.
const TAKEN_MAX: f64 = 1e9;
/// Seconds of refill that others can say is owed at most.
const OWED_SECS_MAX: f64 = 3_600.0;

impl Bucket {
    /// The other gateways have taken `taken` since they were last heard; negative: have given back. So
    /// many of them are before us at this bucket for now, and so much a typical request takes at once.
    pub fn hear(&mut self, now: Time, taken: f64, before_us: (u32, f64)) {
        self.advance(now);
        let burst = self.burst();
        let taken = taken.clamp(-TAKEN_MAX, TAKEN_MAX);
        let rest = self.others.hear(now, taken, before_us);
        if self.is_known() {
            // What was left to them is there for all, but for what they took of it.
            self.level += self.burst() - burst;
        }
        self.totals.charge(now, taken);
        let least = self.level.min(-OWED_SECS_MAX * self.refill());
        self.level = (self.level - rest).max(least);
        self.spill();
    }

    /// They are not heard any more.
    pub fn lose(&mut self, now: Time) {
        self.advance(now);
        let before = self.share();
        self.others.lose(now);
        self.level *= self.share() / before;
    }

    /// What was taken of it in all, as far as that is known, less what was given back.
    pub const fn taken(&self) -> f64 {
        self.totals.kept()
    }

    /// The same of what was taken here.
    pub const fn own_taken(&self) -> f64 {
        self.totals.kept() - self.others.taken
    }
}
