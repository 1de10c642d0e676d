//! Which account holds what: batches, files, containers, stored responses.
//!
//! Only the account that made such a thing knows it. The gateway learns from answers who made what
//! and sends follow-ups there; of what it never saw made (before a restart, by another replica, with
//! the key itself) it asks account after account, and remembers the one that knew.
//!
//! Bounded by keeping two generations: when the younger is full, the older is forgotten and the
//! younger becomes it. What is used moves to the younger. Two maps and no list: forgetting is
//! rare, approximate, and costs nothing until it happens.

use std::collections::HashMap;

use keyweir_policy::ids::AccountId;
use parking_lot::Mutex;

/// Ids in one generation: some 10 MiB for both, and months of batches for most.
const GENERATION: usize = 50_000;

/// What one provider's accounts are known to hold.
#[derive(Debug)]
pub(crate) struct Resources {
    known: Mutex<Generations>,
    generation_max: usize,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<str>, AccountId>,
    old: HashMap<Box<str>, AccountId>,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            generation_max: GENERATION,
        }
    }
}

impl Resources {
    /// The account that holds `id`, if that is known.
    pub(crate) fn account(&self, id: &str) -> Option<AccountId> {
        let mut known = self.known.lock();
        if let Some(account) = known.young.get(id) {
            return Some(*account);
        }
        let (id, account) = known.old.remove_entry(id)?;
        known.learn(id, account, self.generation_max);
        Some(account)
    }

    /// The account that holds any of `ids`, if one is known.
    pub(crate) fn account_of_any(&self, ids: &[String]) -> Option<AccountId> {
        ids.iter().find_map(|id| self.account(id))
    }

    /// `account` holds `id`.
    pub(crate) fn learn(&self, id: &str, account: AccountId) {
        self.known
            .lock()
            .learn(id.into(), account, self.generation_max);
    }
}

impl Generations {
    fn learn(&mut self, id: Box<str>, account: AccountId, max: usize) {
        if self.young.len() >= max && !self.young.contains_key(&id) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_is_forgotten() {
        let resources = Resources {
            generation_max: 10,
            ..Resources::default()
        };
        resources.learn("used", AccountId(1));
        resources.learn("unused", AccountId(2));

        for number in 0..100 {
            resources.learn(&number.to_string(), AccountId(3));
            assert_eq!(resources.account("used"), Some(AccountId(1)));
        }

        assert_eq!(resources.account("unused"), None);
        let known = resources.known.lock();
        assert!(known.young.len() <= 10 && known.old.len() <= 10);
    }
}
