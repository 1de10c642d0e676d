//! Two accounts of the policy file that turn out to be one at the provider.

use crate::ask::Notice;
use crate::models::GroupId;
use crate::pool::Pool;
use keyweir_terms::amount::Dimension;
use keyweir_terms::ids::AccountId;
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::time::Time;

impl Pool {
    /// Responses say which account they were charged to; two of ours may turn out to be one.
    pub(crate) fn compare_fingerprints(
        &mut self,
        now: Time,
        account: AccountId,
        group: GroupId,
        snapshot: &Snapshot,
    ) {
        let Some(fingerprint) = snapshot.account_fingerprint else {
            return;
        };
        if self.accounts[account.index()].fingerprint == Some(fingerprint) {
            return;
        }
        self.accounts[account.index()].fingerprint = Some(fingerprint);
        let other = (0..self.accounts.len())
            .filter(|other| *other != account.index())
            .find(|other| self.accounts[*other].fingerprint == Some(fingerprint));
        if let Some(other) = other {
            let other = AccountId(u32::try_from(other).expect("accounts are bounded"));
            self.merge(now, other, account, group);
        }
    }

    /// `account` is `other` under another name: its keys move over, its own budgets go.
    fn merge(&mut self, now: Time, other: AccountId, account: AccountId, group: GroupId) {
        let limits = |it: AccountId| {
            let budget = &self.groups[group].accounts[it.index()].budget;
            Dimension::ALL.map(|dimension| budget.bucket(dimension).limit())
        };
        let (of_other, of_account) = (limits(other), limits(account));
        let contradict = of_other
            .iter()
            .zip(&of_account)
            .any(|(a, b)| matches!((a, b), (Some(a), Some(b)) if a != b));
        if contradict {
            self.notify(Notice::SameOrganization(other, account));
            return;
        }
        let keys = std::mem::take(&mut self.accounts[account.index()].keys);
        for key in &keys {
            self.keys[key.index()].account = other;
        }
        self.accounts[other.index()].keys.extend(keys);
        self.notify(Notice::SameAccount(other, account));
        self.refresh_everywhere(now, other);
        self.refresh_everywhere(now, account);
    }
}
