//! How the candidates for a request are told: each account and its keys, why it is in or out, and until when.

use std::collections::BTreeMap;

use keyweir_policy::pool::ask::Notice;
use keyweir_policy::pool::explain::{
    AccountExplanation, AccountOut, Explanation, Held, KeyExplanation, KeyOut,
};
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::time::Time;
use serde_json::{Value, json};

use super::super::moments::Moments;
use super::super::why;
use crate::runtime::parts::Parts;
use crate::runtime::pool::SharedPool;
use crate::runtime::words::Whom;

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

/// Of which provider, and when.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) moments: &'a Moments,
    pub(super) parts: &'a Parts,
    pub(super) pool: &'a SharedPool,
}

impl Of<'_> {
    pub(super) fn accounts(self, explained: &Explanation) -> Vec<Value> {
        let chosen = explained.chosen.map(|(account, _)| account);
        let mut accounts: Vec<&AccountExplanation> = explained.accounts.iter().collect();
        accounts.sort_by_key(|it| (Some(it.account) != chosen, it.out.is_some()));
        let shown = accounts.into_iter().take(ACCOUNTS_MAX);
        shown.map(|it| self.account(it)).collect()
    }

    fn account(self, it: &AccountExplanation) -> Value {
        let headroom = by_dimension(|dimension| {
            let headroom = it.headroom[dimension.index()]?;
            Some(json!({
                "sure": headroom.sure,
                "free": headroom.free,
                "possible": headroom.possible,
                "needed": headroom.needed,
            }))
        });
        let why = |out: AccountOut| match out {
            AccountOut::AccountOut { .. } => {
                self.why(Notice::AccountOut(it.account), Whom::Account(it.account))
            }
            _ => None,
        };
        let keys = it.keys.iter().take(KEYS_MAX).map(|it| self.key(*it));
        json!({
            "id": self.parts.account(it.account),
            "out": it.out.map(|out| self.out(out.as_str(), out.until(), why(out).as_ref())),
            "headroom": headroom,
            "keys": keys.collect::<Vec<_>>(),
            "keys_in_all": it.keys.len(),
        })
    }

    fn key(self, KeyExplanation { key, out }: KeyExplanation) -> Value {
        let why = |out: KeyOut| match out {
            KeyOut::Rejected { .. } => self.why(Notice::KeyOut(key), Whom::Key(key)),
            KeyOut::BreakerOpen { .. } => self.why(Notice::BreakerTripped(key), Whom::Key(key)),
            KeyOut::Held | KeyOut::ModelDenied => None,
        };
        json!({
            "id": self.parts.key(key),
            "out": out.map(|out| self.out(out.as_str(), until_of(out), why(out).as_ref())),
        })
    }

    fn out(self, reason: &str, until: Option<Time>, why: Option<&Value>) -> Value {
        json!({
            "reason": reason,
            "until": until.map(|until| self.moments.epoch(until)),
            "why": why,
        })
    }

    /// What speaks against it, as `/status` tells it.
    fn why(self, notice: Notice, whom: Whom) -> Option<Value> {
        let outage = self.pool.with(|pool, now| pool.outage(now, notice))?;
        Some(why::out((self.moments, &self.pool.words), whom, &outage))
    }
}

const fn until_of(out: KeyOut) -> Option<Time> {
    match out {
        KeyOut::Rejected { until } | KeyOut::BreakerOpen { until } => until,
        KeyOut::Held | KeyOut::ModelDenied => None,
    }
}
