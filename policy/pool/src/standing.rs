//! Whether an account has money, or a provider takes a key, as far as that is known.
//!
//! One request's word is not enough to take anybody out: what the provider says of a key may be about
//! this endpoint, this model, this size, or this request. So whoever is spoken of is *suspected* first:
//! left alone for a moment, then probed by another request, and asked at once where nobody else can
//! serve. What confirms it: a second request that is told the same, or that the request itself is then
//! served by another. A success clears it; and the word of a request that is told the same by one key
//! after the other, while others are served, is taken back. Only a key or account that never served
//! goes out on one request's word at once, where others are left. While other tenants are served, the
//! words of one tenant's requests, however many, leave it suspected: what that tenant asks for may be
//! what is wrong.
//!
//! What is out is probed slowly, since a person has to mend it; where nobody else can serve, every few
//! seconds.

mod word;

use std::time::Duration;

use keyweir_health::backoff::Backoff;
use keyweir_health::breaker::{Breaker, BreakerState, Generation};
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{RequestId, TenantId};
use keyweir_terms::time::Time;

pub(crate) use self::word::{Heard, Word};
use crate::learned::{LearnedOutage, LearnedStanding};
use crate::outage::{Cause, Outage, Told};

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

/// Words that are told apart.
const WORDS_MAX: usize = 4;
/// Requests that must have been told the same.
const WORDS_ENOUGH: usize = 2;
/// Words taken back, with no success in between, that count all the same: where half of a pool is out
/// (the world "half dead") most requests meet two that are. A client whose requests are wrong would
/// have to be alone for as many.
const DOUBTED_ENOUGH: u32 = 8;

/// What is known of a key or an account, whatever the model.
#[derive(Debug)]
pub(crate) struct Standing {
    breaker: Breaker,
    /// Requests that were told that it is out, and whose word counts.
    words: Vec<(RequestId, TenantId)>,
    /// Words taken back since it served last.
    doubted: u32,
    verdict: Verdict,
    /// When the latest request was sent that it served.
    proven_at: Option<Time>,
    /// What speaks against it, while anything does.
    told: Option<Told>,
    /// An operator holds it: it takes no more until that is lifted.
    is_held: bool,
}

/// What is made of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Well,
    Suspected,
    Out,
}

impl Standing {
    pub(crate) fn new() -> Self {
        Self {
            breaker: Breaker::new(OUT_BACKOFF),
            words: Vec::new(),
            doubted: 0,
            verdict: Verdict::Well,
            proven_at: None,
            told: None,
            is_held: false,
        }
    }

    /// Its state; who is only suspected is being probed, who is held is out.
    pub(crate) fn state(&self, now: Time) -> BreakerState {
        if self.is_held {
            return BreakerState::Open;
        }
        match self.breaker.state(now) {
            BreakerState::Open if self.is_suspected() => BreakerState::HalfOpen,
            state => state,
        }
    }

    /// The same for people to see: what is out stays so until a request has gone to find out, which may
    /// be long after it was due.
    pub(crate) fn shown(&self, now: Time) -> BreakerState {
        match self.state(now) {
            BreakerState::HalfOpen if self.verdict == Verdict::Out && self.in_flight() == 0 => {
                BreakerState::Open
            }
            state => state,
        }
    }

    pub(crate) fn admits(&self, now: Time) -> bool {
        !self.is_held && self.breaker.admits(now)
    }

    /// Whether it may be asked by `request` where nobody else can serve.
    pub(crate) fn admits_at_last(&self, now: Time, request: RequestId) -> bool {
        if self.is_held {
            return false;
        }
        if self.breaker.admits(now) {
            return true;
        }
        match self.verdict {
            Verdict::Well => false,
            Verdict::Suspected => !self.has_word_of(request),
            Verdict::Out => {
                let open = self.breaker.open_span();
                open.is_some_and(|(since, _)| now.since(since) >= PROBED_AT_LAST)
            }
        }
    }

    pub(crate) fn opens_at(&self, now: Time) -> Option<Time> {
        self.breaker.opens_at(now).filter(|_| !self.is_held)
    }

    /// What speaks against it, hold or no hold.
    pub(crate) fn outage(&self, now: Time) -> Option<Outage> {
        let told = self.told.filter(|_| self.verdict != Verdict::Well)?;
        Some(told.outage(self.breaker.opens_at(now)))
    }

    /// What took it out, while it is out and nobody has to lift a hold first.
    pub(crate) fn out_by(&self) -> Option<Fault> {
        let told = self.told.filter(|_| self.verdict == Verdict::Out);
        match told?.cause {
            Cause::Fault(fault) if !self.is_held => Some(fault),
            _ => None,
        }
    }

    /// What is learned of it; `None`: it is neither out nor held.
    pub(crate) fn learned(&self, now: Time) -> Option<LearnedStanding> {
        let told = self.told.filter(|_| self.verdict == Verdict::Out);
        let out = told.zip(self.breaker.learned(now));
        let out = out.map(|(told, breaker)| (LearnedOutage::of(&told, now), breaker));
        (out.is_some() || self.is_held).then_some(LearnedStanding {
            is_held: self.is_held,
            out,
        })
    }

    /// Knows again what was learned `age_secs` ago.
    pub(crate) fn recall(&mut self, now: Time, age_secs: f64, learned: &LearnedStanding) {
        self.is_held = learned.is_held;
        let Some((outage, breaker)) = &learned.out else {
            return;
        };
        if let Some(told) = outage.told(now, age_secs) {
            self.told = Some(told);
            self.verdict = Verdict::Out;
            self.breaker.recall(now, age_secs, breaker);
        }
    }

    pub(crate) const fn is_held(&self) -> bool {
        self.is_held
    }

    /// An operator holds it, or no more.
    pub(crate) const fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// An operator takes it out; `draw` in 0..1 is the jitter.
    pub(crate) fn trip(&mut self, now: Time, draw: f64) {
        Told::note(&mut self.told, now, Cause::Operator);
        self.verdict = Verdict::Out;
        self.breaker.trip(now, None, draw);
    }

    /// Another gateway took it out at `since`, until `until`. Returns whether that takes it out here: not
    /// where it has served since, or something speaks against it already.
    pub(crate) fn hear_out(&mut self, now: Time, since: Time, until: Time) -> bool {
        let has_served = self.proven_at.is_some_and(|at| at >= since);
        if has_served || self.verdict != Verdict::Well {
            return false;
        }
        if !self.breaker.hear_open(now, since, until) {
            return false;
        }
        Told::note(&mut self.told, now, Cause::Elsewhere);
        self.verdict = Verdict::Out;
        true
    }

    /// Since when it is out and until when, where that was seen here and not an operator's wish.
    pub(crate) fn is_out_by_itself(&self) -> Option<(Time, Time)> {
        let is_seen = self
            .told
            .is_some_and(|told| matches!(told.cause, Cause::Fault(_)));
        let is_out = self.verdict == Verdict::Out && is_seen;
        self.breaker.own_open_span().filter(|_| is_out)
    }

    /// What was held against it is cleared.
    pub(crate) fn reset(&mut self) {
        self.doubted = 0;
        self.clear();
    }

    /// Its secret was replaced: all that was known was of the old one. A hold stays.
    pub(crate) fn renew(&mut self) {
        self.proven_at = None;
        self.reset();
    }

    /// Whether anything speaks against it, hold or no hold.
    pub(crate) fn is_doubted(&self) -> bool {
        self.verdict != Verdict::Well
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.breaker.in_flight()
    }

    pub(crate) const fn is_recovering(&self) -> bool {
        self.breaker.is_recovering()
    }

    /// Whether it has served anything.
    pub(crate) const fn has_served(&self) -> bool {
        self.proven_at.is_some()
    }

    pub(crate) const fn is_suspected(&self) -> bool {
        matches!(self.verdict, Verdict::Suspected)
    }

    pub(crate) fn grant(&mut self) -> Generation {
        self.breaker.grant()
    }

    pub(crate) fn passed(&mut self, now: Time, granted: Generation) {
        self.breaker.passed(now, granted);
    }

    /// A request that was sent at `sent` succeeded; returns whether it was out, and is back.
    pub(crate) fn succeeded(&mut self, now: Time, sent: Time, granted: Generation) -> bool {
        self.served(now, sent, |breaker| breaker.succeeded(now, granted))
    }

    /// A good answer to it has begun: the same.
    pub(crate) fn begun(&mut self, now: Time, sent: Time, granted: &mut Generation) -> bool {
        self.served(now, sent, |breaker| breaker.begun(now, granted))
    }

    fn served(&mut self, now: Time, sent: Time, tell: impl FnOnce(&mut Breaker) -> bool) -> bool {
        self.proven_at = self.proven_at.max(Some(sent));
        self.doubted = 0;
        let was_closed = self.breaker.state(now) == BreakerState::Closed;
        tell(&mut self.breaker);
        if was_closed || self.breaker.state(now) != BreakerState::Closed {
            return false;
        }
        let was_out = self.verdict == Verdict::Out;
        if was_out {
            self.verdict = Verdict::Well;
            self.told = None;
            self.words.clear();
        } else {
            self.clear();
        }
        was_out
    }

    /// A request was told that it is out.
    pub(crate) fn hear(&mut self, now: Time, word: &Word) -> Heard {
        if self.verdict == Verdict::Out && !self.breaker.is_still(word.granted) {
            // It was sent before that was known.
            return Heard::Same;
        }
        let was_well = self.verdict == Verdict::Well;
        Told::note(&mut self.told, now, Cause::Fault(word.fault));
        if !self.words.contains(&word.by) && self.words.len() < WORDS_MAX {
            self.words.push(word.by);
        }
        let is_new = word.may_be_believed && !self.has_served();
        let (_, tenant) = word.by;
        let is_one_tenants = self.words.iter().all(|(_, by)| *by == tenant);
        let is_enough = !(word.is_contradicted && is_one_tenants)
            && (self.words.len() >= WORDS_ENOUGH || self.doubted >= DOUBTED_ENOUGH);
        if self.verdict == Verdict::Out || is_enough || is_new {
            self.verdict = Verdict::Out;
            self.breaker.trip(now, word.wait, word.draw);
            return Heard::Out;
        }
        self.suspect(now);
        if was_well {
            Heard::Suspected
        } else {
            Heard::Same
        }
    }

    /// A request that was told at `told` that it is out was served by another; returns whether that
    /// takes it out. Not what has served others since.
    pub(crate) fn confirm(&mut self, now: Time, told: Time, draw: f64) -> bool {
        let has_served_since = self.proven_at.is_some_and(|proven| proven >= told);
        if self.verdict == Verdict::Out || has_served_since {
            return false;
        }
        self.verdict = Verdict::Out;
        self.breaker.trip(now, None, draw);
        true
    }

    /// `request` is told the same by others too: what rests on its word is taken back. Where others
    /// than the request are served (`it_alone`), it is what is wrong.
    pub(crate) fn doubt(&mut self, now: Time, request: RequestId, it_alone: bool) {
        if self.verdict == Verdict::Well || !self.has_word_of(request) {
            return;
        }
        if it_alone {
            self.words.retain(|(by, _)| *by != request);
            self.doubted = self.doubted.saturating_add(1);
        }
        if self.doubted > DOUBTED_ENOUGH {
            return;
        }
        if it_alone && self.words.is_empty() {
            self.clear();
        } else if self.words.len() < WORDS_ENOUGH {
            self.suspect(now);
        }
    }

    fn has_word_of(&self, request: RequestId) -> bool {
        self.words.iter().any(|(by, _)| *by == request)
    }

    fn clear(&mut self) {
        self.verdict = Verdict::Well;
        self.told = None;
        self.words.clear();
        self.breaker.close();
    }

    fn suspect(&mut self, now: Time) {
        self.verdict = Verdict::Suspected;
        self.breaker.trip_for(now, SUSPECTED);
    }
}

#[cfg(test)]
mod tests;
