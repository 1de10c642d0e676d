//! From raw tables to the policy: names become ids.
//!
//! Only called for what had no error, so that a part that is absent here is one whose absence was
//! noted; `None` then, never a guess.

mod allowances;

use std::collections::{BTreeSet, HashMap};

use self::allowances::{Bounds, usable};

use crate::file::aliases::{Alias, Aliases};
use crate::file::identity::Identity;
use crate::file::policy::{
    Account, Fallback, Key, Limit, LimitScope, ModelFallback, ModelGroup, Policy, Provider,
    Reserve, TenancySettings, Tenant, TenantGroup,
};
use crate::file::problems::At;
use crate::file::read::{
    RawAccount, RawAlias, RawFallback, RawGroup, RawKey, RawLimit, RawModelFallback, RawPolicy,
    RawProvider, RawReserve, RawScope, RawTenant, RawTenantGroup,
};
use keyweir_exchange::seek::Holder;
use keyweir_terms::ids::{AccountId, ModelGroupId, ProviderId, TenantId};
use keyweir_terms::table::Table;

/// Ids by name, of what other things name.
struct Names {
    providers: HashMap<String, ProviderId>,
    accounts: HashMap<String, (ProviderId, AccountId)>,
}

/// The policy that `raw` says, with the ids that `identity` knows.
pub(super) fn assemble(raw: RawPolicy, identity: &Identity) -> Option<Policy> {
    let names: Vec<&str> = all(raw.providers.iter(), |raw| name(&raw.id))?;
    let provider_order = identity.providers(names.iter().copied());
    let mut names = Names {
        providers: owned(&names).zip(provider_order.iter().copied()).collect(),
        accounts: HashMap::new(),
    };
    let tenancy = raw.tenancy.map(|at| at.value).unwrap_or_default();
    let group_names: Vec<&str> = all(&raw.groups, |raw| name(&raw.id))?;
    let bounds = Bounds {
        zone: tenancy.zone.as_deref().unwrap_or("UTC"),
        groups: owned(&group_names).zip(0..).collect(),
    };
    let mut providers = Table::default();
    for (id, raw) in provider_order.iter().zip(raw.providers) {
        providers.insert(*id, provider(raw)?);
    }
    let mut accounts: HashMap<ProviderId, Vec<RawAccount>> = HashMap::new();
    for raw in raw.accounts {
        let id = names.provider(raw.provider.as_ref()?)?;
        accounts.entry(id).or_default().push(raw);
    }
    for (id, provider) in providers.iter_mut() {
        let raw = accounts.remove(&id).unwrap_or_default();
        names
            .accounts
            .extend(put_accounts(provider, id, raw, identity)?);
    }
    let groups: Vec<TenantGroup> = all(raw.groups, |raw| tenant_group(raw, &names, &bounds))?;
    Some(Policy {
        gateway: raw.gateway.map(|at| at.value.settings).unwrap_or_default(),
        waiting: raw.waiting.map(|at| at.value).unwrap_or_default(),
        retry: raw.retry.map(|at| at.value).unwrap_or_default(),
        tenants: tenants(
            raw.tenants,
            (&names, &bounds, &groups),
            &providers,
            identity,
        )?,
        aliases: aliases(raw.aliases, &names, &providers)?,
        groups,
        prices: raw.prices.into_iter().map(|raw| raw.price).collect(),
        tenancy: TenancySettings {
            unpriced: tenancy.unpriced,
            cache_read_weight: tenancy.cache_read_weight,
        },
        fallbacks: all(raw.fallbacks, |raw| model_fallback(raw, &names))?,
        provider_order,
        providers,
    })
}

fn all<T, U, C: FromIterator<U>>(
    things: impl IntoIterator<Item = T>,
    make: impl FnMut(T) -> Option<U>,
) -> Option<C> {
    things.into_iter().map(make).collect()
}

fn name(id: &Option<At<String>>) -> Option<&str> {
    Some(id.as_ref()?.value.as_str())
}

fn owned<'n>(names: &'n [&str]) -> impl Iterator<Item = String> + use<'n> {
    names.iter().map(|name| (*name).to_owned())
}

impl Names {
    fn provider(&self, name: &At<String>) -> Option<ProviderId> {
        self.providers.get(&name.value).copied()
    }

    /// The accounts of a list, if there is one; `None`: one of them is not there.
    #[expect(clippy::option_option, reason = "no list is not a list that is wrong")]
    fn accounts(&self, list: Option<&At<Vec<At<String>>>>) -> Option<Option<BTreeSet<Holder>>> {
        let found = |name: &At<String>| self.accounts.get(&name.value).copied();
        list.map_or(Some(None), |list| Some(Some(all(&list.value, found)?)))
    }

    fn reserve(&self, raw: &RawReserve) -> Option<Reserve> {
        let account = raw.account.as_ref()?;
        Some(Reserve {
            account: *self.accounts.get(&account.value)?,
            share: raw.share?,
        })
    }
}

/// A provider without its accounts.
fn provider(raw: RawProvider) -> Option<Provider> {
    let dialect = raw.dialect?;
    Some(Provider {
        id: raw.id?.value,
        dialect,
        base_url: raw.base_url?,
        ca_file: raw.ca_file,
        http: raw.http,
        proxy: raw.proxy,
        credential: raw.credential.unwrap_or_else(|| dialect.credential_style()),
        stream_usage: raw.stream_usage,
        whole_answers: raw.whole_answers,
        models: raw.models,
        rules: raw.rules.into(),
        model_groups: all(raw.groups, group)?,
        accounts: Table::default(),
        keys: Table::default(),
    })
}

fn group(raw: RawGroup) -> Option<ModelGroup> {
    Some(ModelGroup {
        id: raw.id?.value,
        models: raw.models?,
    })
}

/// Gives `provider` its accounts and their keys. Returns what the accounts are called.
fn put_accounts(
    provider: &mut Provider,
    id: ProviderId,
    raw: Vec<RawAccount>,
    identity: &Identity,
) -> Option<Vec<(String, (ProviderId, AccountId))>> {
    let account_names: Vec<&str> = all(&raw, |raw| name(&raw.id))?;
    let account_ids = identity.accounts(id, account_names.iter().copied());
    let named = owned(&account_names)
        .zip(account_ids.iter().map(|account| (id, *account)))
        .collect();
    let keys = raw.iter().flat_map(|account| &account.keys);
    let key_names: Vec<&str> = all(keys, |raw| name(&raw.id))?;
    let mut key_ids = identity.keys(id, key_names.into_iter()).into_iter();
    for (account_id, mut raw) in account_ids.into_iter().zip(raw) {
        for raw in std::mem::take(&mut raw.keys) {
            provider.keys.insert(key_ids.next()?, key(raw, account_id)?);
        }
        let account = account(raw, &provider.model_groups)?;
        provider.accounts.insert(account_id, account);
    }
    Some(named)
}

fn account(raw: RawAccount, groups: &Table<ModelGroupId, ModelGroup>) -> Option<Account> {
    let mut limits: Vec<Limit> = all(raw.limits, |raw| limit(raw, groups))?;
    // What was said of some models counts for them, wherever it stands; the sort is stable.
    limits.sort_by_key(|limit| limit.scope == LimitScope::EveryGroup);
    Some(Account {
        id: raw.id?.value,
        models: raw.models,
        limits,
    })
}

fn limit(raw: RawLimit, groups: &Table<ModelGroupId, ModelGroup>) -> Option<Limit> {
    let scope = match raw.scope {
        RawScope::EveryGroup => LimitScope::EveryGroup,
        RawScope::Group(name) => {
            let mut groups = groups.iter();
            let (id, _) = groups.find(|(_, group)| group.id == name.value)?;
            LimitScope::Group(id)
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

fn key(raw: RawKey, account: AccountId) -> Option<Key> {
    Some(Key {
        id: raw.id?.value,
        account,
        secret: raw.secret?.value,
    })
}

fn tenants(
    raw: Vec<RawTenant>,
    names: (&Names, &Bounds<'_>, &[TenantGroup]),
    providers: &Table<ProviderId, Provider>,
    identity: &Identity,
) -> Option<Table<TenantId, Tenant>> {
    let called: Vec<&str> = all(&raw, |raw| name(&raw.id))?;
    let ids = identity.tenants(called.into_iter());
    let mut tenants = Table::default();
    for (id, raw) in ids.into_iter().zip(raw) {
        tenants.insert(id, tenant(raw, names, providers)?);
    }
    Some(tenants)
}

fn tenant(
    raw: RawTenant,
    (names, bounds, groups): (&Names, &Bounds<'_>, &[TenantGroup]),
    providers: &Table<ProviderId, Provider>,
) -> Option<Tenant> {
    let accounts = names.accounts(raw.allowance.accounts.as_ref())?;
    let reserves = all(&raw.allowance.reserves, |raw| names.reserve(raw))?;
    let (allowance, group) = bounds.allowance(raw.allowance)?;
    Some(Tenant {
        id: raw.id?.value,
        client_keys: raw.client_keys.into_iter().map(|at| at.value).collect(),
        client_key_refs: raw.client_key_refs,
        client_keys_expire: raw
            .client_keys_expire
            .into_iter()
            .map(|(hash, at)| (hash, at.value))
            .collect(),
        models: raw.models,
        usable: usable(accounts.as_ref(), group, groups),
        accounts,
        reserves,
        priority: raw.priority,
        weight: raw.weight,
        patience: raw.patience,
        expires: raw.expires.map(|at| at.value),
        shares: raw.shares,
        whole_answers: raw.whole_answers,
        allowance,
        group,
        fallbacks: all(raw.fallbacks, |raw| fallback(raw, names))?,
        aliases: aliases(raw.aliases, names, providers)?,
    })
}

fn aliases(
    raw: Vec<RawAlias>,
    names: &Names,
    providers: &Table<ProviderId, Provider>,
) -> Option<Aliases> {
    let alias = |raw: RawAlias| {
        let provider = raw.provider.map(|name| names.provider(&name).ok_or(()));
        let provider = provider.transpose().ok()?;
        let dialect = provider.map(|id| providers[id].dialect);
        let alias = Alias {
            model: raw.model?,
            provider,
            dialect: dialect.or(raw.dialect),
        };
        Some((raw.name?.value, alias))
    };
    Some(Aliases::new(all::<_, _, Vec<_>>(raw, alias)?))
}

fn tenant_group(raw: RawTenantGroup, names: &Names, bounds: &Bounds<'_>) -> Option<TenantGroup> {
    let accounts = names.accounts(raw.allowance.accounts.as_ref())?;
    let reserves = all(&raw.allowance.reserves, |raw| names.reserve(raw))?;
    let (allowance, group) = bounds.allowance(raw.allowance)?;
    Some(TenantGroup {
        id: raw.id?.value,
        accounts,
        reserves,
        allowance,
        group,
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
        on: raw.on,
    })
}
