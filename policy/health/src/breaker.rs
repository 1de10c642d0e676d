//! One breaker per provider key and model group: it keeps a sick key out of the way.
//!
//! - `Closed` serves. It trips on failures in a row, or on a share of failures among enough
//!   outcomes of the last seconds. Two rules, because a key that fails always should trip after a
//!   handful of requests, and one that fails often should trip too.
//! - `Open` refuses until the longest of what the provider said and an exponential backoff with
//!   jitter. A fixed wait would either hammer a dead key or sleep through a short fault.
//! - `HalfOpen` lets one probe through. Its success closes the breaker, but the key is ramped up:
//!   one request, then two, then four at a time, since a key that just recovered is the likeliest
//!   to fail again. Its failure opens the breaker for longer. On the way up two failures in a row
//!   do so: were it one, then in weather in which every tenth request fails on any key, hardly a
//!   key would get through its ramp, and all of them would end up out for a minute.
//!
//! Every transition starts a new generation; an outcome counts only in the generation its request
//! was granted in, so that the stragglers of a fault cannot open a breaker that a probe has closed.
//!
//! Refusals for want of budget never come here: they are cooldowns, which end by themselves, and
//! punishing a key for them costs more capacity than it saves.

use std::time::Duration;

use crate::backoff::Backoff;
use keyweir_terms::time::Time;

/// Failures in a row that trip, and while a key is ramped up.
const TRIP_CONSECUTIVE: u32 = 3;
const TRIP_CONSECUTIVE_RAMPING: u32 = 2;
/// Share of failures that trips, and the outcomes it takes to speak of a share.
const TRIP_SHARE: f64 = 0.5;
const TRIP_VOLUME: u32 = 10;
/// Outcomes older than this do not count towards the share.
const WINDOW: Duration = Duration::from_secs(10);
/// Requests at a time after a reprieve.
const RAMP_AFTER_REPRIEVE: u32 = 4;
/// Requests in flight at which a recovering key counts as recovered.
const RAMP_DONE: u32 = 16;

/// How long the breaker of a key and model group stays open: short at first, since most faults are.
pub const OPEN_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(1000),
    cap: Duration::from_secs(60),
};

/// Which state a breaker is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Serving.
    Closed,
    /// Refusing.
    Open,
    /// Waiting for the outcome of one probe.
    HalfOpen,
}

impl BreakerState {
    /// The name used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The generation a request was granted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation(u32);

/// A key's breaker for one model group.
#[derive(Clone, Debug)]
pub struct Breaker {
    backoff: Backoff,
    state: State,
    generation: Generation,
    /// Times it opened since it last recovered.
    opened: u32,
    in_flight: u32,
}

#[derive(Clone, Debug)]
enum State {
    Closed {
        consecutive: u32,
        window: Window,
        /// Requests allowed at a time while ramping up.
        ramp: Option<u32>,
    },
    Open {
        until: Time,
    },
    HalfOpen,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed {
            consecutive: 0,
            window: Window::default(),
            ramp: None,
        }
    }
}

/// Outcomes of the last seconds, in two halves, the older of which is dropped as time goes on.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    started: Time,
    failures: [u32; 2],
    outcomes: [u32; 2],
}

impl Breaker {
    /// A closed breaker that stays open by this schedule.
    pub fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            state: State::default(),
            generation: Generation::default(),
            opened: 0,
            in_flight: 0,
        }
    }

    /// The state at `now`. An open breaker whose time has come reads as half open.
    pub fn state(&self, now: Time) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until } if now < until => BreakerState::Open,
            State::Open { .. } | State::HalfOpen => BreakerState::HalfOpen,
        }
    }

    /// Whether a request may be sent now.
    pub fn admits(&self, now: Time) -> bool {
        match self.state {
            State::Closed { ramp, .. } => ramp.is_none_or(|allowed| self.in_flight < allowed),
            State::Open { until } => now >= until,
            State::HalfOpen => false,
        }
    }

    /// When it will admit by itself; `None`: now, or when an outcome is known.
    pub fn opens_at(&self, now: Time) -> Option<Time> {
        match self.state {
            State::Open { until } if now < until => Some(until),
            _ => None,
        }
    }

    /// A request is granted. Only to be called when [`Self::admits`].
    pub fn grant(&mut self) -> Generation {
        if let State::Open { .. } = self.state {
            self.turn(State::HalfOpen);
        }
        self.in_flight += 1;
        self.generation
    }

    /// A request of generation `granted` succeeded.
    pub fn succeeded(&mut self, now: Time, granted: Generation) {
        self.released();
        if granted != self.generation {
            return;
        }
        match &mut self.state {
            State::Closed {
                consecutive,
                window,
                ramp,
            } => {
                *consecutive = 0;
                window.record(now, false);
                *ramp = ramp
                    .map(|allowed| allowed * 2)
                    .filter(|allowed| *allowed < RAMP_DONE);
                if ramp.is_none() {
                    self.opened = 0;
                }
            }
            State::HalfOpen => self.turn(State::Closed {
                consecutive: 0,
                window: Window::default(),
                ramp: Some(1),
            }),
            State::Open { .. } => {}
        }
    }

    /// A request of generation `granted` failed through the key's fault; `wait` is the provider's
    /// word, `draw` in 0..1 the jitter. Returns whether this opened the breaker.
    pub fn failed(
        &mut self,
        now: Time,
        granted: Generation,
        wait: Option<Duration>,
        draw: f64,
    ) -> bool {
        self.released();
        if granted != self.generation {
            return false;
        }
        let trips = match &mut self.state {
            State::Closed {
                consecutive,
                window,
                ramp,
            } => {
                *consecutive += 1;
                window.record(now, true);
                let most = match ramp {
                    Some(_) => TRIP_CONSECUTIVE_RAMPING,
                    None => TRIP_CONSECUTIVE,
                };
                *consecutive >= most || window.is_bad(now)
            }
            State::HalfOpen => true,
            State::Open { .. } => false,
        };
        if trips {
            self.open(now, wait, draw);
        }
        trips
    }

    /// A request of generation `granted` failed while the provider as a whole fails: counted, but
    /// it opens nothing.
    pub fn failed_in_overload(&mut self, now: Time, granted: Generation) {
        self.passed(now, granted);
        if granted == self.generation
            && let State::Closed { consecutive, .. } = &mut self.state
        {
            *consecutive += 1;
        }
    }

    /// A request ended and says nothing about the key (the client left, or the provider as a
    /// whole failed). A probe that ends so is simply let through again.
    pub fn passed(&mut self, now: Time, granted: Generation) {
        self.released();
        if granted == self.generation && matches!(self.state, State::HalfOpen) {
            self.turn(State::Open { until: now });
        }
    }

    /// Opens whatever the counts say.
    pub fn open(&mut self, now: Time, wait: Option<Duration>, draw: f64) {
        let backoff = self.backoff.after(self.opened, draw);
        self.opened = self.opened.saturating_add(1);
        self.turn(State::Open {
            until: now + wait.unwrap_or_default().max(backoff),
        });
    }

    /// What opened it turned out to be the provider's fault: close it, but with care.
    pub fn reprieve(&mut self) {
        if !matches!(self.state, State::Closed { .. }) {
            self.turn(State::Closed {
                consecutive: 0,
                window: Window::default(),
                ramp: Some(RAMP_AFTER_REPRIEVE),
            });
        }
    }

    /// Failures in a row while closed.
    pub fn consecutive_failures(&self) -> u32 {
        match self.state {
            State::Closed { consecutive, .. } => consecutive,
            _ => 0,
        }
    }

    /// Requests in flight on this key and group.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.generation = Generation(self.generation.0.wrapping_add(1));
    }

    fn released(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}

impl Window {
    fn record(&mut self, now: Time, failed: bool) {
        self.turn_to(now);
        self.outcomes[0] = self.outcomes[0].saturating_add(1);
        self.failures[0] = self.failures[0].saturating_add(u32::from(failed));
    }

    fn is_bad(&mut self, now: Time) -> bool {
        self.turn_to(now);
        let outcomes = self.outcomes[0].saturating_add(self.outcomes[1]);
        let failures = self.failures[0].saturating_add(self.failures[1]);
        outcomes >= TRIP_VOLUME && f64::from(failures) >= TRIP_SHARE * f64::from(outcomes)
    }

    fn turn_to(&mut self, now: Time) {
        let half = WINDOW / 2;
        let age = now.since(self.started);
        if age >= WINDOW {
            *self = Self {
                started: now,
                ..Self::default()
            };
        } else if age >= half {
            self.started = self.started + half;
            self.failures = [0, self.failures[0]];
            self.outcomes = [0, self.outcomes[0]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    fn tripped() -> Breaker {
        let mut breaker = Breaker::new(OPEN_BACKOFF);
        for _ in 0..TRIP_CONSECUTIVE {
            let granted = breaker.grant();
            breaker.failed(at(0.0), granted, None, 1.0);
        }
        breaker
    }

    #[test]
    fn open_breaker_admits_one_probe_after_backoff() {
        let mut breaker = tripped();
        let until = breaker.opens_at(at(0.0)).unwrap();
        assert!(!breaker.admits(at(0.5)));
        assert!(breaker.admits(until));
        breaker.grant();
        assert!(!breaker.admits(until));
        assert_eq!(breaker.state(until), BreakerState::HalfOpen);
    }

    #[test]
    fn a_probe_that_succeeds_ramps_the_key_up() {
        let mut breaker = tripped();
        let now = breaker.opens_at(at(0.0)).unwrap();
        let probe = breaker.grant();
        breaker.succeeded(now, probe);
        let mut allowed = 0;
        for expected in [1, 2, 4, 8] {
            let mut granted = Vec::new();
            while breaker.admits(now) && granted.len() < 100 {
                granted.push(breaker.grant());
            }
            assert_eq!(granted.len(), expected);
            allowed = granted.len();
            breaker.succeeded(now, granted.pop().unwrap());
            for generation in granted {
                breaker.passed(now, generation);
            }
        }
        assert_eq!(allowed, 8);
        assert!((0..100).all(|_| {
            breaker.grant();
            breaker.admits(now)
        }));
    }

    #[test]
    fn a_failed_probe_opens_for_longer_up_to_the_cap() {
        let mut breaker = tripped();
        let mut now = at(0.0);
        let mut waits = Vec::new();
        for _ in 0..12 {
            let until = breaker.opens_at(now).unwrap();
            waits.push(until.secs_since(now));
            now = until;
            let probe = breaker.grant();
            assert!(breaker.failed(now, probe, None, 1.0));
        }
        assert!(waits.windows(2).all(|pair| pair[1] >= pair[0]), "{waits:?}");
        assert_eq!(*waits.last().unwrap(), 60.0);
    }

    #[test]
    fn outcomes_of_an_older_generation_do_not_move_it() {
        let mut breaker = Breaker::new(OPEN_BACKOFF);
        let old: Vec<_> = (0..20).map(|_| breaker.grant()).collect();
        for generation in &old[..3] {
            breaker.failed(at(0.0), *generation, None, 0.0);
        }
        let now = breaker.opens_at(at(0.0)).unwrap();
        let probe = breaker.grant();
        breaker.succeeded(now, probe);
        for generation in &old[3..] {
            assert!(!breaker.failed(now, *generation, None, 0.0));
        }
        assert_eq!(breaker.state(now), BreakerState::Closed);
    }

    #[test]
    fn the_providers_wait_beats_ours_when_longer() {
        let mut breaker = Breaker::new(OPEN_BACKOFF);
        breaker.open(at(0.0), Some(Duration::from_secs(20)), 1.0);
        assert_eq!(breaker.opens_at(at(0.0)), Some(at(20.0)));
    }

    #[test]
    fn a_share_of_failures_trips_only_with_enough_outcomes() {
        let mut breaker = Breaker::new(OPEN_BACKOFF);
        let mut tripped_after = None;
        for turn in 0..20 {
            let granted = breaker.grant();
            if turn % 2 == 0 {
                breaker.succeeded(at(0.1), granted);
            } else if breaker.failed(at(0.1), granted, None, 0.0) {
                tripped_after = Some(turn + 1);
                break;
            }
        }
        assert_eq!(tripped_after, Some(TRIP_VOLUME));
    }

    #[test]
    fn a_probe_whose_client_left_is_let_through_again() {
        let mut breaker = tripped();
        let now = breaker.opens_at(at(0.0)).unwrap();
        let probe = breaker.grant();
        breaker.passed(now, probe);
        assert!(breaker.admits(now));
    }
}
