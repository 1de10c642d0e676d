//! What pools have learned, by names: ids last as long as the process, names as long as the policy has
//! them. Which row of the ledger it is, and what is in it.
//!
//! A provider is recognized by its address as well: what is learned of one is nothing to another that has
//! its name. A key is recognized by its secret as well: an operator who gives it another one and starts anew has
//! mended it. Of the secret, a part of a salted hash is kept.

use std::collections::HashMap;

use keyweir_policy::pool::learned::{Group, Learned, LearnedAccount, LearnedKey, LearnedStanding};
use keyweir_policy::quota::estimate::Estimate;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::ids::{AccountId, KeyId, ProviderId, TenantId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::runtime::ledger::BETWEEN;
use crate::runtime::live::Live;
use crate::runtime::parts::{Parts, ProviderKey};

/// What begins the name of a row.
const IN_GROUP: &str = "group";
const STANDING: &str = "standing";
const ESTIMATE: &str = "estimate";

/// A row's text.
#[derive(Debug, Serialize, Deserialize)]
enum Text {
    InGroup(Box<LearnedAccount>, Vec<(Secret, LearnedKey)>),
    Standing(Option<LearnedStanding>, Vec<(Secret, LearnedStanding)>),
    Estimate(Estimate),
}

/// A key, and what tells its secret from others.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Secret {
    key: String,
    mark: u64,
}

/// Why a row is not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// What it is about is none of the policy.
    Gone,
    /// It makes no sense.
    Damaged,
}

/// What tells a provider from others in every process.
pub(crate) fn place(live: &Live, provider: ProviderId) -> Option<String> {
    let provider = live.policy.providers.get(provider)?;
    Some(format!("{}@{}", provider.id, provider.base_url))
}

/// Names for ids.
pub(crate) struct Names<'a> {
    pub(crate) live: &'a Live,
    /// Of the ledger.
    pub(crate) salt: u64,
}

impl Names<'_> {
    /// The name of the row and its text, of `provider` at its [`place`]; `None` for the text: there is
    /// nothing to be kept. `None`: it is of what the policy has no more.
    pub(crate) fn row(
        &self,
        (provider, place): (ProviderId, &str),
        learned: &Learned,
    ) -> Option<(String, Option<String>)> {
        let at = self.live.providers.get(provider)?;
        let parts = at.pool.parts.load();
        let accounts = &self.live.policy.provider(provider).accounts;
        let (name, text) = match learned {
            Learned::InGroup(group, id, of, keys) => {
                let (endpoint, group) = (group.endpoint.as_str(), group.name.as_str());
                let name = vec![
                    IN_GROUP,
                    place,
                    accounts.get(*id)?.id.as_str(),
                    endpoint,
                    group,
                ];
                let text = Text::InGroup(of.clone(), self.secrets(&parts, keys));
                (name, Some(text))
            }
            Learned::Standing(id, of, keys) => {
                let is_any = of.is_some() || !keys.is_empty();
                let text = is_any.then(|| Text::Standing(of.clone(), self.secrets(&parts, keys)));
                (vec![STANDING, place, accounts.get(*id)?.id.as_str()], text)
            }
            Learned::Estimate(group, tenant, estimate) => {
                let tenant = match tenant {
                    None => "",
                    Some(tenant) => self.live.tenant(*tenant)?.id.as_str(),
                };
                let (endpoint, group) = (group.endpoint.as_str(), group.name.as_str());
                let name = vec![ESTIMATE, place, tenant, endpoint, group];
                (name, Some(Text::Estimate(estimate.clone())))
            }
        };
        let text = text.and_then(|text| serde_json::to_string(&text).ok());
        Some((name.join(&BETWEEN.to_string()), text))
    }

    fn secrets<T: Clone>(&self, parts: &Parts, keys: &[(KeyId, T)]) -> Vec<(Secret, T)> {
        let named = |(id, of): &(KeyId, T)| {
            let secret = Secret::of(parts.credential(*id)?, self.salt);
            Some((secret, of.clone()))
        };
        keys.iter().filter_map(named).collect()
    }
}

impl Secret {
    fn of(key: &ProviderKey, salt: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(salt.to_le_bytes());
        hash.update(key.value.as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let mark = hash.first_chunk().copied().unwrap_or_default();
        Self {
            key: key.label.clone(),
            mark: u64::from_le_bytes(mark),
        }
    }
}

/// Ids for names.
pub(crate) struct Ids<'a> {
    providers: HashMap<String, OfProvider<'a>>,
    tenants: HashMap<&'a str, TenantId>,
}

struct OfProvider<'a> {
    id: ProviderId,
    accounts: HashMap<&'a str, AccountId>,
    keys: HashMap<String, (KeyId, u64)>,
}

impl<'a> Ids<'a> {
    /// Of the policy in force.
    pub(crate) fn of(live: &'a Live, salt: u64) -> Self {
        let providers = live.providers.iter().filter_map(|(id, at)| {
            let policy = live.policy.provider(id);
            let parts = at.pool.parts.load();
            let secret = |key| {
                let Secret { key: name, mark } = Secret::of(parts.credential(key)?, salt);
                Some((name, (key, mark)))
            };
            let accounts = policy.accounts.iter();
            let of = OfProvider {
                id,
                accounts: accounts.map(|(id, it)| (it.id.as_str(), id)).collect(),
                keys: policy.keys.ids().filter_map(secret).collect(),
            };
            Some((place(live, id)?, of))
        });
        let tenants = live.policy.tenants.iter();
        Self {
            providers: providers.collect(),
            tenants: tenants.map(|(id, it)| (it.id.as_str(), id)).collect(),
        }
    }

    /// The tenant of this name.
    pub(crate) fn tenant(&self, name: &str) -> Option<TenantId> {
        self.tenants.get(name).copied()
    }

    /// The account of this name.
    pub(crate) fn account(&self, provider: &str, name: &str) -> Option<(ProviderId, AccountId)> {
        let provider = self.providers.get(provider)?;
        Some((provider.id, *provider.accounts.get(name)?))
    }

    /// What the row called `name` says.
    ///
    /// # Errors
    /// If it is of what the policy does not have, or damaged.
    pub(crate) fn read(&self, name: &str, text: &str) -> Result<(ProviderId, Learned), Unread> {
        let mut names = name.splitn(5, BETWEEN);
        let mut next = || names.next().ok_or(Unread::Damaged);
        let (kind, provider) = (next()?, next()?);
        let of: Text = serde_json::from_str(text).map_err(|_| Unread::Damaged)?;
        let known = self.providers.get(provider).ok_or(Unread::Gone)?;
        let account = |name: &str| known.accounts.get(name).copied().ok_or(Unread::Gone);
        let learned = match (kind, of) {
            (IN_GROUP, Text::InGroup(of, keys)) => {
                let account = account(next()?)?;
                let group = group(next()?, next()?)?;
                Learned::InGroup(group, account, of, known.keys(keys))
            }
            (STANDING, Text::Standing(of, keys)) => {
                Learned::Standing(account(next()?)?, of, known.keys(keys))
            }
            (ESTIMATE, Text::Estimate(estimate)) => {
                let tenant = match next()? {
                    "" => None,
                    name => Some(self.tenant(name).ok_or(Unread::Gone)?),
                };
                Learned::Estimate(group(next()?, next()?)?, tenant, estimate)
            }
            _ => return Err(Unread::Damaged),
        };
        Ok((known.id, learned))
    }
}

impl OfProvider<'_> {
    /// Those of `keys` that are as they were.
    fn keys<T>(&self, keys: Vec<(Secret, T)>) -> Vec<(KeyId, T)> {
        let same = |(secret, of): (Secret, T)| {
            let (key, mark) = *self.keys.get(&secret.key)?;
            (mark == secret.mark).then_some((key, of))
        };
        keys.into_iter().filter_map(same).collect()
    }
}

fn group(endpoint: &str, name: &str) -> Result<Group, Unread> {
    let mut endpoints = Endpoint::ALL.into_iter();
    let endpoint = endpoints.find(|it| it.as_str() == endpoint);
    Ok(Group {
        endpoint: endpoint.ok_or(Unread::Damaged)?,
        name: name.to_owned(),
    })
}
