//! Time that never goes back.
//!
//! A driver's clock should be monotonic. If it jumps back all the same, everything that was noted
//! before (levels, deadlines, cooldowns) would stand still until it has caught up. So the pool keeps
//! its own time: after a jump back it goes on from where it was. Small steps back, such as those of
//! threads that look at the clock and then queue for a lock, are no jumps: time just waits.

use std::time::Duration;

use keyweir_terms::time::Time;

/// A step back from which it is a jump. Threads that look at the clock and then queue for a lock are
/// late by milliseconds; a clock that was set is off by more than a second, or nobody would have set
/// it.
const JUMP: Duration = Duration::from_secs(1);

/// The pool's time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    latest: Time,
    /// How far the pool's time is ahead of the driver's.
    ahead: Duration,
}

impl Clock {
    /// The pool's time where the driver's is `now`.
    pub(crate) fn read(&mut self, now: Time) -> Time {
        let behind = self.latest.since(now + self.ahead);
        if behind >= JUMP {
            self.ahead += behind;
        }
        self.latest = self.peek(now);
        self.latest
    }

    /// As it will be once it has been read at `now`, for those who only look.
    pub(crate) fn seen(&self, now: Time) -> Self {
        let mut clock = *self;
        clock.read(now);
        clock
    }

    /// The pool's time where the driver's is `now`, for those who only look.
    pub(crate) fn peek(&self, now: Time) -> Time {
        self.latest.max(now + self.ahead)
    }

    /// A moment of the driver's time in the pool's.
    pub(crate) fn inward(&self, moment: Time) -> Time {
        moment + self.ahead
    }

    /// A moment of the pool's time in the driver's.
    pub(crate) fn outward(&self, moment: Time) -> Time {
        if moment == Time::NEVER {
            return moment;
        }
        moment - self.ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    #[test]
    fn time_goes_on_after_a_jump_back() {
        let mut clock = Clock::default();
        assert_eq!(clock.read(at(100.0)), at(100.0));
        assert_eq!(clock.read(at(80.0)), at(100.0));
        assert_eq!(clock.read(at(81.0)), at(101.0));
        assert_eq!(clock.inward(at(82.0)), at(102.0));
        assert_eq!(clock.outward(at(102.0)), at(82.0));
        assert_eq!(clock.outward(Time::NEVER), Time::NEVER);
    }

    #[test]
    fn small_steps_back_do_not_add_up() {
        let mut clock = Clock::default();
        for n in 0..1000 {
            let now = f64::from(n) * 0.001;
            clock.read(at(now));
            assert_eq!(clock.read(at(now - 0.0005)), at(now));
        }
        assert_eq!(clock.inward(at(5.0)), at(5.0));
    }
}
