//! What others spend of an account.
//!
//! What the level lost between two snapshots beyond our own charges was spent by somebody else; that
//! rate is taken off the refill until a later snapshot says otherwise. Others are often gateways
//! like us, who see what we see and go where we go: where we take more than our average, they are
//! expected to do so too, or all would run to the same account before any hears of it.

use super::totals::Mark;
use keyweir_terms::time::Time;

/// Time constant of the estimate of external use. Long enough to average the rounding of token
/// counts, short enough to follow a neighbour's batch job. Half and twice of it leave the
/// bounds of all simulated worlds held.
const EXTERNAL_MEMORY_SECS: f64 = 4.0;
/// It grows by so many times the age of the news: gateways that all hear late of one another, and
/// follow quickly, all run to the same account, away from it, and back. "replicas 150" notices: with half
/// of it the four answered 88 % instead of 92 % (one seed).
const EXTERNAL_MEMORY_DELAYS: f64 = 4.0;
/// Snapshots nearer together than this say little; nor do those between which less flows in than so many
/// times what is unsure.
const EXTERNAL_SPAN_MIN_SECS: f64 = 0.5;
const UNSURE_SPANS: f64 = 3.0;
/// The share of external use that is held back between snapshots. A little less than all: of several
/// gateways that all want more, the one that has least gains most by it, until all have as much. With half of it "very long" breaks
/// its bound on attempts; were more than all held, "replicas 150" would answer 13 % less.
const EXTERNAL_SHARE_HELD: f64 = 0.8;
/// Others are not believed to follow us with more than this multiple of what we take: as many
/// gateways as the largest simulated world has ("8 replicas").
const EXTERNAL_PER_OWN_MAX: f64 = 8.0;

/// What a snapshot says of a bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    /// From the sending of the request that it answers.
    pub(super) mark: Mark,
    pub(super) remaining: f64,
    /// What `remaining` was rounded to.
    pub(super) grain: f64,
    /// What we took that may or may not have been counted.
    pub(super) unseen: f64,
    /// What has flowed over, in all.
    pub(super) overflowed: f64,
    /// What the model says is left.
    pub(super) level: f64,
}

/// The estimate of what others use.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExternalUse {
    per_sec: f64,
    /// Our own use, averaged like that of others.
    own_per_sec: f64,
    /// What was taken since others' use was last set off against the level, and when that was.
    own_since: f64,
    since: Time,
    /// The snapshot that use is measured from; older than the newest by at least the span.
    base: Option<News>,
}

impl ExternalUse {
    pub(super) const fn unknown(now: Time) -> Self {
        Self {
            per_sec: 0.0,
            own_per_sec: 0.0,
            own_since: 0.0,
            since: now,
            base: None,
        }
    }

    /// What they are believed to take per second.
    pub(super) const fn per_sec(&self) -> f64 {
        self.per_sec.max(0.0)
    }

    /// What is taken off the refill for them.
    pub(super) const fn held_per_sec(&self) -> f64 {
        EXTERNAL_SHARE_HELD * self.per_sec()
    }

    /// What they take for each that we take.
    pub(super) fn per_own(&self) -> f64 {
        if self.own_per_sec <= 0.0 {
            return 0.0;
        }
        (self.held_per_sec() / self.own_per_sec).min(EXTERNAL_PER_OWN_MAX)
    }

    /// We took `amount`; a negative one was given back.
    pub(super) fn charged(&mut self, amount: f64) {
        self.own_since += amount;
    }

    /// What they are believed to have taken beside their average because we took more than ours:
    /// other gateways see what we see and go where we go. They cannot for long take more than there is: `refill` per second.
    pub(super) fn matched(&self, now: Time, refill: f64) -> f64 {
        // Nearly always there is nobody else.
        if self.per_sec <= 0.0 {
            return 0.0;
        }
        let span = now.secs_since(self.since);
        let expected = self.per_sec() * span;
        (self.per_own() * self.own_since - expected).clamp(0.0, refill * span)
    }

    /// [`Self::matched`], which begins anew from here.
    pub(super) fn settle(&mut self, now: Time, refill: f64) -> f64 {
        let matched = self.matched(now, refill);
        (self.own_since, self.since) = (0.0, now);
        matched
    }

    /// From where use is measured.
    pub(super) const fn base(&mut self) -> Option<&mut Mark> {
        match &mut self.base {
            Some(base) => Some(&mut base.mark),
            None => None,
        }
    }

    /// Learns from the newest snapshot of a bucket that gains `refill` per second.
    ///
    /// What they took lies between two ends: of what we took around either snapshot it is not known
    /// whether that had been counted, and what is shown is rounded. They are believed to have taken
    /// only what they must have.
    pub(super) fn learn(&mut self, now: Time, news: News, refill: f64) {
        // A debt is shown as nothing left.
        let is_debt = news.remaining <= news.grain && news.level <= news.grain;
        let Some(base) = self.base else {
            self.base = (!is_debt).then_some(news);
            return;
        };
        let span = news.mark.sent.secs_since(base.mark.sent);
        let unsure = base.unseen + news.unseen + 2.0 * (base.grain + news.grain).max(1.0);
        if span < EXTERNAL_SPAN_MIN_SECS.max(UNSURE_SPANS * unsure / refill.max(1e-9)) {
            return;
        }
        let own = news.mark.kept - base.mark.kept;
        let overflowed = news.overflowed - base.mark.overflowed;
        let most = base.remaining + refill * span - own - news.remaining;
        let surely = most - unsure - overflowed;
        let rate = (surely.max(0.0) / span).min(refill);
        let memory = EXTERNAL_MEMORY_SECS + EXTERNAL_MEMORY_DELAYS * now.secs_since(news.mark.sent);
        let weight = 1.0 - (-span / memory).exp();
        if !is_debt || surely > 0.0 {
            self.per_sec += weight * (rate - self.per_sec);
            self.own_per_sec += weight * (own.max(0.0) / span - self.own_per_sec);
        }
        self.base = (!is_debt).then_some(news);
    }
}
