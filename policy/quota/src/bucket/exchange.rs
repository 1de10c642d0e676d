//! A bucket hears what other gateways have taken of it ([`super::others`]).

use keyweir_terms::time::Time;

use super::Bucket;

impl Bucket {
    /// The other gateways have taken `taken` since they were last heard; negative: have given back. So
    /// many of them are before us at this bucket for now, and so much a typical request takes at once.
    pub fn hear(&mut self, now: Time, taken: f64, before_us: (u32, f64)) {
        self.advance(now);
        let burst = self.burst();
        let rest = self.others.hear(now, taken, before_us);
        if self.is_known() {
            // What was left to them is there for all, but for what they took of it.
            self.level += self.burst() - burst;
        }
        self.totals.charge(now, taken);
        self.level -= rest;
        self.spill();
    }

    /// They are not heard any more.
    pub fn lose(&mut self, now: Time) {
        self.advance(now);
        let before = self.share();
        self.others.lose(now);
        self.level *= self.share() / before;
    }

    /// What was taken here in all, less what was given back.
    pub const fn own_taken(&self) -> f64 {
        self.totals.kept() - self.others.taken
    }
}
