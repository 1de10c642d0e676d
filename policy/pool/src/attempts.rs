//! What a request's earlier attempts tell the pool about its next one.

use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::time::Time;

/// One request's attempts so far, at one provider.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    made: u32,
    /// Keys that failed it: others come first until the time given.
    pub(crate) avoided: Vec<KeyId>,
    pub(crate) avoided_until: Time,
    /// Not to be sent before this.
    pub(crate) not_before: Time,
    /// Accounts whose limits are too small for it.
    pub(crate) too_small: Vec<AccountId>,
}

impl Attempts {
    /// How many were sent.
    pub const fn made(&self) -> u32 {
        self.made
    }

    /// Whether it has been tried before.
    pub const fn is_retry(&self) -> bool {
        self.made > 0
    }

    /// One more was sent.
    pub fn count(&mut self) {
        self.made = self.made.saturating_add(1);
    }

    /// Other keys come before `key` until `until`.
    pub fn avoid(&mut self, key: KeyId, until: Time) {
        self.avoided.push(key);
        self.avoided_until = until;
    }

    /// The next one is not sent before `at`.
    pub const fn hold_until(&mut self, at: Time) {
        self.not_before = at;
    }

    /// The limits of `account` are too small for it.
    pub fn exceeds(&mut self, account: AccountId) {
        self.too_small.push(account);
    }
}
