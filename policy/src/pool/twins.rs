//! Two accounts of the policy file that turn out to be one at the provider.

use crate::ids::AccountId;
use crate::pool::Pool;
use crate::pool::ask::Notice;
use crate::pool::models::LaneId;
use crate::snapshot::Snapshot;
use crate::units::{Dimension, Time};

impl Pool {
    /// Responses say which account they were charged to; two of ours may turn out to be one.
    pub(super) fn compare_fingerprints(
        &mut self,
        now: Time,
        account: AccountId,
        lane: LaneId,
        snapshot: &Snapshot,
    ) {
        let Some(fingerprint) = snapshot.account_fingerprint else {
            return;
        };
        if self.accounts[account.index()].fingerprint == Some(fingerprint) {
            return;
        }
        self.accounts[account.index()].fingerprint = Some(fingerprint);
        let twin = (0..self.accounts.len())
            .filter(|other| *other != account.index())
            .find(|other| self.accounts[*other].fingerprint == Some(fingerprint));
        if let Some(twin) = twin {
            let twin = AccountId(u32::try_from(twin).expect("accounts are bounded"));
            self.unite(now, twin, account, lane);
        }
    }

    /// `account` is `twin` under another name: its keys move over, its own budgets go.
    fn unite(&mut self, now: Time, twin: AccountId, account: AccountId, lane: LaneId) {
        let limits = |it: AccountId| {
            let budget = &self.lanes[lane].accounts[it.index()].budget;
            Dimension::ALL.map(|dimension| budget.bucket(dimension).limit())
        };
        let (of_twin, of_account) = (limits(twin), limits(account));
        let contradict = of_twin
            .iter()
            .zip(&of_account)
            .any(|(a, b)| matches!((a, b), (Some(a), Some(b)) if a != b));
        if contradict {
            self.notify(Notice::SameOrganization(twin, account));
            return;
        }
        let keys = std::mem::take(&mut self.accounts[account.index()].keys);
        for key in &keys {
            self.keys[key.index()].account = twin;
        }
        self.accounts[twin.index()].keys.extend(keys);
        self.notify(Notice::SameAccount(twin, account));
        self.refresh_everywhere(now, twin);
        self.refresh_everywhere(now, account);
    }
}
