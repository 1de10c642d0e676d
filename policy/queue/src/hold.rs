//! How long a request that failed is held back before it is sent again.
//!
//! A short while in any case. Longer where nobody is served: attempts that wait for a provider to
//! come back are few, and must not be over before it is back. But as soon as somebody is served
//! there is nothing to wait for.

use keyweir_terms::time::Time;

/// When a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Not before this.
    pub not_before: Time,
    /// Nor before this, unless somebody has been served since `since`.
    pub until: Time,
    /// When it failed.
    pub since: Time,
}

/// What those who wait are looked at with.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The time.
    pub now: Time,
    /// When somebody was served last.
    pub served_at: Time,
    /// Whether those that broke down come after all others: while nobody knows whether the provider
    /// serves at all, another request tells more than one that may be what is wrong.
    pub broken_last: bool,
}

impl Default for Hold {
    fn default() -> Self {
        Self::NONE
    }
}

impl Hold {
    /// It may be sent now.
    pub const NONE: Self = Self {
        not_before: Time::ZERO,
        until: Time::ZERO,
        since: Time::ZERO,
    };

    /// Whether it may be sent.
    pub fn allows(&self, look: &Look) -> bool {
        self.ends_at(look.served_at) <= look.now
    }

    /// When it may be sent, if nobody is served before.
    pub fn ends_at(&self, served_at: Time) -> Time {
        if served_at > self.since {
            self.not_before
        } else {
            self.not_before.max(self.until)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_ends_by_time_or_when_somebody_is_served() {
        let at = |secs| Time::ZERO.after_secs(secs);
        let hold = Hold {
            not_before: at(2.0),
            until: at(10.0),
            since: at(1.0),
        };
        for (now, served_at, allowed) in [
            (1.5, 0.0, false),
            (1.5, 1.4, false),
            (3.0, 1.0, false),
            (3.0, 1.1, true),
            (9.9, 0.0, false),
            (10.0, 0.0, true),
        ] {
            let look = Look {
                now: at(now),
                served_at: at(served_at),
                broken_last: false,
            };
            assert_eq!(hold.allows(&look), allowed, "{now} {served_at}");
        }
    }
}
