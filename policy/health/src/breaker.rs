//! One breaker per provider key and quota group: it keeps a sick key out of the way.
//!
//! - `Closed` serves. It trips on failures in a row, or on a share of failures among enough
//!   outcomes of the last seconds. Two rules, because a key that fails always should trip after a
//!   handful of requests, and one that fails often should trip too.
//! - `Open` refuses until the longest of what the provider said and an exponential backoff with
//!   jitter. A fixed wait would either hammer a dead key or sleep through a short fault.
//! - `HalfOpen` lets one probe through. Its success closes the breaker, but the key is ramped up:
//!   one request, then two, then four at a time, since a key that just recovered is the likeliest
//!   to fail again. Its failure opens the breaker for longer. On the way up two failures in a row
//!   do so: were it one, then where every tenth request fails on any key, hardly a key would
//!   get through its ramp, and all of them would end up out for a minute.
//!
//! On that way a good answer counts as soon as it begins, and holds no place any more: a stream takes
//! minutes to end, and a key that waited for it would be kept out for as long as it is well. A stream that
//! breaks counts as a failure all the same.
//!
//! Every transition starts a new generation; an outcome counts only in the generation its request
//! was granted in, so that the stragglers of a fault cannot open a breaker that a probe has closed.
//!
//! One request's failures count once, however often it is sent: the pool reports the first of them,
//! and takes it back ([`Breaker::absolve`]) where the fault turns out to follow the request.
//!
//! Refusals for want of budget never come here: they are cooldowns, which end by themselves, and
//! punishing a key for them costs more capacity than it saves.

mod hearsay;
pub mod learned;
mod reprieve;
mod window;

use std::time::Duration;

use keyweir_terms::time::Time;

use self::window::Window;
use crate::backoff::Backoff;

/// The longest that is believed of others and of a process before this one: providers' longest waits are a
/// day.
const OPEN_MAX_SECS: f64 = 86_400.0;
/// Failures in a row that trip, and while a key is ramped up. Were it two, "streams", whose
/// streams break on any key, would wait 4 s at its 99th percentile instead of half a second.
const TRIP_CONSECUTIVE: u32 = 3;
const TRIP_CONSECUTIVE_RAMPING: u32 = 2;
/// Requests in flight at which a recovering key counts as recovered: after four doublings. From 8 to 32
/// no simulated world changes.
const RAMP_DONE: u32 = 16;

/// How long the breaker of a key and quota group stays open: short at first, since most faults are. As
/// other breakers of the kind (linkerd's: 1 s to 60 s).
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
#[derive(Clone, Copy, Debug, Default)]
pub struct Generation {
    number: u32,
    /// A good answer to it has begun.
    has_begun: bool,
}

impl Generation {
    fn is(self, other: Self) -> bool {
        self.number == other.number
    }
}

/// A key's breaker for one quota group.
#[derive(Clone, Debug)]
pub struct Breaker {
    backoff: Backoff,
    state: State,
    generation: Generation,
    /// Times it opened since it last recovered.
    opened: u32,
    in_flight: u32,
    /// Those in flight of this generation of which no good answer has begun.
    opening: u32,
    /// It tripped, and nobody was told since that it serves again.
    is_tripped: bool,
    /// When a request last succeeded.
    served_at: Option<Time>,
    /// Another gateway said so, and not what happened here, where it is open.
    is_hearsay: bool,
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
        since: Time,
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

impl Breaker {
    /// A closed breaker that stays open by this schedule.
    pub fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            state: State::default(),
            generation: Generation::default(),
            opened: 0,
            in_flight: 0,
            opening: 0,
            is_tripped: false,
            served_at: None,
            is_hearsay: false,
        }
    }

    /// The state at `now`. An open breaker whose time has come reads as half open.
    pub fn state(&self, now: Time) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until, .. } if now < until => BreakerState::Open,
            State::Open { .. } | State::HalfOpen => BreakerState::HalfOpen,
        }
    }

    /// Whether a request may be sent now.
    pub fn admits(&self, now: Time) -> bool {
        match self.state {
            State::Closed { ramp, .. } => ramp.is_none_or(|allowed| self.opening < allowed),
            State::Open { until, .. } => now >= until,
            State::HalfOpen => false,
        }
    }

    /// Since when it is open, and until when.
    pub const fn open_span(&self) -> Option<(Time, Time)> {
        match self.state {
            State::Open { since, until } => Some((since, until)),
            State::Closed { .. } | State::HalfOpen => None,
        }
    }

    /// Whether it is on the way back: what it admits depends on what is in flight.
    pub const fn is_recovering(&self) -> bool {
        !matches!(self.state, State::Closed { ramp: None, .. })
    }

    /// When it will admit by itself; `None`: now, or when an outcome is known.
    pub fn opens_at(&self, now: Time) -> Option<Time> {
        match self.state {
            State::Open { until, .. } if now < until => Some(until),
            _ => None,
        }
    }

    /// A request is granted: when [`Self::admits`], or as a probe before its time where nobody else
    /// can serve.
    pub fn grant(&mut self) -> Generation {
        if let State::Open { .. } = self.state {
            self.enter(State::HalfOpen);
        }
        self.in_flight += 1;
        self.opening += 1;
        self.generation
    }

    /// A good answer to a request of generation `granted` has begun. Returns whether it is the first since
    /// it tripped.
    pub fn begun(&mut self, now: Time, granted: &mut Generation) -> bool {
        self.served_at = Some(now);
        if !granted.is(self.generation) || granted.has_begun {
            return false;
        }
        granted.has_begun = true;
        self.opening = self.opening.saturating_sub(1);
        self.recover()
    }

    /// One more request was served: the way back goes on.
    fn recover(&mut self) -> bool {
        match &mut self.state {
            State::Closed { ramp, .. } => {
                *ramp = ramp
                    .map(|allowed| allowed * 2)
                    .filter(|allowed| *allowed < RAMP_DONE);
            }
            State::HalfOpen => self.enter(State::Closed {
                consecutive: 0,
                window: Window::default(),
                ramp: Some(1),
            }),
            State::Open { .. } => return false,
        }
        std::mem::take(&mut self.is_tripped)
    }

    /// A request of generation `granted` succeeded. Returns whether it is the first since it tripped.
    pub fn succeeded(&mut self, now: Time, granted: Generation) -> bool {
        self.released(granted);
        self.served_at = Some(now);
        if !granted.is(self.generation) {
            return false;
        }
        let is_first = !granted.has_begun && self.recover();
        if let State::Closed {
            consecutive,
            window,
            ramp,
        } = &mut self.state
        {
            *consecutive = 0;
            window.record(now, false);
            if ramp.is_none() {
                self.opened = 0;
            }
        }
        is_first
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
        self.released(granted);
        if !granted.is(self.generation) {
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
            self.is_tripped = true;
            self.trip(now, wait, draw);
        }
        trips
    }

    /// A request of generation `granted` failed while the provider as a whole fails: counted, but
    /// it opens nothing.
    pub fn failed_in_overload(&mut self, now: Time, granted: Generation) {
        self.passed(now, granted);
        if granted.is(self.generation)
            && let State::Closed { consecutive, .. } = &mut self.state
        {
            *consecutive += 1;
        }
    }

    /// A request ended and says nothing about the key (the client left, or the provider as a
    /// whole failed). A probe that ends so is simply let through again.
    pub fn passed(&mut self, now: Time, granted: Generation) {
        self.released(granted);
        if granted.is(self.generation) && matches!(self.state, State::HalfOpen) {
            self.enter(State::Open {
                since: now,
                until: now,
            });
        }
    }

    /// A request of generation `granted` was refused, and it is the key's fault: one answer says so.
    pub fn refused(&mut self, now: Time, granted: Generation, draw: f64) {
        self.released(granted);
        if granted.is(self.generation) {
            self.trip(now, None, draw);
        }
    }

    /// Trips whatever the counts say.
    pub fn trip(&mut self, now: Time, wait: Option<Duration>, draw: f64) {
        let backoff = self.backoff.after(self.opened, draw);
        self.opened = self.opened.saturating_add(1);
        self.trip_for(now, wait.unwrap_or_default().max(backoff));
    }

    /// Trips for `span`, and for no longer the next time.
    pub fn trip_for(&mut self, now: Time, span: Duration) {
        self.is_hearsay = false;
        self.enter(State::Open {
            since: now,
            until: now + span,
        });
    }

    /// Failures in a row while closed.
    pub fn consecutive_failures(&self) -> u32 {
        match self.state {
            State::Closed { consecutive, .. } => consecutive,
            _ => 0,
        }
    }

    /// Whether nothing has changed since a request of generation `granted` was granted.
    pub fn is_still(&self, granted: Generation) -> bool {
        granted.is(self.generation)
    }

    /// Requests in flight on this key and group.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation.number = self.generation.number.wrapping_add(1);
        self.opening = 0;
    }

    fn released(&mut self, granted: Generation) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if granted.is(self.generation) && !granted.has_begun {
            self.opening = self.opening.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests;
