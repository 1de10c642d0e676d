//! Two accounts of the policy file that turn out to be one at the provider.

use keyweir_terms::amount::Dimension;
use keyweir_terms::ids::AccountId;
use keyweir_terms::snapshot::Snapshot;

use crate::ask::Notice;
use crate::group::QuotaGroup;
use crate::shared::Shared;

impl Shared {
    /// Responses say which account they were charged to; two of ours may turn out to be one.
    pub(crate) fn recognize(
        &mut self,
        group: &QuotaGroup,
        account: AccountId,
        snapshot: &Snapshot,
    ) {
        let Some(fingerprint) = snapshot.account_fingerprint else {
            return;
        };
        let Some(other) = self.members.identify(account, fingerprint) else {
            return;
        };
        if do_limits_contradict(group, account, other) {
            self.notices.add(Notice::SameOrganization(other, account));
            return;
        }
        self.members.merge(account, other);
        self.access.merge(account, other);
        self.reserves.merge(account, other);
        self.notices.add(Notice::SameAccount(other, account));
    }
}

/// An organization may have several accounts with limits of their own.
fn do_limits_contradict(group: &QuotaGroup, one: AccountId, other: AccountId) -> bool {
    let limit = |account: AccountId, dimension: Dimension| {
        let account = group.accounts.get(account)?;
        account.budget.bucket(dimension).limit()
    };
    Dimension::ALL.into_iter().any(|dimension| {
        let limits = (limit(one, dimension), limit(other, dimension));
        matches!(limits, (Some(one), Some(other)) if one != other)
    })
}
