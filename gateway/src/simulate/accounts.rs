//! The accounts of a part, and what is to be known of their limits.
//!
//! An account whose limits are not declared would be one without limits in the world, and would
//! make everything look easy. It is left out of the world and of the pool, and said to be.

use keyweir_policy::config::file::Policy;
use keyweir_policy::config::pool_spec::pool_spec;
use keyweir_policy::pool::spec::{AccountSpec, LimitSpec};
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::{KeyId, ProviderId};
use keyweir_simulator::AccountWorld;

use super::part::{Part, list};
use crate::command::dimension::in_words;

/// Seconds of refill that a bucket holds where the policy does not say: what the gateway assumes
/// too, and less than most providers allow.
const BURST_SECS: f64 = 3.0;

/// Puts the accounts that serve any of the models into pool and world alike, in one order.
pub(super) fn add(policy: &Policy, provider: ProviderId, part: &mut Part, notes: &mut Vec<String>) {
    let spec = pool_spec(policy, provider, 0);
    let mut partly: Vec<(String, &'static str)> = Vec::new();
    let accounts = policy.provider(provider).accounts.iter();
    // Numbered through anew: the world's keys are known by their positions.
    let mut keys = (0..).map(KeyId);
    for (id, account) in accounts {
        let of_spec = &spec.accounts[id];
        let models = &part.scenario.models;
        let serves = |model: &String| model.is_empty() || of_spec.models.matches(model);
        if of_spec.keys.is_empty() || !models.iter().any(serves) {
            continue;
        }
        // All models of a group have one limit.
        let limit = models.first().and_then(|model| spec.limit(id, model));
        let declared = |limit: &&LimitSpec| limit.per_minute.iter().any(Option::is_some);
        let Some(limit) = limit.filter(declared) else {
            part.undeclared.push(account.id.clone());
            continue;
        };
        if limit.per_minute.contains(&Some(0)) {
            part.closed.push(account.id.clone());
            continue;
        }
        partly
            .extend(missing(spec.dialect, limit).map(|what| (account.id.clone(), in_words(what))));
        part.accounts.push(account.id.clone());
        part.scenario
            .accounts
            .push(account_world(of_spec.keys.len(), limit));
        if let Some(pool) = &mut part.scenario.pool {
            pool.accounts.push(AccountSpec {
                keys: keys.by_ref().take(of_spec.keys.len()).collect(),
                ..of_spec.clone()
            });
        }
    }
    tell(part, &partly, notes);
}

fn account_world(keys: usize, limit: &LimitSpec) -> AccountWorld {
    let per_minute = |dimension: Dimension| limit.per_minute[dimension.index()].unwrap_or(0) as f64;
    AccountWorld {
        keys,
        rpm: per_minute(Dimension::Requests),
        itpm: per_minute(Dimension::InputTokens),
        otpm: per_minute(Dimension::OutputTokens),
        tpm: per_minute(Dimension::Tokens),
        burst_secs: limit.burst_secs.unwrap_or(BURST_SECS),
        foreign: 0.0,
    }
}

/// What providers of a dialect usually limit, and this limit does not.
fn missing(dialect: Dialect, limit: &LimitSpec) -> impl Iterator<Item = Dimension> {
    let usual: &[Dimension] = match dialect {
        Dialect::Anthropic if limit.per_minute[Dimension::Tokens.index()].is_none() => &[
            Dimension::Requests,
            Dimension::InputTokens,
            Dimension::OutputTokens,
        ],
        Dialect::Anthropic | Dialect::Generic => &[],
        Dialect::OpenAi => &[Dimension::Requests, Dimension::Tokens],
    };
    usual
        .iter()
        .copied()
        .filter(|dimension| limit.per_minute[dimension.index()].is_none())
}

fn tell(part: &Part, partly: &[(String, &'static str)], notes: &mut Vec<String>) {
    let name = part.name();
    if !part.undeclared.is_empty() && !part.accounts.is_empty() {
        notes.push(format!(
            "{name}: left out, since the policy declares no limits for them: {}; write an \
             [[account.limit]] with what the provider's console shows, and they count",
            list(&part.undeclared)
        ));
    }
    if !part.closed.is_empty() && !part.accounts.is_empty() {
        notes.push(format!(
            "{name}: left out, since a limit of 0 serves nothing: {}",
            list(&part.closed)
        ));
    }
    let mut dimensions: Vec<&str> = partly.iter().map(|(_, what)| *what).collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    for what in dimensions {
        let accounts = partly.iter().filter(|(_, it)| *it == what);
        let accounts: Vec<String> = accounts.map(|(account, _)| account.clone()).collect();
        notes.push(format!(
            "{name}: taken to be without limit, since none is declared: {what} of {}",
            list(&accounts)
        ));
    }
}
