//! Limits of one account that contradict each other.

use std::collections::HashMap;

use crate::file::check::Check;
use crate::file::problems::Spot;
use crate::file::read::{RawAccount, RawScope};

impl Check<'_> {
    pub(super) fn limits(&self) {
        for account in &self.raw.accounts {
            self.limits_of(account);
        }
    }

    /// A model group has one limit. Limits for groups and models go before the one for all.
    fn limits_of(&self, account: &RawAccount) {
        let mut first: HashMap<Option<&str>, &Spot> = HashMap::new();
        for limit in &account.limits {
            let group = match &limit.scope {
                RawScope::EveryGroup => None,
                RawScope::Group(group) => Some(group.value.as_str()),
                RawScope::Models(_) | RawScope::Unclear => continue,
            };
            let Some(other) = first.insert(group, &limit.spot) else {
                continue;
            };
            let whom = if group.is_some() {
                "the same group"
            } else {
                "all models"
            };
            self.error_with_hint(
                &limit.spot,
                format!("{} is for {whom} too", self.other(other, &limit.spot)),
                "put them together, or set group or models",
            );
        }
    }
}
