//! The accounts and keys that are shown: what each has left, and whether it serves.

use std::time::Duration;

use keyweir_policy::health::breaker::BreakerState;
use keyweir_policy::pool::view::{AccountView, GroupView, KeyView, PoolView};
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::ids::AccountId;

use crate::runtime::provider::Provider;

/// The dimensions that are shown, in the order of their columns.
pub(super) const SHOWN: [Dimension; 3] = [
    Dimension::Requests,
    Dimension::InputTokens,
    Dimension::OutputTokens,
];

/// An account.
#[derive(Clone, Debug, Default)]
pub(super) struct AccountRow {
    pub(super) name: String,
    /// By [`SHOWN`]; `None`: not known yet.
    pub(super) fills: [Option<Fill>; 3],
    pub(super) keys: Vec<KeyRow>,
}

/// How full a bucket is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fill {
    /// The share that is free.
    pub(super) free: f64,
    /// The share that running requests are still going to use.
    pub(super) held: f64,
}

/// A key.
#[derive(Clone, Debug)]
pub(super) struct KeyRow {
    pub(super) name: String,
    /// Its requests under way.
    pub(super) in_flight: u32,
    pub(super) state: KeyState,
}

/// Whether a key serves, and what keeps it from it. Where there is no time, its trial is due or
/// under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyState {
    /// Nothing is known of it yet.
    New,
    /// It serves.
    Serving,
    /// Its account was refused, and is left alone for so long.
    Cooling(Duration),
    /// It kept failing.
    BreakerOpen(Option<Duration>),
    /// The provider rejects it.
    Rejected(Option<Duration>),
    /// Its account has no money.
    NoMoney(Option<Duration>),
}

impl KeyState {
    /// Whether its breaker keeps it from serving.
    pub(super) const fn is_breaker_open(self) -> bool {
        matches!(self, Self::BreakerOpen(_))
    }

    /// Whether it can serve as soon as there is budget.
    pub(super) const fn is_in(self) -> bool {
        matches!(self, Self::New | Self::Serving | Self::Cooling(_))
    }
}

/// The rows for what `provider`'s pool knows.
pub(super) fn rows(provider: &Provider, view: &PoolView) -> Vec<AccountRow> {
    // All models share one group, so the first group of inference is the only one.
    let group = view.groups.iter().find(|group| is_inference(group));
    let parts = provider.pool.parts.load();
    let mut rows: Vec<AccountRow> = parts
        .accounts()
        .map(|(account, name)| AccountRow {
            name: name.to_owned(),
            fills: group
                .and_then(|group| account_in(group, account))
                .map_or([None; 3], fills),
            keys: Vec::new(),
        })
        .collect();
    for key in &view.keys {
        rows[key.account.index()].keys.push(KeyRow {
            name: parts.key(key.key).to_owned(),
            in_flight: key.in_flight,
            state: state(view, group, key),
        });
    }
    rows
}

/// Whether requests for a model's answer go by this group.
fn is_inference(group: &GroupView) -> bool {
    group.endpoint == Endpoint::Inference && !group.group.is_empty()
}

fn fills(account: &AccountView) -> [Option<Fill>; 3] {
    SHOWN.map(|dimension| {
        let bucket = account
            .buckets
            .iter()
            .find(|bucket| bucket.dimension == dimension)?;
        if bucket.burst <= 0.0 {
            return Some(Fill {
                free: 0.0,
                held: 0.0,
            });
        }
        let level = (bucket.level / bucket.burst).clamp(0.0, 1.0);
        let held = (bucket.pending / bucket.burst).clamp(0.0, level);
        Some(Fill {
            free: level - held,
            held,
        })
    })
}

fn account_in(group: &GroupView, account: AccountId) -> Option<&AccountView> {
    group.accounts.iter().find(|it| it.account == account)
}

fn state(view: &PoolView, group: Option<&GroupView>, key: &KeyView) -> KeyState {
    let in_group = group.and_then(|group| {
        let in_group = group.keys.iter().find(|it| it.key == key.key)?;
        Some((in_group, account_in(group, key.account)?))
    });
    let Some((in_group, of_account)) = in_group else {
        return KeyState::New;
    };
    let mut accounts = view.accounts.iter();
    let account = accounts.find(|it| it.account == key.account);
    let is_out = account.is_some_and(|it| it.standing != BreakerState::Closed);
    let opens_in = Some(in_group.opens_in).filter(|it| !it.is_zero());
    if key.standing != BreakerState::Closed {
        KeyState::Rejected(opens_in)
    } else if is_out {
        KeyState::NoMoney(opens_in)
    } else if in_group.breaker != BreakerState::Closed {
        KeyState::BreakerOpen(opens_in)
    } else if !of_account.cooldown.is_zero() {
        KeyState::Cooling(of_account.cooldown)
    } else if of_account.buckets.is_empty() {
        KeyState::New
    } else {
        KeyState::Serving
    }
}

impl AccountRow {
    /// The scarcest dimension's share of what is not used up, in percent; `None` where nothing is
    /// known or no key serves.
    pub(super) fn percent_left(&self) -> Option<u32> {
        let is_in = self.keys.iter().any(|key| key.state.is_in());
        let scarcest = self
            .fills
            .iter()
            .flatten()
            .map(|fill| fill.free + fill.held)
            .min_by(f64::total_cmp)
            .filter(|_| is_in)?;
        Some((scarcest * 100.0).round() as u32)
    }
}
