//! From raw tables to the policy: names become positions.
//!
//! Only called for what had no error, so that a part that is absent here is one whose absence was
//! noted; `None` then, never a guess.

use std::collections::HashMap;

use crate::file::policy::{
    Account, Fallback, Key, Limit, ModelFallback, ModelGroup, Policy, Provider, Tenant,
};
use crate::file::problems::At;
use crate::file::read::{
    RawAccount, RawFallback, RawGroup, RawKey, RawLimit, RawModelFallback, RawPolicy, RawProvider,
    RawScope, RawTenant,
};
use keyweir_pool::spec::LimitScope;
use keyweir_terms::ids::ProviderId;

/// Positions by name.
struct Names {
    providers: HashMap<String, ProviderId>,
    accounts: HashMap<String, usize>,
}

pub(super) fn assemble(raw: RawPolicy) -> Option<Policy> {
    let names = Names::of(&raw)?;
    let providers: Vec<Provider> = all(raw.providers, provider)?;
    let accounts = all(raw.accounts, |raw| account(raw, &names, &providers))?;
    Some(Policy {
        gateway: raw.gateway.map(|at| at.value.settings).unwrap_or_default(),
        waiting: raw.waiting.map(|at| at.value).unwrap_or_default(),
        retry: raw.retry.map(|at| at.value).unwrap_or_default(),
        accounts,
        tenants: all(raw.tenants, |raw| tenant(raw, &names))?,
        fallbacks: all(raw.fallbacks, |raw| model_fallback(raw, &names))?,
        providers,
    })
}

fn all<T, U>(things: Vec<T>, make: impl Fn(T) -> Option<U>) -> Option<Vec<U>> {
    things.into_iter().map(make).collect()
}

impl Names {
    fn of(raw: &RawPolicy) -> Option<Self> {
        let name = |id: &Option<At<String>>| id.as_ref().map(|id| id.value.clone());
        let providers = raw.providers.iter().enumerate();
        let accounts = raw.accounts.iter().enumerate();
        Some(Self {
            providers: providers
                .map(|(at, raw)| Some((name(&raw.id)?, ProviderId(u32::try_from(at).ok()?))))
                .collect::<Option<_>>()?,
            accounts: accounts
                .map(|(at, raw)| Some((name(&raw.id)?, at)))
                .collect::<Option<_>>()?,
        })
    }

    fn provider(&self, name: &At<String>) -> Option<ProviderId> {
        self.providers.get(&name.value).copied()
    }
}

fn provider(raw: RawProvider) -> Option<Provider> {
    let dialect = raw.dialect?;
    Some(Provider {
        id: raw.id?.value,
        dialect,
        base_url: raw.base_url?,
        ca_file: raw.ca_file,
        http: raw.http,
        credential: raw.credential.unwrap_or_else(|| dialect.credential_style()),
        models: raw.models,
        model_groups: all(raw.groups, group)?,
    })
}

fn group(raw: RawGroup) -> Option<ModelGroup> {
    Some(ModelGroup {
        id: raw.id?.value,
        models: raw.models?,
    })
}

fn account(raw: RawAccount, names: &Names, providers: &[Provider]) -> Option<Account> {
    let provider = names.provider(&raw.provider?)?;
    let groups = &providers.get(provider.index())?.model_groups;
    let mut limits = all(raw.limits, |raw| limit(raw, groups))?;
    // What was said of some models counts for them, wherever it stands; the sort is stable.
    limits.sort_by_key(|limit| limit.scope == LimitScope::EveryGroup);
    Some(Account {
        id: raw.id?.value,
        provider,
        models: raw.models,
        limits,
        keys: all(raw.keys, key)?,
    })
}

fn limit(raw: RawLimit, groups: &[ModelGroup]) -> Option<Limit> {
    let scope = match raw.scope {
        RawScope::EveryGroup => LimitScope::EveryGroup,
        RawScope::Group(name) => {
            LimitScope::Group(groups.iter().position(|group| group.id == name.value)?)
        }
        RawScope::Models(models) => LimitScope::Models(models),
        RawScope::Unclear => return None,
    };
    Some(Limit {
        scope,
        per_minute: raw.per_minute,
        burst: raw.burst,
    })
}

fn key(raw: RawKey) -> Option<Key> {
    Some(Key {
        id: raw.id?.value,
        secret: raw.secret?.value,
    })
}

fn tenant(raw: RawTenant, names: &Names) -> Option<Tenant> {
    Some(Tenant {
        id: raw.id?.value,
        client_keys: raw.client_keys.into_iter().map(|at| at.value).collect(),
        models: raw.models,
        priority: raw.priority,
        weight: raw.weight,
        patience: raw.patience,
        expires: raw.expires.map(|at| at.value),
        fallbacks: all(raw.fallbacks, |raw| fallback(raw, names))?,
    })
}

fn model_fallback(raw: RawModelFallback, names: &Names) -> Option<ModelFallback> {
    Some(ModelFallback {
        models: raw.models?,
        steps: all(raw.steps, |raw| fallback(raw, names))?,
    })
}

fn fallback(raw: RawFallback, names: &Names) -> Option<Fallback> {
    let provider = raw.provider.map(|name| names.provider(&name).ok_or(()));
    let account = raw
        .account
        .map(|name| names.accounts.get(&name.value).copied().ok_or(()));
    Some(Fallback {
        model: raw.model,
        provider: provider.transpose().ok()?,
        account: account.transpose().ok()?,
    })
}
