//! Whether a request that may have been served already is sent once more, to whomever.
//!
//! A connection that dies after the request was sent and before an answer is *ambiguous*: the
//! provider may have done the work. Asking a model again costs tokens and changes nothing, so that
//! is sent again like after any breakdown, unless the operator forbids it. What makes something is
//! sent again once at most. This holds for the request as a whole: a batch that another provider or
//! account makes is made twice, too.

use keyweir_terms::fault::Fault;

/// How often a request that makes something may meet an ambiguous failure and be sent again. No measure but
/// a choice: none would lose a batch to one dropped connection, two may make three of it.
const REPEATS_OF_CREATES: u32 = 1;

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
    fn what_makes_nothing_may_be_repeated_where_the_operator_lets_it() {
        let mut repeats = Repeats::none(false);
        for _ in 0..10 {
            assert!(repeats.may_follow(&Fault::TimedOut, true));
        }
        assert!(!repeats.may_follow(&Fault::TimedOut, false));
        assert!(repeats.may_follow(&Fault::ConnectFailed, false));
    }
}
