//! The gateway's clock: turns [`Instant`]s into the policy core's [`Time`] and back.

use std::time::{Duration, Instant};

use keyweir_policy::terms::time::Time;

/// Counts from the moment it was made. Monotonic: a wall clock that jumps does not touch it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
}

impl Clock {
    /// A clock whose zero is now.
    pub fn start() -> Self {
        Self {
            zero: Instant::now(),
        }
    }

    /// The present.
    pub fn now(&self) -> Time {
        self.time(Instant::now())
    }

    /// `instant` as the policy core counts; instants before the clock's zero count as zero.
    pub fn time(&self, instant: Instant) -> Time {
        let micros = instant.saturating_duration_since(self.zero).as_micros();
        Time::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The instant of `time`; `None` for [`Time::NEVER`] and for what no clock will show.
    pub fn instant(&self, time: Time) -> Option<Instant> {
        (time != Time::NEVER)
            .then(|| {
                self.zero
                    .checked_add(Duration::from_micros(time.as_micros()))
            })
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_instants_are_two_names_of_one_moment() {
        let clock = Clock::start();
        let later = clock.zero + Duration::from_millis(1500);

        let time = clock.time(later);

        assert_eq!(time, Time::from_micros(1_500_000));
        assert_eq!(clock.instant(time), Some(later));
        assert_eq!(clock.instant(Time::NEVER), None);
    }
}
