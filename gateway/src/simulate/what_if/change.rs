//! One change to the traffic or the policy: what it is called, and how it is made.

use keyweir_policy::config::file::{Key, Policy, did_you_mean};
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::ids::{AccountId, KeyId, ProviderId};

use crate::command::dimension::in_words;
use crate::command::number::{self, factor as shown};

/// The largest limit that may be set; the policy file's own bound.
pub(super) const PER_MINUTE_MAX: f64 = 1e12;
/// Names that an error lists at most.
const LISTED_MAX: usize = 8;

/// One thing that is different.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::simulate) enum Change {
    /// So many times the traffic comes.
    Scale(f64),
    /// A key is gone, or all keys of an account.
    Without(String),
    /// An account has other limits.
    Limit {
        /// Whose.
        account: String,
        /// Which; `None`: all that are declared.
        dimension: Option<Dimension>,
        /// What they become.
        to: NewLimit,
    },
}

/// What a limit becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::simulate) enum NewLimit {
    /// A multiple of itself.
    Times(f64),
    /// This.
    PerMinute(u64),
}

impl Change {
    /// What it is called.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Scale(factor) => format!("{} × traffic", shown(*factor)),
            Self::Without(key) => format!("without {key}"),
            Self::Limit {
                account,
                dimension,
                to,
            } => {
                let what = match dimension {
                    Some(dimension) => in_words(*dimension),
                    None => "limits",
                };
                match to {
                    NewLimit::Times(factor) => {
                        format!("{} × {what} of {account}", shown(*factor))
                    }
                    NewLimit::PerMinute(limit) => {
                        format!(
                            "{account} with {} {what}/min",
                            number::amount(*limit as f64)
                        )
                    }
                }
            }
        }
    }

    /// Makes the change.
    ///
    /// # Errors
    /// If there is nothing to change.
    pub(in crate::simulate) fn apply(&self, policy: &mut Policy) -> Result<(), String> {
        match self {
            Self::Scale(_) => Ok(()),
            Self::Without(name) => remove(policy, name),
            Self::Limit {
                account,
                dimension,
                to,
            } => set_limits(policy, account, *dimension, *to),
        }
    }
}

fn remove(policy: &mut Policy, name: &str) -> Result<(), String> {
    for (_, provider) in policy.providers.iter_mut() {
        let mut keys = provider.keys.iter();
        if let Some(key) = keys.find(|(_, key)| key.id == name).map(|(id, _)| id) {
            drop(keys);
            provider.keys.remove(key);
            return Ok(());
        }
    }
    if let Some((provider, account)) = find(policy, name) {
        let keys = &mut policy.providers[provider].keys;
        let of_account = |(id, key): (KeyId, &Key)| (key.account == account).then_some(id);
        let gone: Vec<KeyId> = keys.iter().filter_map(of_account).collect();
        for key in gone {
            keys.remove(key);
        }
        return Ok(());
    }
    let keys = policy.providers.values().flat_map(|it| it.keys.values());
    let known = keys.map(|key| key.id.as_str()).chain(accounts(policy));
    let known: Vec<&str> = known.collect();
    Err(format!(
        "the policy has no key or account \"{name}\"; {}",
        hint(name, &known)
    ))
}

/// The account that is called `name`.
fn find(policy: &Policy, name: &str) -> Option<(ProviderId, AccountId)> {
    let mut providers = policy.providers.iter();
    providers.find_map(|(id, provider)| {
        let mut accounts = provider.accounts.iter();
        let (account, _) = accounts.find(|(_, account)| account.id == name)?;
        Some((id, account))
    })
}

fn accounts(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.accounts().map(|(_, account)| account.id.as_str())
}

fn set_limits(
    policy: &mut Policy,
    name: &str,
    dimension: Option<Dimension>,
    to: NewLimit,
) -> Result<(), String> {
    let Some((provider, account)) = find(policy, name) else {
        let known: Vec<&str> = accounts(policy).collect();
        return Err(format!(
            "the policy has no account \"{name}\"; {}",
            hint(name, &known)
        ));
    };
    let account = &mut policy.providers[provider].accounts[account];
    let mut changed = 0;
    for limit in &mut account.limits {
        for of in Dimension::ALL {
            if dimension.is_some_and(|it| it != of) {
                continue;
            }
            if let Some(declared) = &mut limit.per_minute[of.index()] {
                *declared = match to {
                    NewLimit::Times(factor) => times_limit(*declared, factor),
                    NewLimit::PerMinute(limit) => limit,
                };
                changed += 1;
            }
        }
    }
    if changed > 0 {
        return Ok(());
    }
    let which = dimension.map_or("", in_words);
    Err(format!(
        "account \"{name}\" declares no limit{}{which}, so there is none to change; write one \
         into the policy first, under [[account.limit]]",
        if which.is_empty() { "" } else { " of " }
    ))
}

/// Zero stays zero; nothing else becomes it.
fn times_limit(limit: u64, factor: f64) -> u64 {
    let product = (limit as f64 * factor).round().min(PER_MINUTE_MAX) as u64;
    product.max(limit.min(1))
}

fn hint(name: &str, known: &[&str]) -> String {
    did_you_mean(name, known.iter().copied()).unwrap_or_else(|| {
        let listed = &known[..known.len().min(LISTED_MAX)];
        let more = if known.len() > LISTED_MAX {
            ", …"
        } else {
            ""
        };
        format!("there is {}{more}", listed.join(", "))
    })
}
