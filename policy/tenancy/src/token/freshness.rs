//! Whether an issuer's keys may still be believed, and when they are asked for again.
//!
//! An answer is believed, also one without keys: that is how an issuer takes its last one out. Where
//! there is no answer the keys that are known count on for a while, so that an issuer that is down keeps
//! nobody out at once, and then no more, so that what cannot be checked is not believed for ever.
//!
//! Anybody can name a key that is not known. So the issuer is asked for it from time to time only, and
//! until it was asked since that key was first named nobody knows whether it is one: such a token is put
//! off until then, not refused. The keys that were named are remembered, a bounded number of them; one that is
//! pushed out is put off once more.

use std::collections::VecDeque;
use std::time::Duration;

use keyweir_terms::time::Time;

/// How often a key that is not known has the issuer asked, at most.
pub const ASKED_EVERY: Duration = Duration::from_secs(30);
/// How soon it is asked again where there was no answer that could be used: tokens that it has signed with a
/// new key wait for that.
const RETRIED_AFTER: Duration = Duration::from_secs(10);
/// An answer takes this long, about.
const MOMENT: Duration = Duration::from_secs(1);
/// Keys that are not known and are remembered.
const NAMED_MAX: usize = 256;
/// The longest name of a key that is remembered, in bytes: issuers use hashes and dates.
const NAME_BYTES_MAX: usize = 256;

/// In how long an issuer is asked that was asked now: it `answered`, and answers are taken for `refresh`, or
/// it did not.
pub const fn asked_again(answered: bool, refresh: Duration) -> Duration {
    if answered { refresh } else { RETRIED_AFTER }
}

/// How fresh an issuer's keys are.
#[derive(Clone, Debug)]
pub struct Freshness {
    kept: Duration,
    /// When the keys that are known were asked for.
    known: Option<Time>,
    /// Since when there was no answer.
    failing: Option<Time>,
    /// When they were last asked for because of a key that is not known.
    asked: Option<Time>,
    is_asking: bool,
    /// When they are asked for next, and whether somebody's key is waited for then.
    next: Option<Time>,
    is_wanted: bool,
    /// Keys that are not known, and when they were first named.
    named: VecDeque<(String, Time)>,
}

/// What is known of a key that the issuer's are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The issuer does not publish it.
    NotPublished,
    /// It may do so by now, which shows after this long at the earliest.
    Later(Duration),
}

impl Freshness {
    /// Nothing is known yet. What is known counts for `kept` after the first answer that fails to come.
    pub const fn new(kept: Duration) -> Self {
        Self {
            kept,
            known: None,
            failing: None,
            asked: None,
            is_asking: false,
            next: None,
            is_wanted: false,
            named: VecDeque::new(),
        }
    }

    /// There is an answer to what was asked at `began`; the keys called `gone` were known before, and are
    /// none any more. The issuer is asked again at `next`, if at all.
    pub fn answered<'k>(
        &mut self,
        began: Time,
        gone: impl IntoIterator<Item = &'k str>,
        next: Option<Time>,
    ) {
        (self.known, self.failing) = (Some(began), None);
        (self.is_asking, self.next) = (false, next);
        for name in gone {
            self.remember(name, began);
        }
    }

    /// There is none, as of `now`.
    pub fn failed(&mut self, now: Time, next: Option<Time>) {
        self.failing = self.failing.or(Some(now));
        (self.is_asking, self.next) = (false, next);
    }

    /// Whether what is known still counts.
    pub fn is_usable(&self, now: Time) -> bool {
        let is_over = |since: Time| now.since(since) >= self.kept;
        self.known.is_some() && !self.failing.is_some_and(is_over)
    }

    /// How long it is until the issuer is to be asked, if it is at all.
    pub fn due(&self, now: Time) -> Option<Duration> {
        self.next.map(|next| next.since(now))
    }

    /// It is to be asked at once.
    pub const fn hurry(&mut self, now: Time) {
        self.next = Some(now);
    }

    /// It is being asked, as of `now`.
    pub const fn begins(&mut self, now: Time) {
        self.is_asking = true;
        if self.is_wanted {
            self.asked = Some(now);
        }
        self.is_wanted = false;
    }

    /// When there may be an answer.
    pub fn wait(&self, now: Time) -> Duration {
        let due = self.due(now).filter(|_| !self.is_asking);
        due.unwrap_or_default() + MOMENT
    }

    /// What is known of the key `name`, which the issuer's keys are not at `now`; and whether the issuer
    /// is to be asked earlier than it was.
    pub fn unknown(&mut self, name: &str, now: Time) -> (Unknown, bool) {
        let first = self.remember(name, now);
        let may_be_one = self.known.is_none_or(|known| known < first);
        let allowed = self
            .asked
            .map_or(now, |asked| (asked + ASKED_EVERY).max(now));
        // What is not published may be one day, and is looked for where that may be done now.
        let is_wanted = !self.is_asking && (may_be_one || allowed == now);
        let is_earlier = is_wanted && self.next.is_none_or(|next| allowed < next);
        if is_wanted {
            self.is_wanted = true;
        }
        if is_earlier {
            self.next = Some(allowed);
        }
        match may_be_one {
            true => (Unknown::Later(self.wait(now)), is_earlier),
            false => (Unknown::NotPublished, is_earlier),
        }
    }

    /// When `name` was first named, as far as that is remembered.
    fn remember(&mut self, name: &str, now: Time) -> Time {
        if name.len() > NAME_BYTES_MAX {
            return Time::ZERO;
        }
        if let Some((_, first)) = self.named.iter().find(|(known, _)| known == name) {
            return *first;
        }
        if self.named.len() >= NAMED_MAX {
            self.named.pop_front();
        }
        self.named.push_back((name.to_owned(), now));
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::from_micros(secs * 1_000_000)
    }

    fn later(secs: u64) -> Unknown {
        Unknown::Later(Duration::from_secs(secs))
    }

    fn known() -> Freshness {
        let mut freshness = Freshness::new(Duration::from_secs(3_600));
        freshness.answered(at(0), [], Some(at(300)));
        freshness
    }

    #[test]
    fn who_does_not_answer_is_asked_again_soon() {
        let refresh = Duration::from_secs(3_600);
        assert_eq!(asked_again(true, refresh), refresh);
        assert_eq!(asked_again(false, refresh), RETRIED_AFTER);
    }

    #[test]
    fn keys_count_for_a_while_without_an_answer_and_again_with_one() {
        let mut freshness = Freshness::new(Duration::from_secs(3_600));
        assert!(!freshness.is_usable(at(0)));
        freshness.failed(at(1), Some(at(11)));
        assert!(!freshness.is_usable(at(1)), "nothing is known yet");
        assert_eq!(freshness.wait(at(3)), Duration::from_secs(9));
        freshness.answered(at(11), [], Some(at(311)));
        assert!(freshness.is_usable(at(100_000)), "nothing has failed");
        freshness.failed(at(100_000), None);
        freshness.failed(at(103_000), None);
        assert!(freshness.is_usable(at(103_599)));
        assert!(
            !freshness.is_usable(at(103_600)),
            "since the first that failed"
        );
        freshness.answered(at(103_601), [], None);
        assert!(freshness.is_usable(at(103_601)));
    }

    #[test]
    fn a_key_is_none_only_once_its_issuer_was_asked_since_it_was_named() {
        let mut freshness = known();
        assert_eq!(freshness.unknown("strange", at(10)), (later(1), true));
        assert_eq!(freshness.unknown("strange", at(10)), (later(1), false));
        assert_eq!(freshness.due(at(10)), Some(Duration::ZERO));
        freshness.begins(at(10));
        assert_eq!(freshness.unknown("strange", at(11)), (later(1), false));
        freshness.answered(at(10), [], Some(at(310)));
        assert_eq!(
            freshness.unknown("strange", at(11)).0,
            Unknown::NotPublished
        );
        // One that is named now may be a new one, which a stranger must not hide. It is asked for as soon
        // as may be.
        assert_eq!(freshness.unknown("new", at(12)), (later(29), true));
        assert_eq!(freshness.unknown("other", at(13)), (later(28), false));
        assert_eq!(freshness.due(at(13)), Some(Duration::from_secs(27)));
        freshness.begins(at(40));
        freshness.failed(at(41), Some(at(51)));
        assert_eq!(freshness.unknown("new", at(42)), (later(10), false));
        freshness.begins(at(51));
        freshness.answered(at(51), [], Some(at(351)));
        assert_eq!(freshness.unknown("new", at(52)).0, Unknown::NotPublished);
    }

    #[test]
    fn a_key_that_is_not_published_has_its_issuer_asked_now_and_then() {
        let mut freshness = known();
        freshness.answered(at(100), ["old"], Some(at(400)));
        let mut asked = 0;
        for secs in 101..400 {
            let (found, _) = freshness.unknown("old", at(secs));
            assert_eq!(found, Unknown::NotPublished);
            if freshness.due(at(secs)) == Some(Duration::ZERO) {
                asked += 1;
                freshness.begins(at(secs));
                freshness.answered(at(secs), [], Some(at(secs + 300)));
            }
        }
        assert_eq!(asked, 10);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut freshness = known();
        for number in 0..10 * NAMED_MAX {
            freshness.unknown(&number.to_string(), at(10));
        }
        assert_eq!(freshness.named.len(), NAMED_MAX);
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        assert_eq!(freshness.unknown(&long, at(10)).0, Unknown::NotPublished);
    }
}
