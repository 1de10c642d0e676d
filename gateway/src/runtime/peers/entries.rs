//! Who holds what, as entries of the store's streams.

use keyweir_policy::exchange::holders::{Held, Holders};
use keyweir_policy::terms::ids::TenantId;

use super::names::Names;

/// Bytes of an id that is believed: providers' have some dozens.
const ID_BYTES_MAX: usize = 512;

/// An entry; `None`: the policy does not know who holds it.
pub(super) fn write(id: &str, held: Held, names: &Names) -> Option<String> {
    let (provider, account) = held.holder;
    let account = names.of_provider(provider)?.accounts.hash(account)?;
    let provider = names.providers.hash(provider)?;
    let owner = match held.owner {
        Some(owner) => names.tenants.hash(owner).map(|hash| hash.to_string()),
        None => None,
    };
    let owner = owner.as_deref().unwrap_or("-");
    Some(format!("{provider} {account} {owner} {id}"))
}

/// Learns what an entry says, as far as the policy knows who it is about.
pub(super) fn hear(entry: &str, names: &Names, holders: &mut Holders) -> Option<()> {
    let mut parts = entry.splitn(4, ' ');
    let mut next = || parts.next();
    let provider = names.providers.id(next()?.parse().ok()?)?;
    let of_provider = names.of_provider(provider)?;
    let account = of_provider.accounts.id(next()?.parse().ok()?)?;
    let owner: Option<TenantId> = match next()? {
        "-" => None,
        // A tenant that is gone: nobody is to see what it made.
        owner => Some(names.tenants.id(owner.parse().ok()?)?),
    };
    let id = next()?;
    if id.len() <= ID_BYTES_MAX {
        holders.hear(id, (provider, account), owner);
    }
    Some(())
}
