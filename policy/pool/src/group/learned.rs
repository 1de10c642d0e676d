//! What a group has learned of its accounts, as it outlives the process.

use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

use super::QuotaGroup;
use crate::learned::{Group, Learned, LearnedAccount, LearnedKey, LearnedOutage};
use crate::members::Members;

impl QuotaGroup {
    /// Something has changed of `account`.
    pub(crate) fn touch(&mut self, account: AccountId) {
        let row = self.accounts.get_mut(account);
        if row.is_some_and(|row| !std::mem::replace(&mut row.is_touched, true)) {
            self.touched.push(account);
        }
    }

    /// Adds what has changed to `rows`, until there are `most`.
    pub(crate) fn take_learned(
        &mut self,
        now: Time,
        members: &Members,
        most: usize,
        rows: &mut Vec<Learned>,
    ) {
        let group = Group {
            endpoint: self.name.endpoint,
            name: self.name.name.clone(),
        };
        while rows.len() < most
            && let Some(id) = self.touched.pop()
        {
            let Some(account) = self.accounts.get_mut(id) else {
                continue;
            };
            account.is_touched = false;
            let learned = Box::new(account.learned(now));
            let keys = members.keys_of(id).iter();
            let keys = keys.filter_map(|key| Some((*key, self.learned_of_key(now, *key)?)));
            rows.push(Learned::InGroup(group.clone(), id, learned, keys.collect()));
        }
        let mut is_changed = false;
        while rows.len() < most
            && let Some((tenant, estimate)) = self.estimates.next_changed()
        {
            is_changed = true;
            rows.push(Learned::Estimate(group.clone(), Some(tenant), estimate));
        }
        if is_changed && let Some(estimate) = self.estimates.of_all() {
            rows.push(Learned::Estimate(group, None, estimate.clone()));
        }
    }

    fn learned_of_key(&self, now: Time, key: KeyId) -> Option<LearnedKey> {
        let breaker = self.breakers.get(key)?.learned(now)?;
        let told = self.trips.get(&key);
        let outage = told.map(|told| LearnedOutage::of(told, now));
        Some(LearnedKey { breaker, outage })
    }

    /// Knows again what was learned `age_secs` ago of an account and its keys.
    pub(crate) fn recall(
        &mut self,
        now: Time,
        age_secs: f64,
        (account, learned): (AccountId, &LearnedAccount),
        keys: &[(KeyId, LearnedKey)],
    ) {
        if let Some(row) = self.accounts.get_mut(account) {
            row.recall(now, age_secs, learned);
        }
        for (key, learned) in keys {
            let Some(breaker) = self.breakers.get_mut(*key) else {
                continue;
            };
            breaker.recall(now, age_secs, &learned.breaker);
            let outage = learned.outage.as_ref();
            let told = outage.and_then(|outage| outage.told(now, age_secs));
            self.trips.extend(told.map(|told| (*key, told)));
        }
        self.capacity.forget();
    }
}
