//! Whether a request that may have been served already is sent once more, to whomever.
//!
//! A connection that dies after the request was sent and before an answer is *ambiguous*: the
//! provider may have done the work. Asking a model again costs tokens and changes nothing, so that
//! is sent again like after any breakdown, unless the operator forbids it. What makes something is
//! sent again once at most. This holds for the request as a whole: a batch that another provider or
//! account makes is made twice, too.
//!
//! A connection that had been idle, and turns out to be closed before the provider can have read the
//! request, is no failure of anybody: the request goes out on another one, within the same attempt.

use std::time::Duration;

use keyweir_terms::fault::Fault;

/// How often a request that makes something may meet an ambiguous failure and be sent again. No measure but
/// a choice: none would lose a batch to one dropped connection, two may make three of it.
const REPEATS_OF_CREATES: u32 = 1;

/// Idle connections that may turn out to be closed before a new one is made. Stale connections come
/// in numbers: a provider that restarts closes all of them.
const STALE_MAX: u32 = 2;

/// An idle connection that turns out to be closed does so at once; what breaks later than this broke while
/// the provider was at work. Not measured: a round trip, with room to spare.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// Whether a connection was stale that had been idle, and broke so long after a request was sent on it.
pub fn was_stale(after: Duration) -> bool {
    after < STALE_WITHIN
}

/// The stale connections that one attempt has met.
#[derive(Clone, Copy, Debug, Default)]
pub struct StaleConnections {
    met: u32,
}

impl StaleConnections {
    /// The next connection must not be one that has been idle.
    pub const fn wants_new(self) -> bool {
        self.met >= STALE_MAX
    }

    /// Notes that a connection was stale, and says whether the attempt goes on with another one.
    pub const fn may_follow(&mut self) -> bool {
        let may = self.met < STALE_MAX;
        self.met += may as u32;
        may
    }
}

/// What a request's ambiguous failures add up to, over all choices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeats {
    /// It makes something at the provider that would be there twice.
    creates: bool,
    /// Attempts that may have done the work.
    ambiguous: u32,
}

impl Repeats {
    /// No failure yet. `creates`: the request makes something at the provider (a batch, a file).
    pub(crate) const fn none(creates: bool) -> Self {
        Self {
            creates,
            ambiguous: 0,
        }
    }

    /// Notes that an attempt met `fault`, and says whether the request may be sent once more.
    /// `ambiguous`: whether the operator lets it be after an ambiguous failure.
    pub(crate) fn may_follow(&mut self, fault: &Fault, ambiguous: bool) -> bool {
        if !fault.is_ambiguous() {
            return true;
        }
        self.ambiguous = self.ambiguous.saturating_add(1);
        ambiguous && !(self.creates && self.ambiguous > REPEATS_OF_CREATES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_something_is_sent_again_once_at_most() {
        for fault in [Fault::ConnectionLost, Fault::TimedOut] {
            let mut repeats = Repeats::none(true);
            assert!(repeats.may_follow(&fault, true));
            assert!(repeats.may_follow(&Fault::RateLimited { wait: None }, true));
            assert!(!repeats.may_follow(&fault, true));
        }
    }

    #[test]
    fn what_breaks_late_broke_while_the_provider_was_at_work() {
        assert!(was_stale(Duration::from_millis(200)));
        assert!(!was_stale(Duration::from_secs(3)));
    }

    #[test]
    fn behind_stale_connections_comes_a_new_one_and_behind_that_none() {
        let mut stale = StaleConnections::default();
        for _ in 0..STALE_MAX {
            assert!(!stale.wants_new());
            assert!(stale.may_follow());
        }
        assert!(stale.wants_new());
        assert!(!stale.may_follow());
    }

    #[test]
    fn what_makes_nothing_may_be_repeated_where_the_operator_lets_it() {
        let mut repeats = Repeats::none(false);
        for _ in 0..10 {
            assert!(repeats.may_follow(&Fault::TimedOut, true));
        }
        assert!(!repeats.may_follow(&Fault::TimedOut, false));
        assert!(repeats.may_follow(&Fault::ConnectFailed, false));
    }
}
