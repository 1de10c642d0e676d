//! Which quota group a model is charged to.
//!
//! The bound on groups falls with the number of accounts, since each group has buckets for all of them;
//! groups stay, and the last quarter of them is for tenants that have brought few.

use keyweir_terms::ids::{GroupId, TenantId};
use keyweir_terms::table::Id as _;

use super::{GroupName, Models, Named, OTHER, SHARED};
use crate::spec::PoolSpec;

/// Groups, however few accounts there are: a few for each of the families that providers list …
const GROUPS_MAX: usize = 256;
/// … and however many there are: enough for the families that one provider serves at a time.
const GROUPS_MIN: usize = 16;
/// Buckets' worth of memory that groups may take together: about 900 bytes each, some 350 MiB.
const GROUP_ACCOUNTS_MAX: usize = 400_000;
/// The part of all groups, as a divisor, that a tenant may bring once three quarters are there.
const GROUPS_OF_TENANT: usize = 16;

impl Models {
    pub(super) fn group(
        &mut self,
        spec: &PoolSpec,
        named: Named<'_>,
    ) -> (GroupId, Option<(GroupId, GroupName)>) {
        let group = self.group_name(spec, named);
        if let Some(known) = self.groups.get(&group) {
            return (*known, None);
        }
        let id = GroupId::from_index(self.groups.len());
        self.groups.insert(group.clone(), id);
        *self.groups_of.entry(named.tenant).or_default() += 1;
        (id, Some((id, group)))
    }

    /// A group that was there in a process before this one, and whether it is new in this one; `None`:
    /// there is no room for it. It counts as nobody's.
    pub(crate) fn group_again(
        &mut self,
        spec: &PoolSpec,
        name: &GroupName,
    ) -> Option<(GroupId, bool)> {
        if let Some(known) = self.groups.get(name) {
            return Some((*known, false));
        }
        if self.groups.len() >= most_groups(spec) / 4 * 3 {
            return None;
        }
        let id = GroupId::from_index(self.groups.len());
        self.groups.insert(name.clone(), id);
        Some((id, true))
    }

    /// The group that a model is charged to: one that is there, or one that there is room for.
    pub(super) fn group_name(&self, spec: &PoolSpec, named: Named<'_>) -> GroupName {
        let (name, declared) = match named.name.starts_with(SHARED) {
            true => (OTHER.to_owned(), None),
            false => spec.group_of(named.name),
        };
        let mut group = GroupName {
            endpoint: named.endpoint,
            name,
        };
        let may_be_new = declared.is_some() || self.may_bring_group(spec, named.tenant);
        if !may_be_new && !self.groups.contains_key(&group) {
            OTHER.clone_into(&mut group.name);
        }
        group
    }

    /// Whether there is room for a group that `tenant` brings.
    fn may_bring_group(&self, spec: &PoolSpec, tenant: TenantId) -> bool {
        let most = most_groups(spec);
        let there = self.groups.len();
        let brought = self.groups_of.get(&tenant).copied().unwrap_or_default();
        there < most && (there < most / 4 * 3 || brought < most / GROUPS_OF_TENANT)
    }
}

/// How many groups there may be.
fn most_groups(spec: &PoolSpec) -> usize {
    (GROUP_ACCOUNTS_MAX / spec.accounts.len().max(1)).clamp(GROUPS_MIN, GROUPS_MAX)
}
