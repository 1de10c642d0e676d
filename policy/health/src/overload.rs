//! When a provider is overloaded as a whole: fewer attempts, held requests, a quick return.
//!
//! A failure that one key sees is the key's; a failure that several keys see in the same second
//! is the provider's, and walking the pool with it only adds to the load. The test is the same
//! for 529, 5xx and dead connections: most requests of the last second failed, several of them, over
//! more than one key. Each request counts once, however often it is sent.
//!
//! While the gate is active requests wait, and a few go through as probes at a limited rate: a seventh of
//! what was asked before. A success lets a few more go at once; if they succeed too, a second's
//! worth of the former demand, and if nothing of that fails either, it is over. Any failure
//! leads back to the start. An overload in which one answer in ten succeeds thus stays one, one
//! that is over is left within three answers' time however rare probes are, and a string of lucky
//! answers costs a second's worth of attempts and not all that is held. Rejected: a fixed pause,
//! which either sprays or sleeps through the end; breakers alone, which all open, one by one, for
//! seconds; and a rate that grows from success to success, which takes seconds where requests are
//! few.
//!
//! A wrong alarm (most keys sick, the provider well) ends by itself: the sick keys' breakers still
//! open, the probes go to the others and succeed. And where nobody asks any more, or nothing fails,
//! it ends by time.

mod evidence;

use std::time::Duration;

use keyweir_terms::ids::{KeyId, RequestId};
use keyweir_terms::time::Time;

use self::evidence::Evidence;

/// Probes per second: a share of the demand before the overload, within bounds. With twice the share
/// "storm" and "whole storm" make more attempts per request than their bounds allow; with twice the least
/// "small storm" makes 1.13 instead of 1.07. The most is the share of 333 requests a second.
const PROBE_SHARE: f64 = 0.15;
const PROBES_PER_SEC_MIN: f64 = 2.0;
const PROBES_PER_SEC_MAX: f64 = 50.0;
/// Probes that may follow the first success at once: few, since in a world in which one answer in ten
/// succeeds most of them fail (a test holds that it stays overloaded).
const FOLLOWERS: u32 = 3;
/// Successes in a row from which a second's worth of requests may go, and at which it is over.
const OPENING_STREAK: u32 = 1 + FOLLOWERS;
const ENDING_STREAK: u32 = 2 * OPENING_STREAK;
/// An overload of which nothing has been seen for so long is over: some ten probes at the slowest
/// rate would have shown it.
const QUIET: Duration = Duration::from_secs(5);
/// Time constant of the demand: a few seconds' mean. Half and twice of it leave all bounds held.
const DEMAND_MEMORY_SECS: f64 = 5.0;

/// The provider-wide gate.
#[derive(Debug)]
pub struct OverloadGate {
    evidence: Evidence,
    demand_per_sec: f64,
    demand_at: Time,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Inactive,
    Active {
        began: Time,
        /// When it was seen last.
        seen: Time,
        /// When the next probe may go.
        next: Time,
        /// Attempts that may go beside it.
        allowed: u32,
        /// Successes in a row.
        streak: u32,
    },
}

/// What an outcome did to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// The provider is overloaded as of now.
    Began,
    /// It serves again.
    Ended,
}

impl OverloadGate {
    /// An inactive gate.
    pub fn new(now: Time) -> Self {
        Self {
            evidence: Evidence::none(),
            demand_per_sec: 0.0,
            demand_at: now,
            state: State::Inactive,
        }
    }

    /// Whether the provider is taken to be overloaded.
    pub fn is_active(&self, now: Time) -> bool {
        matches!(self.state, State::Active { seen, .. } if now.since(seen) < QUIET)
    }

    /// Time has passed.
    pub fn lapse(&mut self, now: Time) -> Change {
        if matches!(self.state, State::Inactive) || self.is_active(now) {
            return Change::None;
        }
        self.end()
    }

    /// When the next attempt may go; `None`: now.
    pub fn opens_at(&self, now: Time) -> Option<Time> {
        match self.state {
            State::Active {
                next, allowed: 0, ..
            } if now < next && self.is_active(now) => Some(next),
            _ => None,
        }
    }

    /// An attempt is granted.
    pub fn grant(&mut self, now: Time) {
        let floor = self.floor();
        match &mut self.state {
            State::Inactive => {
                let elapsed = now.secs_since(self.demand_at);
                self.demand_per_sec *= (-elapsed / DEMAND_MEMORY_SECS).exp();
                self.demand_per_sec += 1.0 / DEMAND_MEMORY_SECS;
                self.demand_at = self.demand_at.max(now);
            }
            State::Active { next, .. } if *next <= now => *next = now.after_secs(1.0 / floor),
            State::Active { allowed, .. } => *allowed = allowed.saturating_sub(1),
        }
    }

    /// An attempt granted at `granted` succeeded. What was under way before the overload began
    /// says nothing about it.
    pub fn succeeded(&mut self, now: Time, granted: Time, attempt: (RequestId, KeyId)) -> Change {
        self.evidence.record(now, attempt, false);
        let demand = self.demand_per_sec.ceil() as u32;
        let State::Active {
            began,
            allowed,
            streak,
            ..
        } = &mut self.state
        else {
            return Change::None;
        };
        if granted < *began {
            return Change::None;
        }
        *streak += 1;
        match *streak {
            1 => *allowed = FOLLOWERS,
            OPENING_STREAK => *allowed = demand.max(ENDING_STREAK),
            _ => {}
        }
        if *streak < ENDING_STREAK {
            return Change::None;
        }
        self.end()
    }

    /// An attempt failed in a way that may be the provider's fault. `keys` is how many keys could
    /// have failed.
    pub fn failed(&mut self, now: Time, attempt: (RequestId, KeyId), keys: usize) -> Change {
        self.evidence.record(now, attempt, true);
        if let State::Active {
            seen,
            allowed,
            streak,
            ..
        } = &mut self.state
        {
            (*seen, *allowed, *streak) = (now, 0, 0);
            return Change::None;
        }
        if !self.evidence.is_widespread(now, keys) {
            return Change::None;
        }
        self.state = State::Active {
            began: now,
            seen: now,
            next: now.after_secs(1.0 / self.floor()),
            allowed: 0,
            streak: 0,
        };
        Change::Began
    }

    /// Whether others than `request` were served since, most of them: what it meets again and again
    /// is its own fault then.
    pub fn are_others_served(&self, since: Time, request: RequestId) -> bool {
        self.evidence.are_others_served(since, request)
    }

    /// What `request` met is its own fault.
    pub fn dismiss(&mut self, request: RequestId) {
        self.evidence.dismiss(request);
    }

    fn end(&mut self) -> Change {
        self.state = State::Inactive;
        self.evidence.clear();
        Change::Ended
    }

    /// The keys that failed lately: their breakers were charged with what was the provider's.
    pub fn suspects(&self) -> impl Iterator<Item = KeyId> {
        self.evidence.failed_keys()
    }

    fn floor(&self) -> f64 {
        (PROBE_SHARE * self.demand_per_sec).clamp(PROBES_PER_SEC_MIN, PROBES_PER_SEC_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: KeyId = KeyId(0);
    const B: KeyId = KeyId(1);

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    /// An attempt of another request than all others, with `key`.
    fn by_another(key: KeyId) -> (RequestId, KeyId) {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(100);
        (RequestId(NEXT.fetch_add(1, Ordering::Relaxed)), key)
    }

    fn active() -> OverloadGate {
        let mut gate = OverloadGate::new(at(0.0));
        for n in 0..500 {
            gate.grant(at(f64::from(n) * 0.01));
        }
        gate.failed(at(5.0), by_another(A), 2);
        gate.failed(at(5.0), by_another(B), 2);
        assert_eq!(gate.failed(at(5.0), by_another(A), 2), Change::Began);
        gate
    }

    #[test]
    fn one_sick_key_is_no_overload() {
        for keys in [1, 2] {
            let mut gate = OverloadGate::new(at(0.0));
            for _ in 0..20 {
                assert_eq!(gate.failed(at(1.0), by_another(A), keys), Change::None);
            }
            assert!(!gate.is_active(at(1.0)));
        }
    }

    #[test]
    fn one_request_is_no_overload_wherever_it_fails() {
        let mut gate = OverloadGate::new(at(0.0));
        for n in 0..20 {
            let attempt = (RequestId(n % 2), KeyId(n as u32));
            assert_eq!(gate.failed(at(1.0), attempt, 20), Change::None);
        }
    }

    #[test]
    fn a_request_that_is_served_after_all_speaks_for_the_provider() {
        let mut gate = OverloadGate::new(at(0.0));
        for n in 0..20 {
            assert_eq!(gate.failed(at(1.0), (RequestId(n), A), 2), Change::None);
            gate.succeeded(at(1.0), at(1.0), (RequestId(n), B));
        }
    }

    #[test]
    fn it_ends_by_time_where_nothing_is_seen_of_it() {
        let mut gate = active();
        gate.failed(at(8.0), by_another(A), 2);
        assert!(gate.is_active(at(12.9)));
        assert_eq!(gate.lapse(at(12.9)), Change::None);
        assert!(!gate.is_active(at(13.0)) && gate.opens_at(at(13.0)).is_none());
        assert_eq!(gate.lapse(at(13.0)), Change::Ended);
    }

    #[test]
    fn others_are_served_where_most_of_them_are() {
        let mut gate = OverloadGate::new(at(0.0));
        let poison = RequestId(0);
        assert!(!gate.are_others_served(at(1.0), poison));
        gate.succeeded(at(1.0), at(1.0), (poison, A));
        gate.failed(at(1.0), (RequestId(1), A), 2);
        assert!(!gate.are_others_served(at(1.0), poison));
        gate.succeeded(at(1.0), at(1.0), (RequestId(2), A));
        gate.succeeded(at(1.0), at(1.0), (RequestId(3), A));
        assert!(gate.are_others_served(at(1.0), poison));
        assert!(!gate.are_others_served(at(1.1), poison));
    }

    #[test]
    fn failures_among_many_successes_are_no_overload() {
        let mut gate = OverloadGate::new(at(0.0));
        for _ in 0..10 {
            gate.succeeded(at(1.0), at(1.0), by_another(A));
        }
        for key in [A, B, A, B] {
            assert_eq!(gate.failed(at(1.0), by_another(key), 2), Change::None);
        }
    }

    #[test]
    fn an_active_gate_lets_few_through() {
        let mut gate = active();
        let mut granted = 0;
        for step in 0..1000 {
            let now = at(5.0 + f64::from(step) * 0.01);
            if gate.opens_at(now).is_none() {
                gate.grant(now);
                gate.failed(now, by_another(if step % 2 == 0 { A } else { B }), 2);
                granted += 1;
            }
        }
        assert!((50..=130).contains(&granted), "{granted}");
    }

    #[test]
    fn a_few_successes_in_a_row_end_it() {
        let mut gate = active();
        let ended =
            (0..10).find(|_| gate.succeeded(at(6.0), at(5.5), by_another(A)) == Change::Ended);
        assert!(ended.is_some_and(|n| n < 8), "{ended:?}");
        assert!(gate.opens_at(at(6.0)).is_none());
    }

    #[test]
    fn a_lucky_string_costs_a_seconds_worth() {
        let mut gate = active();
        let now = at(5.1);
        for n in 0..4 {
            gate.succeeded(
                at(5.05),
                at(5.02),
                by_another(if n % 2 == 0 { A } else { B }),
            );
        }
        let mut granted = 0;
        while gate.opens_at(now).is_none() {
            gate.grant(now);
            granted += 1;
        }
        assert!((50..=101).contains(&granted), "{granted}");
        gate.failed(now, by_another(A), 2);
        assert!(gate.opens_at(now).is_some());
    }

    #[test]
    fn answers_to_requests_from_before_do_not_end_it() {
        let mut gate = active();
        for _ in 0..20 {
            assert_eq!(
                gate.succeeded(at(5.2), at(4.9), by_another(A)),
                Change::None
            );
        }
        assert!(gate.is_active(at(6.0)));
    }

    #[test]
    fn one_success_in_ten_does_not_end_it() {
        let mut gate = active();
        for n in 0..300 {
            if n % 10 == 0 {
                gate.succeeded(at(6.0), at(5.5), by_another(A));
            } else {
                gate.failed(at(6.0), by_another(B), 2);
            }
        }
        assert!(gate.is_active(at(6.0)));
    }
}
