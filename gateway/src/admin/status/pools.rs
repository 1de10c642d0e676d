//! One provider's accounts, keys, budgets and waiting requests.

use std::collections::HashMap;

use keyweir_policy::health::breaker::BreakerState;
use keyweir_policy::pool::outage::Outage;
use keyweir_policy::pool::view::{
    AccountView, BucketView, GroupKeyView, GroupView, KeyView, PoolView, StandingView,
};
use keyweir_policy::queue::waiting_room::WaitingLine;
use keyweir_policy::terms::ids::{KeyId, ProviderId};
use serde_json::{Value, json};

use crate::admin::group_name::group_name;
use crate::admin::moments::Moments;
use crate::admin::state::State;
use crate::admin::why;
use crate::runtime::live::Live;
use crate::runtime::parts::Parts;
use crate::runtime::provider::Provider;
use crate::runtime::words::{Whom, Words};

/// Tenants that are told one by one among those who wait; the rest is counted as one.
const LINES_MAX: usize = 100;

/// One provider.
pub(super) fn provider_status(
    live: &Live,
    moments: &Moments,
    (id, provider): (ProviderId, &Provider),
) -> Value {
    let view = provider.pool.with(|pool, now| pool.view(now));
    let parts = provider.pool.parts.load();
    let of = Of {
        moments,
        parts: &parts,
        words: &provider.pool.words,
    };
    let groups = view.groups.iter();
    let groups = groups.map(|group| of.group(live, group));
    json!({
        "id": provider.id,
        "dialect": provider.dialect.as_str(),
        "base_url": live.policy.provider(id).base_url.to_string(),
        "resolved": provider.upstream.addresses().known(),
        "reachable": !provider.is_unreachable(),
        "overloaded": view.is_overloaded,
        "requests_running": view.in_flight,
        "accounts": view.accounts.iter().map(|it| of.account(it)).collect::<Vec<_>>(),
        "keys": of.keys(&view),
        "groups": groups.collect::<Vec<_>>(),
    })
}

/// Of which provider, and when.
struct Of<'a> {
    moments: &'a Moments,
    parts: &'a Parts,
    words: &'a Words,
}

impl Of<'_> {
    fn out(&self, whom: Whom, outage: &Outage) -> Value {
        why::out((self.moments, self.words), whom, outage)
    }

    fn out_for(&self, group: &str, key: KeyId, outage: &Outage) -> Value {
        why::out_for((self.moments, self.words), group, Whom::Key(key), outage)
    }

    fn account(&self, it: &StandingView) -> Value {
        let why = match &it.outage {
            _ if it.is_held => Some(why::held("accounts")),
            Some(outage) if it.standing != BreakerState::Closed => {
                Some(self.out(Whom::Account(it.account), outage))
            }
            _ => None,
        };
        json!({
            "id": self.parts.account(it.account),
            "state": State::of_account(it).as_str(),
            "why": why,
            "same_as": it.same_as.map(|other| self.parts.account(other)),
        })
    }

    /// All keys; of each breaker that is not closed the first is told.
    fn keys(&self, view: &PoolView) -> Vec<Value> {
        let mut open: HashMap<KeyId, Value> = HashMap::new();
        for group in &view.groups {
            for key in &group.keys {
                if let Some(outage) = &key.outage {
                    let why = || self.out_for(&group_name(group), key.key, outage);
                    open.entry(key.key).or_insert_with(why);
                }
            }
        }
        let why = |key: &KeyView, open: &mut HashMap<KeyId, Value>| match &key.outage {
            _ if State::of_key(key) != State::of_key_alone(key) => self.why_of_account(key),
            _ if key.is_held => Some(why::held("keys")),
            Some(outage) if key.standing != BreakerState::Closed => {
                Some(self.out(Whom::Key(key.key), outage))
            }
            _ => open.remove(&key.key),
        };
        let told = view.keys.iter().map(|key| {
            json!({
                "id": self.parts.key(key.key),
                "account": self.parts.account(key.account),
                "state": State::of_key(key).as_str(),
                "why": why(key, &mut open),
                "requests_running": key.in_flight,
            })
        });
        told.collect()
    }

    /// Why a key does not serve that would, were it not for its account.
    fn why_of_account(&self, key: &KeyView) -> Option<Value> {
        let mut why = match &key.account_outage {
            _ if key.is_account_held => why::held("accounts"),
            Some(outage) => self.out(Whom::Account(key.account), outage),
            None => return None,
        };
        why["of_account"] = json!(true);
        Some(why)
    }

    fn group(&self, live: &Live, group: &GroupView) -> Value {
        let accounts = group.accounts.iter().map(|it| self.account_in_group(it));
        let open = group
            .keys
            .iter()
            .filter(|key| key.breaker != BreakerState::Closed);
        let name = group_name(group);
        let why = |it: &GroupKeyView| Some(self.out_for(&name, it.key, it.outage.as_ref()?));
        json!({
            "endpoint": group.endpoint.as_str(),
            "group": group.group,
            "waiting": group.waiting,
            "waiting_bytes": group.waiting_bytes,
            "waiting_by": waiting_by(live, self.moments, &group.lines),
            "accounts": accounts.collect::<Vec<_>>(),
            "resting_keys": open
                .map(|it| {
                    json!({
                        "id": self.parts.key(it.key),
                        "state": State::from(it.breaker).as_str(),
                        "why": why(it),
                    })
                })
                .collect::<Vec<_>>(),
        })
    }

    fn account_in_group(&self, account: &AccountView) -> Value {
        let cooldown = account.cooldown.as_secs_f64();
        let cooldown_told = (cooldown > 0.0).then(|| {
            json!({
                "until": self.moments.present() + cooldown,
                "from": account.cooldown_from.as_str(),
            })
        });
        json!({
            "id": self.parts.account(account.account),
            "requests_running": account.in_flight,
            "cooldown_secs": cooldown,
            "cooldown": cooldown_told,
            "buckets": account.buckets.iter().map(bucket).collect::<Vec<_>>(),
        })
    }
}

fn bucket(bucket: &BucketView) -> Value {
    json!({
        "dimension": bucket.dimension.as_str(),
        "limit_per_minute": bucket.limit_per_minute,
        "burst": bucket.burst,
        "level": bucket.level,
        "free": bucket.free,
        "pending": bucket.pending,
        "reserved": bucket.reserved,
        "spent_last_minute": bucket.spent_per_minute,
        "used_by_others_per_sec": bucket.external_per_sec,
        "utilization": bucket.utilization(),
    })
}

/// Those who wait, by class and tenant, the longest first.
fn waiting_by(live: &Live, moments: &Moments, lines: &[WaitingLine]) -> Vec<Value> {
    let mut lines: Vec<&WaitingLine> = lines.iter().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.waiting));
    let shown = lines.iter().take(LINES_MAX).map(|line| {
        let tenant = line.tenant.and_then(|tenant| live.tenant(tenant));
        json!({
            "class": line.priority.as_str(),
            "tenant": tenant.map(|tenant| tenant.id.as_str()),
            "retries": line.tenant.is_none(),
            "requests": line.waiting,
            "since": moments.epoch(line.since),
        })
    });
    shown.collect()
}
