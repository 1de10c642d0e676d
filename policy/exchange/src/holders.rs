//! Which account holds what: batches, files, containers, stored responses. One index for all
//! providers, so that a follow-up finds its provider by what it names.
//!
//! Only the account that made such a thing knows it. The gateway learns from answers who made what
//! and sends follow-ups there; of what it never saw made (before a restart, by another replica, with
//! the key itself) it asks account after account ([`crate::seek`]), and remembers the one that knew.
//!
//! Beside each it is known who made it, so that tenants can be kept apart ([`crate::ownership`]).
//!
//! Bounded by keeping two generations: when the younger is full, the older is evicted and the
//! younger becomes it. What is used moves to the younger. Two maps and no list: eviction is rare,
//! approximate, and costs nothing until it happens.

use std::collections::HashMap;

use keyweir_terms::ids::TenantId;

use crate::seek::Holder;

/// Ids in one generation: some 10 MiB for both, and months of batches for most.
const GENERATION_MAX: usize = 50_000;

/// Where a thing is, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who holds it.
    pub holder: Holder,
    /// Who made it, if that was seen.
    pub owner: Option<TenantId>,
}

/// What accounts are known to hold.
#[derive(Debug)]
pub struct Holders {
    younger: HashMap<Box<str>, Held>,
    older: HashMap<Box<str>, Held>,
    generation_max: usize,
}

impl Default for Holders {
    fn default() -> Self {
        Self {
            younger: HashMap::new(),
            older: HashMap::new(),
            generation_max: GENERATION_MAX,
        }
    }
}

impl Holders {
    /// Who holds `id`, if that is known.
    pub fn of(&mut self, id: &str) -> Option<Held> {
        if let Some(held) = self.younger.get(id) {
            return Some(*held);
        }
        let (id, held) = self.older.remove_entry(id)?;
        self.insert(id, held);
        Some(held)
    }

    /// `holder` holds `id`, which `owner` made, if that was seen. A thing that has an owner keeps it,
    /// whoever is told of it later.
    pub fn learn(&mut self, id: &str, holder: Holder, owner: Option<TenantId>) {
        let known = self.of(id).and_then(|held| held.owner);
        let owner = known.or(owner);
        self.insert(id.into(), Held { holder, owner });
    }

    /// Everything that is known, in no order.
    pub fn all(&self) -> impl Iterator<Item = (&str, Held)> {
        let all = self.younger.iter().chain(&self.older);
        all.map(|(id, held)| (&**id, *held))
    }

    fn insert(&mut self, id: Box<str>, held: Held) {
        if self.younger.len() >= self.generation_max && !self.younger.contains_key(&id) {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(id, held);
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::ids::{AccountId, ProviderId};

    use super::*;

    const fn at(account: u32) -> Holder {
        (ProviderId(0), AccountId(account))
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_is_evicted() {
        let mut holders = Holders {
            generation_max: 10,
            ..Holders::default()
        };
        holders.learn("used", at(1), None);
        holders.learn("unused", at(2), None);

        for number in 0..100 {
            holders.learn(&number.to_string(), at(3), None);
            assert_eq!(holders.of("used").map(|held| held.holder), Some(at(1)));
        }

        assert_eq!(holders.of("unused"), None);
        assert!(holders.younger.len() <= 10 && holders.older.len() <= 10);
    }

    #[test]
    fn an_owner_is_kept_whoever_is_told_of_the_thing_later() {
        let mut holders = Holders::default();
        let owner = |holders: &mut Holders| holders.of("batch_1").expect("known").owner;
        holders.learn("batch_1", at(1), None);
        assert_eq!(owner(&mut holders), None);
        holders.learn("batch_1", at(1), Some(TenantId(1)));
        holders.learn("batch_1", at(1), Some(TenantId(2)));
        holders.learn("batch_1", at(1), None);
        assert_eq!(owner(&mut holders), Some(TenantId(1)));
        assert_eq!(holders.all().count(), 1);
    }
}
