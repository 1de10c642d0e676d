//! Whether an account has money, or a provider takes a key, as far as that is known.
//!
//! One request's word is not enough to take anybody out: what the provider says of a key may be about
//! this endpoint, this model or this size. So whoever is spoken of is *suspected* first: left alone for
//! a moment, then probed by another request, and asked at once where nobody else can serve. A second
//! request that is told the same confirms it; a success clears it. Only a key or account that never
//! served goes out on one request's word, where others are left, and where that request is not told the
//! same of the next one too.
//!
//! What is out is probed slowly, since a person has to mend it; where nobody else can serve, every few
//! seconds.

use std::time::Duration;

use keyweir_health::backoff::Backoff;
use keyweir_health::breaker::{Breaker, BreakerState, Generation};
use keyweir_terms::ids::RequestId;
use keyweir_terms::time::Time;

/// How often what is out is looked at again. Topping an account up, or giving a key back its rights,
/// is a person's work, but nobody should have to tell the gateway afterwards.
const OUT_BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(120),
    cap: Duration::from_secs(1_800),
};
/// How long who is suspected is left alone while others can serve: a request in a few hundred meets
/// it then, until it is cleared up.
const SUSPECTED: Duration = Duration::from_secs(2);
/// How often what is out is probed where nobody else can serve.
const PROBED_AT_LAST: Duration = Duration::from_secs(5);

/// What is known of a key or an account, whatever the model.
#[derive(Debug)]
pub(crate) struct Standing {
    breaker: Breaker,
    verdict: Verdict,
    has_served: bool,
}

/// What was heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing that counts.
    Well,
    /// One request was told that it is out.
    Suspected(RequestId),
    /// It is out. Whose word that is, where it is one request's alone.
    Out(Option<RequestId>),
}

/// What a request was told of a key or an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) by: RequestId,
    pub(crate) granted: Generation,
    /// It may be believed at once: the request was told so of nobody else, and others can serve.
    pub(crate) may_be_believed: bool,
    /// The provider's wait.
    pub(crate) wait: Option<Duration>,
    /// Jitter, in 0..1.
    pub(crate) draw: f64,
}

impl Standing {
    pub(crate) fn new() -> Self {
        Self {
            breaker: Breaker::new(OUT_BACKOFF),
            verdict: Verdict::Well,
            has_served: false,
        }
    }

    /// Its state; who is only suspected is being probed.
    pub(crate) fn state(&self, now: Time) -> BreakerState {
        match self.breaker.state(now) {
            BreakerState::Open if self.is_suspected() => BreakerState::HalfOpen,
            state => state,
        }
    }

    pub(crate) fn admits(&self, now: Time) -> bool {
        self.breaker.admits(now)
    }

    /// Whether it may be asked by `request` where nobody else can serve.
    pub(crate) fn admits_at_last(&self, now: Time, request: RequestId) -> bool {
        if self.breaker.admits(now) {
            return true;
        }
        match self.verdict {
            Verdict::Well => false,
            Verdict::Suspected(by) => by != request,
            Verdict::Out(_) => {
                let open = self.breaker.is_open_for();
                open.is_some_and(|(since, _)| now.since(since) >= PROBED_AT_LAST)
            }
        }
    }

    pub(crate) fn opens_at(&self, now: Time) -> Option<Time> {
        self.breaker.opens_at(now)
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.breaker.in_flight()
    }

    pub(crate) const fn is_recovering(&self) -> bool {
        self.breaker.is_recovering()
    }

    /// Whether it has served anything.
    pub(crate) const fn has_served(&self) -> bool {
        self.has_served
    }

    pub(crate) const fn is_suspected(&self) -> bool {
        matches!(self.verdict, Verdict::Suspected(_))
    }

    pub(crate) fn grant(&mut self) -> Generation {
        self.breaker.grant()
    }

    pub(crate) fn passed(&mut self, now: Time, granted: Generation) {
        self.breaker.passed(now, granted);
    }

    /// A request succeeded; returns whether it was out, and is back.
    pub(crate) fn succeeded(&mut self, now: Time, granted: Generation) -> bool {
        self.has_served = true;
        let was_closed = self.breaker.state(now) == BreakerState::Closed;
        self.breaker.succeeded(now, granted);
        if was_closed || self.breaker.state(now) != BreakerState::Closed {
            return false;
        }
        let was_out = matches!(self.verdict, Verdict::Out(_));
        if !was_out {
            self.breaker.close();
        }
        self.verdict = Verdict::Well;
        was_out
    }

    /// A request was told that it is out; returns whether it is, as of now.
    pub(crate) fn hear(&mut self, now: Time, word: &Word) -> bool {
        let by = match self.verdict {
            // It was sent before that was known.
            Verdict::Out(_) if !self.breaker.is_still(word.granted) => return false,
            Verdict::Out(by) => by,
            Verdict::Suspected(by) if by != word.by => None,
            Verdict::Well if word.may_be_believed && !self.has_served => Some(word.by),
            Verdict::Well | Verdict::Suspected(_) => {
                self.suspect(now, word.by);
                return false;
            }
        };
        self.verdict = Verdict::Out(by.filter(|by| *by == word.by));
        self.breaker.open(now, word.wait, word.draw);
        true
    }

    /// `request` is told the same wherever it goes: it is out no longer, if that was its word alone.
    pub(crate) fn doubt(&mut self, now: Time, request: RequestId) -> bool {
        let is_its_word = self.verdict == Verdict::Out(Some(request));
        if is_its_word {
            self.suspect(now, request);
        }
        is_its_word
    }

    fn suspect(&mut self, now: Time, by: RequestId) {
        self.verdict = Verdict::Suspected(by);
        self.breaker.open_for(now, SUSPECTED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    fn word(by: u64, may_be_believed: bool) -> Word {
        Word {
            by: RequestId(by),
            granted: Generation::default(),
            may_be_believed,
            wait: None,
            draw: 1.0,
        }
    }

    fn proven() -> Standing {
        let mut standing = Standing::new();
        let granted = standing.grant();
        standing.succeeded(at(0.0), granted);
        standing
    }

    #[test]
    fn one_request_makes_suspected_and_another_takes_out() {
        let mut standing = proven();
        assert!(!standing.hear(at(0.0), &word(1, true)));
        assert!(standing.is_suspected() && !standing.admits(at(0.1)));
        assert_eq!(standing.state(at(0.1)), BreakerState::HalfOpen);
        // Its own word again is no other.
        assert!(!standing.hear(at(0.1), &word(1, true)));
        assert!(standing.hear(at(0.2), &word(2, true)));
        assert_eq!(standing.state(at(100.0)), BreakerState::Open);
    }

    #[test]
    fn who_is_suspected_is_asked_by_others_where_nobody_else_can_serve_and_cleared_by_a_success() {
        let mut standing = proven();
        standing.hear(at(0.0), &word(1, true));
        assert!(!standing.admits_at_last(at(0.0), RequestId(1)));
        assert!(standing.admits_at_last(at(0.0), RequestId(2)));
        let granted = standing.grant();
        assert!(standing.admits_at_last(at(0.0), RequestId(3)));
        assert!(!standing.succeeded(at(0.1), granted), "it was not out");
        assert!(!standing.is_suspected() && standing.admits(at(0.1)));
        assert!(!standing.hear(at(0.2), &word(4, true)));
    }

    #[test]
    fn what_never_served_goes_out_on_one_word_until_that_is_doubted() {
        let mut standing = Standing::new();
        assert!(!standing.hear(at(0.0), &word(1, false)));
        let mut standing = Standing::new();
        assert!(standing.hear(at(0.0), &word(1, true)));
        assert!(!standing.doubt(at(0.0), RequestId(2)));
        assert!(standing.doubt(at(0.0), RequestId(1)));
        assert!(standing.is_suspected());
        standing.hear(at(0.1), &word(2, true));
        assert!(!standing.doubt(at(0.1), RequestId(2)), "two have said so");
    }

    #[test]
    fn what_was_sent_before_it_was_out_does_not_keep_it_out_for_longer() {
        let mut standing = Standing::new();
        standing.hear(at(0.0), &word(1, true));
        let until = standing.opens_at(at(0.0));
        for by in 2..10 {
            assert!(!standing.hear(at(1.0), &word(by, true)));
        }
        assert_eq!(standing.opens_at(at(1.0)), until);
    }

    #[test]
    fn what_is_out_is_probed_every_few_seconds_where_nobody_else_can_serve() {
        let mut standing = Standing::new();
        standing.hear(at(0.0), &word(1, true));
        assert!(!standing.admits_at_last(at(4.9), RequestId(2)));
        assert!(standing.admits_at_last(at(5.0), RequestId(2)));
        let granted = standing.grant();
        assert!(!standing.admits_at_last(at(5.0), RequestId(3)));
        assert!(standing.succeeded(at(5.1), granted), "it is back");
    }
}
