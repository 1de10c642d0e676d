//! What admissions and refusals tell of a bucket: it had as much as was admitted, and less than was
//! refused.

use keyweir_terms::time::Time;

use super::{Bucket, Mark};

/// The share of the refill from which on others are felt who use the account.
const EXTERNAL_SHARE_FELT: f64 = 0.02;

impl Bucket {
    /// What was there, as it is known by now, when the request of `mark` was sent.
    pub(super) fn had(&self, mark: Mark) -> f64 {
        mark.had + self.corrected - mark.corrected
    }

    /// By how much more than a request for `need` takes there seemed to be.
    pub fn surplus(&self, mark: Mark, need: f64) -> Option<f64> {
        self.is_known()
            .then(|| self.had(mark) - need.min(self.burst()))
    }

    /// The provider admitted a request for `need`: it had as much.
    pub fn admitted(&mut self, now: Time, mark: Mark, need: f64) {
        let Some(limit) = self.limit else { return };
        let patience = self.patience(need);
        self.burst.admitted(need, limit, patience);
        let had = self.had(mark);
        let lacking = need.min(self.burst()) - had;
        if lacking > 0.0 && lacking.is_finite() {
            self.advance(now);
            self.correct(lacking, limit);
        }
    }

    /// The account is left alone for so long after a refusal.
    pub fn cooled(&mut self, secs: f64) {
        self.cooldown_secs = secs;
    }

    /// How many requests for `need` a refusal costs, itself included: what flows over while the account
    /// is left alone is lost.
    pub fn patience(&self, need: f64) -> f64 {
        let lost = self.refill() * self.cooldown_secs - self.burst();
        1.0 + (lost / need.max(1e-9)).max(0.0)
    }

    fn correct(&mut self, by: f64, limit: f64) {
        self.burst.correct(by, limit);
        self.level = (self.level + by).min(self.top());
        self.corrected += by;
    }

    /// It had so much less than it seemed.
    fn lower(&mut self, by: f64) {
        self.level -= by;
        self.corrected -= by;
    }

    /// The provider refused a request for `need` for want of this, and said that `remaining` was
    /// left, to a grain. Where we saw enough, somebody else was quicker (more is held back, so that
    /// the next time there is enough for both), or else we saw wrongly.
    pub fn refused_explained(
        &mut self,
        now: Time,
        mark: Mark,
        need: f64,
        (remaining, grain): (f64, f64),
    ) {
        let Some(limit) = self.limit else { return };
        self.advance(now);
        let surplus = self.had(mark) - need.min(self.burst());
        let is_all = need >= self.burst();
        // Whole numbers are rounded down, and thousands either way; it was less than was needed.
        let most = (remaining + (2.0 * grain).max(1.0)).min(need);
        let lacking = surplus + need - most;
        let is_hair = surplus >= 0.0 && self.caution.is_hair(lacking, self.refill());
        let left = match is_hair {
            true => most,
            false => f64::midpoint(remaining, most),
        };
        self.level = self.level.min(left);
        if is_all && remaining >= self.burst() - grain.max(1.0) {
            self.burst.outgrow((remaining, grain), need, limit);
        }
        if self.external.per_sec() > EXTERNAL_SHARE_FELT * self.refill() {
            self.caution
                .lost_to_others(now, mark.sent, need, self.burst());
        } else if surplus >= 0.0 && surplus.is_finite() {
            let is_guess = self.burst.is_guess();
            if is_guess {
                // It says how much was left, and so by how much too much was assumed.
                self.burst.correct(-lacking.max(0.0), limit);
            }
            if is_all || is_hair {
                self.caution.early(self.burst(), self.refill());
            } else if !is_guess {
                self.caution.short(now, mark.sent, surplus + need - left);
            }
        }
    }

    /// The provider refused a request for `need` though there seemed to be enough: there was not.
    pub fn refused_unexplained(&mut self, now: Time, mark: Mark, need: f64) {
        let Some(limit) = self.limit else { return };
        self.advance(now);
        let need = need.min(self.burst());
        let surplus = self.had(mark) - need;
        if surplus == f64::INFINITY {
            // Its limit became known by this refusal: it had anything between nothing and what was needed.
            self.level = self.level.min(need / 2.0);
            return;
        }
        if surplus < 0.0 || !surplus.is_finite() {
            return;
        }
        if self.burst.is_guess() {
            self.burst.correct(-self.burst.excess(surplus, need), limit);
            // It had anything between nothing and what was needed.
            self.lower(surplus + need / 2.0);
        } else {
            if self.caution.is_hair(surplus, self.refill()) {
                self.caution.early(self.burst(), self.refill());
                self.lower(surplus);
            } else {
                self.lower(self.burst.excess(surplus, need));
            }
        }
    }

    /// The account refused a request for `need` that this bucket, whose limit no header tells, may have
    /// had too little for: where it seemed to have just enough, it is given some grace.
    pub fn deny(&mut self, mark: Mark, need: f64) {
        let surplus = self.had(mark) - need.min(self.burst());
        let is_known = self.is_known() && self.is_untold() && surplus.is_finite();
        if is_known && surplus >= 0.0 && self.caution.is_hair(surplus, self.refill()) {
            self.caution.early(self.burst(), self.refill());
        }
    }
}
