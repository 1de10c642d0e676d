//! What bounds tenants and their groups: names that are there, no circles, and nothing said twice.

use std::collections::{HashMap, HashSet};

use crate::file::check::Check;
use crate::file::problems::{At, Spot};
use crate::file::read::{RawAllowance, RawBudget, RawTenant, RawTenantGroup};
use keyweir_terms::amount::Dimension;

/// What to do about bounds of the same.
const SAID_TWICE: &str = "keep one of them, or name other models";

impl Check<'_> {
    pub(super) fn allowances(&self) {
        let groups: HashMap<&str, &RawTenantGroup> = self
            .raw
            .groups
            .iter()
            .filter_map(|group| Some((group.id.as_ref()?.value.as_str(), group)))
            .collect();
        let of_groups = self.raw.groups.iter().map(|group| &group.allowance);
        let of_tenants = self.raw.tenants.iter().map(|tenant| &tenant.allowance);
        for allowance in of_groups.chain(of_tenants) {
            if let Some(name) = &allowance.group {
                self.find("tenant_group", name, &groups);
            }
            self.limits_said_twice(allowance);
            self.budgets_said_twice(allowance);
        }
        for group in &self.raw.groups {
            self.circle(group, &groups);
        }
        for tenant in &self.raw.tenants {
            self.accounts_in_common(&tenant.allowance, &groups);
            self.fallbacks_allowed(tenant, &groups);
        }
        self.reserves(&groups);
        self.prices();
    }

    /// A list and those of the groups around it must have an account in common.
    fn accounts_in_common(
        &self,
        allowance: &RawAllowance,
        groups: &HashMap<&str, &RawTenantGroup>,
    ) {
        let lists = lists_of(allowance, groups);
        let Some((first, others)) = lists.split_first() else {
            return;
        };
        if first
            .value
            .iter()
            .any(|name| is_in_all(&name.value, others))
        {
            return;
        }
        self.error_with_hint(
            &first.spot,
            "has no account in common with the lists of the groups around it",
            "name accounts that those may use too, or leave one of the lists out",
        );
    }

    /// A tenant's own fallbacks lead to accounts that it may use.
    fn fallbacks_allowed(&self, tenant: &RawTenant, groups: &HashMap<&str, &RawTenantGroup>) {
        let lists = lists_of(&tenant.allowance, groups);
        let named = tenant.fallbacks.iter().filter_map(|it| it.account.as_ref());
        for account in named.filter(|it| !is_in_all(&it.value, &lists)) {
            self.error_with_hint(
                &account.spot,
                "is not among the accounts that this tenant may use",
                "add it to accounts, or let the fallback lead elsewhere",
            );
        }
    }

    fn circle(&self, group: &RawTenantGroup, groups: &HashMap<&str, &RawTenantGroup>) {
        let (Some(id), Some(first)) = (&group.id, &group.allowance.group) else {
            return;
        };
        let (mut next, mut seen) = (Some(first), HashSet::new());
        while let Some(name) = next.filter(|name| seen.insert(name.value.as_str())) {
            if name.value == id.value {
                self.error_with_hint(
                    &first.spot,
                    "leads back to this group itself",
                    "groups within groups end in one that is in none",
                );
                return;
            }
            let group = groups.get(name.value.as_str());
            next = group.and_then(|group| group.allowance.group.as_ref());
        }
    }

    fn limits_said_twice(&self, allowance: &RawAllowance) {
        let mut first: HashMap<(String, usize), &Spot> = HashMap::new();
        for At { value, spot } in &allowance.limits {
            let models = value.models.set();
            let per_minute = value.per_minute.iter().map(Option::is_some);
            let is_said = per_minute.chain([value.concurrency.is_some()]);
            for (what, _) in is_said.enumerate().filter(|(_, is_said)| *is_said) {
                if let Some(other) = first.insert((models.clone(), what), spot) {
                    let what = Dimension::ALL.get(what);
                    let what = what.map_or("concurrency", |what| what.as_str());
                    self.said_twice((spot, other), what, SAID_TWICE);
                }
            }
        }
    }

    fn budgets_said_twice(&self, allowance: &RawAllowance) {
        let mut first: HashMap<_, &RawBudget> = HashMap::new();
        for budget in &allowance.budgets {
            let RawBudget {
                unit, hour, zone, ..
            } = budget;
            let Some(unit) = unit else { continue };
            let amounts = [budget.tokens.map(|_| "tokens"), budget.money.map(|_| "usd")];
            for what in amounts.into_iter().flatten() {
                let key = (budget.models.set(), *unit, *hour, zone, what);
                if let Some(other) = first.insert(key, budget) {
                    let hint = match other.soft == budget.soft {
                        true => SAID_TWICE,
                        false => "keep the hard one: with warn_at = 0.8 it warns, too",
                    };
                    self.said_twice((&budget.spot, &other.spot), what, hint);
                }
            }
        }
    }

    fn said_twice(&self, (spot, other): (&Spot, &Spot), what: &str, hint: &str) {
        self.error_with_hint(
            spot,
            format!(
                "{} bounds {what} of the same models too",
                self.other(other, spot)
            ),
            hint,
        );
    }

    /// Prices that name a provider, and models that cost nobody knows what.
    fn prices(&self) {
        let providers: HashMap<&str, &()> = self
            .raw
            .providers
            .iter()
            .filter_map(|provider| Some((provider.id.as_ref()?.value.as_str(), &())))
            .collect();
        for price in &self.raw.prices {
            if let Some(name) = &price.provider {
                self.find("provider", name, &providers);
            }
        }
        self.unpriced_models();
    }
}

/// The lists of accounts that bound a tenant: its own, and those of the groups around it.
pub(super) fn lists_of<'r>(
    allowance: &'r RawAllowance,
    groups: &HashMap<&str, &'r RawTenantGroup>,
) -> Vec<&'r At<Vec<At<String>>>> {
    let (mut next, mut seen) = (Some(allowance), HashSet::new());
    let mut lists = Vec::new();
    while let Some(at) = next {
        lists.extend(&at.accounts);
        let group = at.group.as_ref().map(|name| name.value.as_str());
        let group = group.filter(|name| seen.insert(*name));
        next = group.and_then(|name| Some(&groups.get(name)?.allowance));
    }
    lists
}

pub(super) fn is_in_all(name: &str, lists: &[&At<Vec<At<String>>>]) -> bool {
    let is_in = |list: &&At<Vec<At<String>>>| list.value.iter().any(|at| at.value == name);
    lists.iter().all(is_in)
}
