//! Whether anything can be served, and to whom.
//!
//! A policy that can serve nothing is an error. A part that serves nothing is a warning: whoever
//! takes out a leaked key in a hurry must not be stopped because it was its account's last.

use std::collections::HashSet;
use std::time::SystemTime;

use crate::file::check::Check;
use keyweir_tenancy::validity::is_expired;

impl Check<'_> {
    pub(super) fn serving(&self, now: SystemTime) {
        if !self.problems.has_unknown() {
            self.anything_at_all();
            self.idle_providers();
            self.idle_accounts();
        }
        self.shut_out_tenants(now);
    }

    fn anything_at_all(&self) {
        let whole = self.whole_policy();
        if self.raw.providers.is_empty() {
            self.error_with_hint(
                &whole,
                "no provider: nothing can be served",
                "add a [[provider]]",
            );
        }
        if self.raw.accounts.is_empty() {
            self.error_with_hint(
                &whole,
                "no account: nothing can be served",
                "add an [[account]]",
            );
        } else if !self.raw.accounts.iter().any(|account| account.has_keys) {
            let hint = "add an [[account.key]]";
            self.error_with_hint(&whole, "no provider key: nothing can be served", hint);
        }
    }

    fn idle_providers(&self) {
        let names = |account: &crate::file::read::RawAccount| {
            account.provider.as_ref().map(|name| name.value.clone())
        };
        let used: Option<HashSet<String>> = self.raw.accounts.iter().map(names).collect();
        let ids: HashSet<&str> = self
            .raw
            .providers
            .iter()
            .filter_map(|provider| Some(provider.id.as_ref()?.value.as_str()))
            .collect();
        // An account with a misspelt provider may be the one that seems to be missing.
        let Some(used) = used.filter(|used| used.iter().all(|name| ids.contains(name.as_str())))
        else {
            return;
        };
        if self.raw.accounts.is_empty() {
            return;
        }
        for id in self
            .raw
            .providers
            .iter()
            .filter_map(|provider| provider.id.as_ref())
        {
            if !used.contains(&id.value) {
                self.warn(
                    &id.spot,
                    "no account is with this provider",
                    "add an [[account]]",
                );
            }
        }
    }

    fn idle_accounts(&self) {
        let some_have_keys = self.raw.accounts.iter().any(|account| account.has_keys);
        for account in self.raw.accounts.iter().filter(|account| !account.has_keys) {
            if some_have_keys {
                self.warn(
                    &account.spot,
                    "has no keys: serves nothing",
                    "add an [[account.key]]",
                );
            }
        }
    }

    fn shut_out_tenants(&self, now: SystemTime) {
        for tenant in &self.raw.tenants {
            if !tenant.has_client_keys && !self.believes_tokens() {
                let hint = "run `keyweir hash` and add client_keys = [\"sha256:…\"]";
                self.warn(
                    &tenant.spot,
                    "has no client keys: nobody can call as this tenant",
                    hint,
                );
            }
            let of_keys = tenant.client_keys_expire.iter().map(|(_, expires)| expires);
            for expires in of_keys.filter(|expires| is_expired(Some(expires.value), now)) {
                let hint = "set a later date or remove the client key";
                let message = "has passed: this client key is refused";
                self.warn(&expires.spot, message, hint);
            }
            if let Some(expires) = tenant
                .expires
                .as_ref()
                .filter(|expires| is_expired(Some(expires.value), now))
            {
                let hint = "set a later date or remove the tenant";
                self.warn(
                    &expires.spot,
                    "has passed: this tenant's client keys are refused",
                    hint,
                );
            }
        }
    }
}
