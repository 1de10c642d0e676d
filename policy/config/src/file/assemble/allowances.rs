//! What a tenant, or a group of them, may use and spend.

use std::collections::{BTreeSet, HashMap};

use crate::file::policy::TenantGroup;
use crate::file::read::RawAllowance;
use keyweir_exchange::seek::Holder;
use keyweir_tenancy::allowance::{Allowance, Amount, Budget};
use keyweir_tenancy::period::Period;

/// What tables of bounds refer to.
pub(super) struct Bounds<'r> {
    pub(super) zone: &'r str,
    pub(super) groups: HashMap<String, usize>,
}

impl Bounds<'_> {
    pub(super) fn allowance(&self, raw: RawAllowance) -> Option<(Allowance, Option<usize>)> {
        let group = raw
            .group
            .map(|name| self.groups.get(&name.value).copied().ok_or(()));
        let mut budgets = Vec::new();
        for raw in raw.budgets {
            let zone = raw.zone.as_deref().unwrap_or(self.zone);
            let period = Period::new(raw.unit?, zone, raw.hour)?;
            let tokens = raw.tokens.map(Amount::Tokens);
            let amounts = tokens.into_iter().chain(raw.money.map(Amount::Money));
            budgets.extend(amounts.map(|amount| Budget {
                models: raw.models.clone(),
                period: period.clone(),
                amount,
                soft: raw.soft,
                warn_at: raw.warn_at,
            }));
        }
        let allowance = Allowance {
            limits: raw.limits.into_iter().map(|at| at.value).collect(),
            budgets,
            shadow: raw.shadow,
        };
        Some((allowance, group.transpose().ok()?))
    }
}

/// The accounts of `own` that each group lists from `group` outward, as far as any of them has a list.
pub(super) fn usable(
    own: Option<&BTreeSet<Holder>>,
    group: Option<usize>,
    groups: &[TenantGroup],
) -> Option<BTreeSet<Holder>> {
    let mut usable = own.cloned();
    let mut next = group;
    // Groups are in no circle; each is passed once.
    for _ in groups {
        let Some(group) = next.and_then(|place| groups.get(place)) else {
            break;
        };
        usable = match (usable, &group.accounts) {
            (Some(own), Some(of_group)) => Some(&own & of_group),
            (own, of_group) => own.or_else(|| of_group.clone()),
        };
        next = group.group;
    }
    usable
}
