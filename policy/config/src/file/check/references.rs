//! Names of other things: they must be there.

use std::collections::HashMap;

use crate::file::check::Check;
use crate::file::problems::At;
use crate::file::read::{RawAccount, RawFallback, RawProvider, RawScope};
use crate::file::{shown, suggest};

impl Check<'_> {
    pub(super) fn references(&self) {
        let providers = by_id(
            self.raw
                .providers
                .iter()
                .map(|provider| (&provider.id, provider)),
        );
        let accounts = by_id(
            self.raw
                .accounts
                .iter()
                .map(|account| (&account.id, account)),
        );
        for account in &self.raw.accounts {
            let provider = account.provider.as_ref();
            let provider = provider.and_then(|name| self.find("provider", name, &providers));
            if let Some(provider) = provider {
                self.limit_groups(account, provider);
            }
        }
        let of_groups = self.raw.groups.iter().map(|group| &group.allowance);
        let of_tenants = self.raw.tenants.iter().map(|tenant| &tenant.allowance);
        let lists = of_groups.chain(of_tenants).flat_map(|it| &it.accounts);
        for name in lists.flat_map(|list| &list.value) {
            self.find("account", name, &accounts);
        }
        let of_groups = self.raw.groups.iter().map(|group| &group.allowance);
        let of_tenants = self.raw.tenants.iter().map(|tenant| &tenant.allowance);
        let reserves = of_groups.chain(of_tenants).flat_map(|it| &it.reserves);
        for name in reserves.filter_map(|reserve| reserve.account.as_ref()) {
            self.find("account", name, &accounts);
        }
        let of_tenants = self.raw.tenants.iter().flat_map(|tenant| &tenant.aliases);
        for alias in self.raw.aliases.iter().chain(of_tenants) {
            let provider = alias.provider.as_ref();
            provider.and_then(|name| self.find("provider", name, &providers));
        }
        let tenants = self.raw.tenants.iter().flat_map(|tenant| &tenant.fallbacks);
        let models = self
            .raw
            .fallbacks
            .iter()
            .flat_map(|fallback| &fallback.steps);
        for step in tenants.chain(models) {
            self.fallback(step, &providers, &accounts);
        }
    }

    fn limit_groups(&self, account: &RawAccount, provider: &RawProvider) {
        let groups = by_id(provider.groups.iter().map(|group| (&group.id, group)));
        for limit in &account.limits {
            if let RawScope::Group(name) = &limit.scope {
                self.find("model group of this account's provider", name, &groups);
            }
        }
    }

    fn fallback(
        &self,
        step: &RawFallback,
        providers: &HashMap<&str, &RawProvider>,
        accounts: &HashMap<&str, &RawAccount>,
    ) {
        let provider = step.provider.as_ref();
        let account = step.account.as_ref();
        let found_provider = provider.and_then(|name| self.find("provider", name, providers));
        let found_account = account.and_then(|name| self.find("account", name, accounts));
        let (Some(_), Some(provider), Some(found), Some(account)) =
            (found_provider, provider, found_account, account)
        else {
            return;
        };
        let elsewhere = found
            .provider
            .as_ref()
            .filter(|at| at.value != provider.value);
        if elsewhere.is_some() {
            self.error_with_hint(
                &account.spot,
                format!(
                    "is not an account of provider {}",
                    shown::quoted(&provider.value)
                ),
                "leave provider out: the account says which",
            );
        }
    }

    pub(super) fn find<'r, T>(
        &self,
        what: &str,
        name: &At<String>,
        known: &HashMap<&'r str, &'r T>,
    ) -> Option<&'r T> {
        if let Some(found) = known.get(name.value.as_str()) {
            return Some(found);
        }
        let message = if shown::is_showable(&name.value) {
            format!("no {what} is called \"{}\"", name.value)
        } else {
            format!("no {what} has this name")
        };
        let near = || {
            let mut names: Vec<&str> = known.keys().copied().collect();
            // In an order of its own a hash map would suggest now this, now that.
            names.sort_unstable();
            suggest::did_you_mean(&name.value, names)
        };
        match self.problems.hint(near) {
            Some(hint) => self.error_with_hint(&name.spot, message, hint),
            None => self.error(&name.spot, message),
        }
        None
    }
}

fn by_id<'r, T>(
    things: impl Iterator<Item = (&'r Option<At<String>>, &'r T)>,
) -> HashMap<&'r str, &'r T> {
    things
        .filter_map(|(id, thing)| Some((id.as_ref()?.value.as_str(), thing)))
        .collect()
}
