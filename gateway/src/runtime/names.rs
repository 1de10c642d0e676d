//! What the log calls a pool's parts, and what it says when something happens to one.

use keyweir_policy::pool::ask::Notice;
use keyweir_policy::terms::ids::{AccountId, KeyId};
use keyweir_policy::terms::table::Table;

/// What the log calls the pool's parts.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) provider: String,
    pub(crate) accounts: Table<AccountId, String>,
    pub(crate) keys: Table<KeyId, String>,
}

impl Names {
    fn key(&self, key: KeyId) -> &str {
        self.keys.get(key).map_or("?", String::as_str)
    }

    fn account(&self, account: AccountId) -> &str {
        self.accounts.get(account).map_or("?", String::as_str)
    }

    /// Tells the log of `notice`.
    pub(crate) fn log(&self, notice: Notice) {
        let provider = self.provider.as_str();
        match notice {
            Notice::KeyOut(key) => {
                tracing::error!(
                    provider,
                    key = self.key(key),
                    "the provider rejects this key"
                );
            }
            Notice::KeyBack(key) => {
                tracing::info!(provider, key = self.key(key), "a key is accepted again");
            }
            Notice::AccountOut(account) => tracing::error!(
                provider,
                account = self.account(account),
                "an account is out of money or disabled"
            ),
            Notice::AccountBack(account) => {
                tracing::info!(
                    provider,
                    account = self.account(account),
                    "an account serves again"
                );
            }
            Notice::BreakerTripped(key) => {
                tracing::warn!(
                    provider,
                    key = self.key(key),
                    "a key keeps failing; its breaker is open"
                );
            }
            Notice::OverloadBegan => {
                tracing::warn!(
                    provider,
                    "the provider is overloaded; requests are held back"
                );
            }
            Notice::OverloadEnded => tracing::info!(provider, "the provider serves again"),
            Notice::SameAccount(one, other) => tracing::warn!(
                provider,
                account = self.account(one),
                other = self.account(other),
                "the provider says these are one account; they share one budget from now on"
            ),
            Notice::SameOrganization(one, other) => tracing::warn!(
                provider,
                account = self.account(one),
                other = self.account(other),
                "these accounts are of one organization, but their limits differ"
            ),
        }
    }
}
