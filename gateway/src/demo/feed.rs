//! What happens, one sentence each, as operators would tell it.

use std::collections::VecDeque;
use std::time::Duration;

use keyweir_policy::ids::{AccountId, KeyId};
use keyweir_policy::pool::Notice;

use super::scene::{AccountRow, KeyState};
use super::tally::Failure;
use crate::provider::Provider;

/// Sentences that are kept.
const KEPT: usize = 200;
/// An account's refusals come in swarms: one sentence in this time tells of all.
const REFUSALS_EVERY: Duration = Duration::from_secs(4);

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

    /// Tells of what the pool wants operators to hear.
    pub(super) fn notice(&mut self, at: Duration, provider: &Provider, notice: Notice) {
        let key = |id: KeyId| provider.key(id).label.as_str();
        let account = |id: AccountId| provider.accounts[id.index()].as_str();
        let (tone, text) = match notice {
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
            Notice::BreakerTripped(id) => (
                Tone::Bad,
                format!("{}: keeps failing → rests, traffic moved", key(id)),
            ),
            Notice::StormBegan => (
                Tone::Bad,
                "provider overloaded → requests held, a few probes sent".to_owned(),
            ),
            Notice::StormEnded => (
                Tone::Good,
                "provider serves again → held requests released".to_owned(),
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
                if before.state.is_resting() && after.state.is_in() {
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

    /// Tells of a queue, and of its end. In a storm requests wait for another reason.
    pub(super) fn queue(&mut self, at: Duration, waiting: usize, is_storm: bool) {
        match self.queue_since {
            None if waiting >= QUEUE && !is_storm => {
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

    /// Tells of a failure that a client saw.
    pub(super) fn failure(&mut self, at: Duration, failure: Failure) {
        let text = match failure {
            Failure::Status(status) => format!("a client was answered {status}"),
            Failure::Broken => "a client's answer broke off".to_owned(),
            Failure::NoAnswer => "a client got no answer".to_owned(),
        };
        self.tell(at, Tone::Bad, text);
    }
}

fn cooldown(account: &AccountRow) -> Option<Duration> {
    account.keys.iter().find_map(|key| match key.state {
        KeyState::Cooling(left) => Some(left),
        _ => None,
    })
}
