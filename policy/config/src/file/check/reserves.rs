//! Parts of accounts that are kept for tenants: no account is given away more than whole, and nobody has a
//! part of what it may not use.

use std::collections::{BTreeMap, HashMap};

use crate::file::check::Check;
use crate::file::check::allowances::{is_in_all, lists_of};
use crate::file::problems::Spot;
use crate::file::read::{RawAllowance, RawReserve, RawTenantGroup};

/// What shares may add up to: a whole, and what adding fractions loses.
const WHOLE: f64 = 1.0 + 1e-9;

impl Check<'_> {
    pub(super) fn reserves(&self, groups: &HashMap<&str, &RawTenantGroup>) {
        let of_groups = self
            .raw
            .groups
            .iter()
            .map(|it| ("group", &it.id, &it.allowance));
        let of_tenants = self.raw.tenants.iter();
        let of_tenants = of_tenants.map(|it| ("tenant", &it.id, &it.allowance));
        let mut of_accounts: BTreeMap<&str, Vec<(String, f64, &Spot)>> = BTreeMap::new();
        for (kind, id, allowance) in of_groups.chain(of_tenants) {
            self.reserves_of(allowance, groups);
            let name = id.as_ref().map_or("", |id| &id.value);
            for RawReserve {
                spot,
                account,
                share,
            } in &allowance.reserves
            {
                if let (Some(account), Some(share)) = (account, share) {
                    let parts = of_accounts.entry(&account.value).or_default();
                    parts.push((format!("{kind} {name}"), *share, spot));
                }
            }
        }
        for (account, parts) in of_accounts {
            self.more_than_whole(account, &parts);
        }
    }

    fn reserves_of(&self, allowance: &RawAllowance, groups: &HashMap<&str, &RawTenantGroup>) {
        let lists = lists_of(allowance, groups);
        let mut first: HashMap<&str, &Spot> = HashMap::new();
        for RawReserve { spot, account, .. } in &allowance.reserves {
            let Some(account) = account else { continue };
            if !is_in_all(&account.value, &lists) {
                self.error_with_hint(
                    &account.spot,
                    "is not among the accounts that may be used here",
                    "add it to accounts, or keep a part of another account",
                );
            }
            if let Some(other) = first.insert(&account.value, spot) {
                self.error_with_hint(
                    spot,
                    format!(
                        "{} keeps a part of the same account",
                        self.other(other, spot)
                    ),
                    "keep one of them, with both shares in one",
                );
            }
        }
    }

    fn more_than_whole(&self, account: &str, parts: &[(String, f64, &Spot)]) {
        let sum: f64 = parts.iter().map(|(_, share, _)| share).sum();
        let (Some((_, _, last)), true) = (parts.last(), sum > WHOLE) else {
            return;
        };
        let percent = |share: f64| format!("{} %", (share * 1e4).round() / 1e2);
        let each = parts
            .iter()
            .map(|(whose, share, _)| format!("{whose} {}", percent(*share)));
        let each: Vec<String> = each.collect();
        self.error_with_hint(
            last,
            format!(
                "of account {account:?}, {} are kept: {}",
                percent(sum),
                each.join(", ")
            ),
            "let the shares of one account add up to 1 at most",
        );
    }
}
