//! What is learned of accounts and keys, for who keeps it over restarts, and knowing it again.

use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

use super::Members;
use crate::learned::LearnedStanding;

impl Members {
    /// What is learned of an account, and of those of its keys that are out or held.
    pub(crate) fn learned(
        &self,
        now: Time,
        account: AccountId,
    ) -> (Option<LearnedStanding>, Vec<(KeyId, LearnedStanding)>) {
        let of_keys = self.keys_of(account).iter();
        let of_keys = of_keys
            .filter_map(|key| Some((*key, self.keys.get(*key)?.standing.learned(now)?)))
            .collect();
        let of_account = self.accounts.get(account);
        (of_account.and_then(|it| it.standing.learned(now)), of_keys)
    }

    /// Knows again what was learned `age_secs` ago.
    pub(crate) fn recall(
        &mut self,
        now: Time,
        age_secs: f64,
        (account, of): (AccountId, Option<&LearnedStanding>),
        keys: &[(KeyId, LearnedStanding)],
    ) {
        if let (Some(row), Some(of)) = (self.accounts.get_mut(account), of) {
            row.standing.recall(now, age_secs, of);
        }
        for (key, of) in keys {
            if let Some(row) = self.keys.get_mut(*key) {
                row.standing.recall(now, age_secs, of);
            }
        }
        self.changed.push(account);
    }
}
