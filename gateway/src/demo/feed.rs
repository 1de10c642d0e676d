//! What happens, one sentence each, as operators would tell it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use keyweir_policy::pool::ask::Notice;
use keyweir_policy::terms::ids::{AccountId, KeyId};

use super::rows::{AccountRow, KeyState};
use super::tally::Failure;
use crate::runtime::provider::Provider;

/// Sentences that are kept.
const KEPT: usize = 200;
/// An account's refusals come in swarms: one sentence in this time tells of all.
const REFUSALS_EVERY: Duration = Duration::from_secs(4);

/// And one in this time of what clients saw.
const FAILURES_EVERY: Duration = Duration::from_secs(2);
/// So many waiting requests are news.
const QUEUE: usize = 10;

/// What happened lately.
#[derive(Debug, Default)]
pub(super) struct Feed {
    events: VecDeque<Event>,
    /// Sentences since the start.
    pub(super) told: u64,
    /// When each account's refusals were last told of.
    refusals_told: Vec<Option<Duration>>,
    /// What clients saw and was not told of yet, and when such was last told of.
    failures: BTreeMap<Failure, u64>,
    failures_told: Option<Duration>,
    /// Since when requests wait, if that was told of.
    queue_since: Option<Duration>,
}

/// One sentence.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Since the start.
    pub(super) at: Duration,
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// What kind of news it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// The script's doing.
    Story,
    /// Something was lost.
    Bad,
    /// Something came back.
    Good,
    /// Something to know.
    Note,
    /// A visitor's own request.
    Yours,
}

impl Feed {
    /// Adds a sentence.
    pub(super) fn tell(&mut self, at: Duration, tone: Tone, text: impl Into<String>) {
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        let text = text.into();
        self.events.push_back(Event { at, tone, text });
        self.told += 1;
    }

    /// The last `count` events, oldest first.
    pub(super) fn last(&self, count: usize) -> impl Iterator<Item = &Event> {
        self.events
            .iter()
            .skip(self.events.len().saturating_sub(count))
    }

    /// Tells of what the pool wants operators to hear; `before` is how things were.
    pub(super) fn notice(
        &mut self,
        at: Duration,
        provider: &Provider,
        notice: Notice,
        before: &[AccountRow],
    ) {
        let parts = provider.pool.parts.load();
        let key = |id: KeyId| parts.key(id);
        let account = |id: AccountId| parts.account(id);
        let (tone, text) = match notice {
            Notice::KeySuspected(id) => (
                Tone::Bad,
                format!("{}: rejected with 401 → left alone for a moment", key(id)),
            ),
            Notice::AccountSuspected(id) => (
                Tone::Bad,
                format!("{}: out of money → left alone for a moment", account(id)),
            ),
            Notice::KeyOut(id) => (
                Tone::Bad,
                format!("{}: rejected with 401 → taken out, traffic moved", key(id)),
            ),
            Notice::KeyBack(id) => (
                Tone::Good,
                format!("{}: accepted by a probe → back in the pool", key(id)),
            ),
            Notice::AccountOut(id) => (
                Tone::Bad,
                format!("{}: out of money → taken out, traffic moved", account(id)),
            ),
            Notice::AccountBack(id) => (
                Tone::Good,
                format!("{}: a probe was served → back in the pool", account(id)),
            ),
            Notice::BreakerTripped(id) if was_breaker_open(before, key(id)) => (
                Tone::Bad,
                format!("{}: failed its trial → left alone for longer", key(id)),
            ),
            Notice::BreakerTripped(id) => (
                Tone::Bad,
                format!("{}: keeps failing → breaker open, traffic moved", key(id)),
            ),
            Notice::BreakerClosed(id) => (
                Tone::Good,
                format!("{}: serves again → breaker closed", key(id)),
            ),
            Notice::OverloadBegan => (
                Tone::Bad,
                "provider overloaded → requests held, a few probes sent".to_owned(),
            ),
            Notice::OverloadEnded => (
                Tone::Good,
                "provider serves again → held requests released".to_owned(),
            ),
            Notice::KeyOperated(id, action) => (
                Tone::Note,
                format!("{}: {} by an operator", key(id), action.as_str()),
            ),
            Notice::KeyRenewed(id) => (
                Tone::Note,
                format!("{}: has another secret → asked again", key(id)),
            ),
            Notice::AccountOperated(id, action) => (
                Tone::Note,
                format!("{}: {} by an operator", account(id), action.as_str()),
            ),
            Notice::SameAccount(one, other) | Notice::SameOrganization(one, other) => (
                Tone::Note,
                format!(
                    "{} and {} are one organization",
                    account(one),
                    account(other)
                ),
            ),
        };
        self.tell(at, tone, text);
    }

    /// Tells of what can be seen but is no notice: cooldowns, and keys that passed their trial.
    pub(super) fn compare(&mut self, at: Duration, before: &[AccountRow], after: &[AccountRow]) {
        self.refusals_told.resize(after.len(), None);
        for (index, (before, after)) in before.iter().zip(after).enumerate() {
            self.compare_cooldowns(at, index, before, after);
            for (before, after) in before.keys.iter().zip(&after.keys) {
                if before.state.is_breaker_open() && after.state.is_in() {
                    let text = format!("{}: passed its trial → serves again", after.name);
                    self.tell(at, Tone::Good, text);
                }
            }
        }
    }

    fn compare_cooldowns(
        &mut self,
        at: Duration,
        index: usize,
        before: &AccountRow,
        after: &AccountRow,
    ) {
        let Some(left) = cooldown(after) else {
            return;
        };
        let is_told = self.refusals_told[index].is_some_and(|told| at < told + REFUSALS_EVERY);
        if cooldown(before).is_some() || is_told {
            return;
        }
        self.refusals_told[index] = Some(at);
        let secs = left.as_secs_f64();
        let text = format!("{}: said 429 → left alone for {secs:.1} s", after.name);
        self.tell(at, Tone::Note, text);
    }

    /// Tells of a queue, and of its end. While the provider is overloaded requests wait for
    /// another reason.
    pub(super) fn queue(&mut self, at: Duration, waiting: usize, is_overloaded: bool) {
        match self.queue_since {
            None if waiting >= QUEUE && !is_overloaded => {
                self.queue_since = Some(at);
                self.tell(
                    at,
                    Tone::Note,
                    "budgets spent → requests wait for room, in turn",
                );
            }
            Some(since) if waiting == 0 => {
                self.queue_since = None;
                let secs = (at - since).as_secs_f64();
                let text = format!("nobody waits any more, after {secs:.1} s");
                self.tell(at, Tone::Good, text);
            }
            _ => {}
        }
    }

    /// Tells of failures that clients saw, in one sentence for each kind where there are many.
    pub(super) fn failures(&mut self, at: Duration, failures: Vec<Failure>) {
        for failure in failures {
            *self.failures.entry(failure).or_default() += 1;
        }
        let is_told = |told: Duration| at < told + FAILURES_EVERY;
        if self.failures.is_empty() || self.failures_told.is_some_and(is_told) {
            return;
        }
        self.failures_told = Some(at);
        for (failure, count) in std::mem::take(&mut self.failures) {
            let text = match failure {
                Failure::Status(status) => format!("{count} × a client was answered {status}"),
                Failure::Broken => format!("{count} × a client's answer broke off"),
                Failure::NoAnswer => format!("{count} × a client got no answer"),
            };
            self.tell(at, Tone::Bad, text);
        }
    }
}

fn was_breaker_open(accounts: &[AccountRow], name: &str) -> bool {
    let mut keys = accounts.iter().flat_map(|account| &account.keys);
    keys.any(|key| key.name == name && key.state.is_breaker_open())
}

fn cooldown(account: &AccountRow) -> Option<Duration> {
    account.keys.iter().find_map(|key| match key.state {
        KeyState::Cooling(left) => Some(left),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::rows::KeyRow;
    use super::*;

    fn told(feed: &Feed) -> Vec<&str> {
        feed.last(usize::MAX)
            .map(|event| event.text.as_str())
            .collect()
    }

    fn account(state: KeyState) -> Vec<AccountRow> {
        let key = KeyRow {
            name: "small-a".to_owned(),
            in_flight: 0,
            state,
        };
        vec![AccountRow {
            name: "small".to_owned(),
            keys: vec![key],
            ..AccountRow::default()
        }]
    }

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn many_failures_are_one_sentence() {
        let mut feed = Feed::default();
        feed.failures(secs(1), vec![Failure::Status(529)]);
        feed.failures(secs(2), vec![Failure::Status(529); 3]);
        feed.failures(secs(3), vec![Failure::Broken, Failure::Status(529)]);
        assert_eq!(
            told(&feed),
            [
                "1 × a client was answered 529",
                "4 × a client was answered 529",
                "1 × a client's answer broke off",
            ]
        );
    }

    #[test]
    fn a_swarm_of_refusals_is_one_sentence() {
        let mut feed = Feed::default();
        let (serving, cooling) = (
            account(KeyState::Serving),
            account(KeyState::Cooling(secs(1))),
        );
        feed.compare(secs(1), &serving, &cooling);
        feed.compare(secs(2), &cooling, &serving);
        feed.compare(secs(3), &serving, &cooling);
        feed.compare(secs(9), &serving, &cooling);
        assert_eq!(told(&feed), ["small: said 429 → left alone for 1.0 s"; 2]);
    }

    #[test]
    fn key_that_rested_and_serves_is_told_of() {
        let mut feed = Feed::default();
        let failing = account(KeyState::BreakerOpen(None));
        feed.compare(secs(1), &failing, &account(KeyState::Rejected(None)));
        feed.compare(secs(2), &failing, &account(KeyState::Serving));
        assert_eq!(told(&feed), ["small-a: passed its trial → serves again"]);
    }

    #[test]
    fn queue_is_told_of_when_it_forms_and_when_it_is_gone() {
        let mut feed = Feed::default();
        for (at, waiting) in [(1, 2), (2, QUEUE), (3, 50), (4, 1), (5, 0), (6, 0)] {
            feed.queue(secs(at), waiting, false);
        }
        feed.queue(secs(7), 100, true);
        assert_eq!(
            told(&feed),
            [
                "budgets spent → requests wait for room, in turn",
                "nobody waits any more, after 3.0 s",
            ]
        );
    }
}
