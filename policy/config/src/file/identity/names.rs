//! The names of one kind of thing, and the ids they have.

use std::collections::{HashMap, HashSet};

use keyweir_terms::table::Id;

/// Names of things that are in the policy or were, with their ids.
#[derive(Clone, Debug)]
pub(super) struct Names<I> {
    names: HashMap<String, Entry<I>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<I> {
    id: I,
    /// The first policy without it; `None`: it is in the last one.
    gone_since: Option<u64>,
}

impl<I> Default for Names<I> {
    fn default() -> Self {
        Self {
            names: HashMap::new(),
        }
    }
}

impl<I: Id> Names<I> {
    /// The ids of `names`, each of which occurs once: those they have, and for new names the lowest
    /// that nobody has, in order.
    pub(super) fn ids<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Vec<I> {
        let held: HashSet<usize> = self.names.values().map(|entry| entry.id.index()).collect();
        let mut free = (0..).filter(|index| !held.contains(index));
        let mut new = || I::from_index(free.next().expect("there are more ids than names"));
        names
            .into_iter()
            .map(|name| self.names.get(name).map_or_else(&mut new, |entry| entry.id))
            .collect()
    }

    /// Policy number `policy` has these things and no others. Their ids are those that
    /// [`Self::ids`] gave.
    pub(super) fn adopt<'n>(&mut self, policy: u64, things: impl Iterator<Item = (&'n str, I)>) {
        #[expect(clippy::iter_over_hash_type, reason = "each by itself")]
        for entry in self.names.values_mut() {
            entry.gone_since.get_or_insert(policy);
        }
        for (name, id) in things {
            let entry = Entry {
                id,
                gone_since: None,
            };
            self.names.insert(name.to_owned(), entry);
        }
    }

    /// Evicts what has been gone for longest, until at most `kept` gone names are left; but only
    /// what `is_free` for another name. Returns the ids that are free now.
    pub(super) fn evict(&mut self, kept: usize, mut is_free: impl FnMut(I) -> bool) -> Vec<I> {
        let mut gone: Vec<(u64, usize)> = self
            .names
            .values()
            .filter_map(|entry| Some((entry.gone_since?, entry.id.index())))
            .collect();
        let excess = gone.len().saturating_sub(kept);
        if excess == 0 {
            return Vec::new();
        }
        gone.sort_unstable();
        let evicted: HashSet<usize> = gone
            .into_iter()
            .map(|(_, index)| index)
            .filter(|index| is_free(I::from_index(*index)))
            .take(excess)
            .collect();
        self.names
            .retain(|_, entry| !evicted.contains(&entry.id.index()));
        evicted.into_iter().map(I::from_index).collect()
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::ids::TenantId;
    use proptest::prelude::*;

    use super::*;

    fn adopt(given: &mut Names<TenantId>, policy: u64, names: &[&str]) -> Vec<u32> {
        let ids = given.ids(names.iter().copied());
        given.adopt(policy, names.iter().copied().zip(ids.iter().copied()));
        ids.into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn first_names_are_numbered_in_order() {
        let given = Names::<TenantId>::default();
        assert_eq!(given.ids(["b", "a", "c"]), [0, 1, 2].map(TenantId));
    }

    #[test]
    fn name_that_comes_back_has_its_id_and_nobody_took_it() {
        let mut given = Names::default();
        assert_eq!(adopt(&mut given, 1, &["a", "b"]), [0, 1]);
        assert_eq!(adopt(&mut given, 2, &["c", "b"]), [2, 1]);
        assert_eq!(adopt(&mut given, 3, &["a", "c"]), [0, 2]);
    }

    #[test]
    fn longest_gone_is_evicted_and_its_id_given_anew() {
        let mut given = Names::default();
        adopt(&mut given, 1, &["a", "b", "c"]);
        adopt(&mut given, 2, &["b", "c"]);
        adopt(&mut given, 3, &["c"]);
        assert_eq!(given.evict(1, |_| true), [TenantId(0)]);
        assert_eq!(adopt(&mut given, 4, &["d", "b", "a"]), [0, 1, 3]);
    }

    #[test]
    fn id_that_is_in_use_is_kept_whatever_the_bound() {
        let mut given = Names::default();
        adopt(&mut given, 1, &["a", "b"]);
        adopt(&mut given, 2, &[]);
        assert_eq!(given.evict(0, |id| id != TenantId(0)), [TenantId(1)]);
        assert_eq!(adopt(&mut given, 3, &["c", "a"]), [1, 0]);
    }

    proptest! {
        /// Over any policies: no two names that are given share an id, a name keeps its id as long
        /// as it is not evicted, and no more gone names are kept than the bound and those in use.
        #[test]
        fn ids_are_kept_and_never_shared(
            policies in prop::collection::vec(
                (prop::collection::hash_set(0..12_u32, 0..8), prop::collection::hash_set(0..12_u32, 0..4)),
                1..30,
            ),
            kept in 0..5_usize,
        ) {
            let mut given = Names::<TenantId>::default();
            let mut before: HashMap<String, TenantId> = HashMap::new();
            for (number, (names, in_use)) in (1..).zip(policies) {
                let names: Vec<String> = names.iter().map(|name| format!("n{name}")).collect();
                let ids = given.ids(names.iter().map(String::as_str));
                for (name, id) in names.iter().zip(&ids) {
                    prop_assert_eq!(before.get(name).unwrap_or(id), id);
                }
                given.adopt(number, names.iter().map(String::as_str).zip(ids));
                let is_free = |id: TenantId| !in_use.contains(&id.0);
                for id in given.evict(kept, is_free) {
                    prop_assert!(is_free(id));
                }
                let held: HashSet<_> = given.names.values().map(|entry| entry.id.index()).collect();
                prop_assert_eq!(held.len(), given.names.len());
                let gone = given.names.values().filter(|entry| entry.gone_since.is_some());
                prop_assert!(gone.count() <= kept + in_use.len());
                prop_assert!(names.iter().all(|name| given.names.contains_key(name)));
                before = given.names.iter().map(|(name, entry)| (name.clone(), entry.id)).collect();
            }
        }
    }
}
