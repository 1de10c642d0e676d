//! How many requests an account gets of which nothing is known.
//!
//! Its headers will say what it can take, and a crowd would find out the hard way. But answers take
//! seconds to begin, while a provider that refuses does so at once: who has not been refused for a
//! moment has been admitted. So a few are sent, and after each moment without a refusal twice as many more
//! as were admitted so far; in a second an account takes hundreds, and one that holds five is found out
//! with as many refusals as the first moment brings.

use keyweir_terms::time::Time;

/// Requests in the first moment.
const FIRST: u32 = 4;
/// What each request that was admitted adds to the next moment.
const GROWTH: u32 = 2;
/// The moment in which a refusal comes: a round trip around the world and what the provider needs to look
/// into its books.
const MOMENT_SECS: f64 = 0.25;

/// What was sent to an account of which nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cold {
    /// Requests that were answered, or not refused in their moment.
    admitted: u32,
    /// When the moment began; `None`: nothing was sent yet.
    since: Option<Time>,
    /// Requests sent in it, and those of them that were refused.
    sent: u32,
    refused: u32,
}

impl Cold {
    /// One was sent.
    pub(super) fn send(&mut self, now: Time) {
        if self.moment_ends().is_none_or(|ends| now >= ends) {
            let silent = self.sent.saturating_sub(self.refused);
            self.admitted = self.admitted.saturating_add(silent);
            (self.since, self.sent, self.refused) = (Some(now), 0, 0);
        }
        self.sent = self.sent.saturating_add(1);
    }

    /// One was answered.
    pub(super) const fn admitted(&mut self) {
        self.admitted = self.admitted.saturating_add(1);
    }

    /// One was refused.
    pub(super) const fn refused(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// Until when it gets no more, if it has got enough; `in_flight` are under way, sent whenever.
    pub(super) fn busy_until(&self, now: Time, in_flight: u32) -> Option<Time> {
        let ends = self.moment_ends().filter(|ends| now < *ends)?;
        let allowed = FIRST.saturating_add(self.admitted.saturating_mul(GROWTH));
        (self.sent.min(in_flight) >= allowed).then_some(ends)
    }

    fn moment_ends(&self) -> Option<Time> {
        self.since.map(|since| since.after_secs(MOMENT_SECS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Time {
        Time::ZERO.after_secs(secs)
    }

    /// Sends as many as it gets at `secs` while `before` are under way.
    fn crowd(cold: &mut Cold, secs: f64, before: u32) -> u32 {
        let mut sent = 0;
        while cold.busy_until(at(secs), before + sent).is_none() && sent < 10_000 {
            cold.send(at(secs));
            sent += 1;
        }
        sent
    }

    #[test]
    fn without_an_answer_each_moment_that_nothing_is_refused_in_brings_more() {
        let mut cold = Cold::default();
        let mut in_flight = 0;
        for (moment, expected) in [4, 12, 36, 108, 324].into_iter().enumerate() {
            let sent = crowd(&mut cold, 0.25 * moment as f64, in_flight);
            assert_eq!(sent, expected);
            in_flight += sent;
        }
        assert_eq!(cold.busy_until(at(1.1), in_flight), Some(at(1.25)));
        assert_eq!(cold.busy_until(at(1.1), 0), None);
    }

    #[test]
    fn who_refuses_gets_no_crowd() {
        let mut cold = Cold::default();
        for moment in 0..20 {
            let secs = 0.25 * f64::from(moment);
            let sent = crowd(&mut cold, secs, 0);
            assert_eq!(sent, 4, "at {secs} s");
            (0..sent).for_each(|_| cold.refused());
        }
    }

    #[test]
    fn an_answer_is_worth_more_at_once() {
        let mut cold = Cold::default();
        assert_eq!(crowd(&mut cold, 0.0, 0), 4);
        (0..3).for_each(|_| cold.admitted());
        assert_eq!(crowd(&mut cold, 0.1, 4), 6);
    }
}
