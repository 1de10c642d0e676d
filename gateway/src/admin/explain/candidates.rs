//! How the candidates for a request are told: each account and its keys, why it is in or out, and until when.

use std::collections::BTreeMap;

use keyweir_policy::pool::explain::{AccountExplanation, AccountOut, Explanation, Held, KeyOut};
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::time::Time;
use serde_json::{Value, json};

use super::super::moments::Moments;
use crate::runtime::parts::Parts;

/// Accounts that are told one by one, the one that would be chosen first, then those that are in; the
/// rest is counted by reason.
const ACCOUNTS_MAX: usize = 50;
/// Keys of one account that are told one by one.
const KEYS_MAX: usize = 20;

pub(super) fn held_back(moments: &Moments, held: Held) -> Value {
    match held {
        Held::Overloaded { until } => json!({
            "reason": "overloaded",
            "until": moments.epoch(until),
        }),
        Held::BehindOthers { waiting } => json!({
            "reason": "behind_others",
            "waiting": waiting,
        }),
    }
}

/// An object with a field for each dimension of which there is something to say.
pub(super) fn by_dimension(value: impl Fn(Dimension) -> Option<Value>) -> Value {
    let said = Dimension::ALL.into_iter().filter_map(|dimension| {
        let value = value(dimension)?;
        Some((dimension.as_str().to_owned(), value))
    });
    Value::Object(said.collect())
}

/// How many accounts are in, and how many out for which reason.
pub(super) fn by_reason(explained: &Explanation) -> Value {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for account in &explained.accounts {
        let reason = account.out.map_or("in", |out| out.as_str());
        *counts.entry(reason).or_default() += 1;
    }
    json!(counts)
}

pub(super) fn accounts(moments: &Moments, parts: &Parts, explained: &Explanation) -> Vec<Value> {
    let chosen = explained.chosen.map(|(account, _)| account);
    let mut accounts: Vec<&AccountExplanation> = explained.accounts.iter().collect();
    accounts.sort_by_key(|it| (Some(it.account) != chosen, it.out.is_some()));
    let shown = accounts.into_iter().take(ACCOUNTS_MAX);
    shown.map(|it| account(moments, parts, it)).collect()
}

fn account(moments: &Moments, parts: &Parts, it: &AccountExplanation) -> Value {
    let headroom = by_dimension(|dimension| {
        let headroom = it.headroom[dimension.index()]?;
        Some(json!({
            "sure": headroom.sure,
            "free": headroom.free,
            "possible": headroom.possible,
            "needed": headroom.needed,
        }))
    });
    let until = it.out.and_then(AccountOut::until);
    let keys = it.keys.iter().take(KEYS_MAX).map(|key| {
        json!({
            "id": parts.key(key.key),
            "out": key.out.map(|out| json!({
                "reason": out.as_str(),
                "until": until_of(out).map(|until| moments.epoch(until)),
            })),
        })
    });
    json!({
        "id": parts.account(it.account),
        "out": it.out.map(|out| json!({
            "reason": out.as_str(),
            "until": until.map(|until| moments.epoch(until)),
        })),
        "headroom": headroom,
        "keys": keys.collect::<Vec<_>>(),
        "keys_in_all": it.keys.len(),
    })
}

const fn until_of(out: KeyOut) -> Option<Time> {
    match out {
        KeyOut::Rejected { until } | KeyOut::BreakerOpen { until } => until,
        KeyOut::Held | KeyOut::ModelDenied => None,
    }
}
