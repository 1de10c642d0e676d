//! Which account holds what: batches, files, containers, stored responses. One index for all
//! providers, so that a follow-up finds its provider by what it names.
//!
//! Only the account that made such a thing knows it. The gateway learns from answers who made what
//! and sends follow-ups there; of what it never saw made (before a restart, by another replica, with
//! the key itself) it asks account after account ([`crate::seek`]), and remembers the one that knew.
//!
//! Bounded by keeping two generations: when the younger is full, the older is evicted and the
//! younger becomes it. What is used moves to the younger. Two maps and no list: eviction is rare,
//! approximate, and costs nothing until it happens.

use std::collections::HashMap;

use crate::seek::Holder;

/// Ids in one generation: some 10 MiB for both, and months of batches for most.
const GENERATION_MAX: usize = 50_000;

/// What accounts are known to hold.
#[derive(Debug)]
pub struct Holders {
    younger: HashMap<Box<str>, Holder>,
    older: HashMap<Box<str>, Holder>,
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
    pub fn of(&mut self, id: &str) -> Option<Holder> {
        if let Some(holder) = self.younger.get(id) {
            return Some(*holder);
        }
        let (id, holder) = self.older.remove_entry(id)?;
        self.insert(id, holder);
        Some(holder)
    }

    /// Who holds any of `ids`, if that is known of one.
    pub fn of_any(&mut self, ids: &[String]) -> Option<Holder> {
        ids.iter().find_map(|id| self.of(id))
    }

    /// `holder` holds `id`.
    pub fn learn(&mut self, id: &str, holder: Holder) {
        self.insert(id.into(), holder);
    }

    fn insert(&mut self, id: Box<str>, holder: Holder) {
        if self.younger.len() >= self.generation_max && !self.younger.contains_key(&id) {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(id, holder);
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::ids::{AccountId, ProviderId};

    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_is_evicted() {
        let holder = |account| (ProviderId(0), AccountId(account));
        let mut holders = Holders {
            generation_max: 10,
            ..Holders::default()
        };
        holders.learn("used", holder(1));
        holders.learn("unused", holder(2));

        for number in 0..100 {
            holders.learn(&number.to_string(), holder(3));
            assert_eq!(holders.of("used"), Some(holder(1)));
        }

        assert_eq!(holders.of("unused"), None);
        assert!(holders.younger.len() <= 10 && holders.older.len() <= 10);
    }

    #[test]
    fn an_id_tells_its_provider() {
        let mut holders = Holders::default();
        holders.learn("batch_2", (ProviderId(1), AccountId(0)));
        let ids = ["unknown".to_owned(), "batch_2".to_owned()];
        assert_eq!(holders.of_any(&ids), Some((ProviderId(1), AccountId(0))));
    }
}
