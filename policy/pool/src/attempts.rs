//! What a request's earlier attempts tell the pool about its next one: whom it does not go to again,
//! and what it has been charged for already. A request's retries are one piece of evidence, so
//! whoever it met first is charged, and nobody after.

use keyweir_queue::hold::Hold;
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
    pub(crate) hold: Hold,
    /// Keys and accounts that cannot serve it, whatever they do for others.
    ruled_out_keys: Vec<RuledOut>,
    ruled_out_accounts: Vec<AccountId>,
    /// Accounts that had no budget for it: others come first.
    refused_by: Vec<AccountId>,
    pub(crate) earlier: Earlier,
}

/// Whom a request met first, of each kind of failure.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Earlier {
    /// The key it broke down with, and when.
    pub(crate) broke_down: Option<(KeyId, Time)>,
    /// What it was told of keys and accounts: the first of it.
    pub(crate) rejected: [Option<Rejection>; REJECTIONS_MAX],
    /// The account that had no budget for it, the key, and when.
    pub(crate) refused: Option<(AccountId, KeyId, Time)>,
}

/// Rejections of one request that are remembered: as many as it makes attempts, by default.
const REJECTIONS_MAX: usize = 4;

/// A key that cannot serve it, as one attempt was told.
#[derive(Clone, Copy, Debug)]
struct RuledOut {
    key: KeyId,
    sent: Time,
}

/// What a request was told of a key or its account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rejection {
    pub(crate) key: KeyId,
    /// When the attempt was sent, and when it was told so.
    pub(crate) sent: Time,
    pub(crate) at: Time,
    /// It was of the account.
    pub(crate) is_account: bool,
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
    pub const fn count(&mut self) {
        self.made = self.made.saturating_add(1);
    }

    /// It broke down with `key` at `now`: other keys come before it until `until`.
    pub fn broke_down(&mut self, now: Time, key: KeyId, until: Time) {
        self.earlier.broke_down.get_or_insert((key, now));
        self.avoided.push(key);
        self.avoided_until = until;
    }

    /// `key` was rejected, or its `account` is out, or so an attempt that was sent at `sent` was told at
    /// `now`: it does not go there again.
    pub fn rejected(&mut self, now: Time, (key, sent): (KeyId, Time), account: Option<AccountId>) {
        let mut places = self.earlier.rejected.iter_mut();
        if let Some(place) = places.find(|place| place.is_none()) {
            *place = Some(Rejection {
                key,
                sent,
                at: now,
                is_account: account.is_some(),
            });
        }
        self.denied(key, sent);
        self.ruled_out_accounts.extend(account);
    }

    /// `key` may not be used for what it asks, an attempt that was sent at `sent` was told.
    pub fn denied(&mut self, key: KeyId, sent: Time) {
        self.ruled_out_keys.push(RuledOut { key, sent });
    }

    /// `account` had no budget for it at `now`, or so it was told with `key`.
    pub fn refused(&mut self, now: Time, key: KeyId, account: AccountId) {
        self.earlier.refused.get_or_insert((account, key, now));
        self.refused_by.push(account);
    }

    /// The limits of `account` are too small for it.
    pub fn note_exceeded(&mut self, account: AccountId) {
        self.ruled_out_accounts.push(account);
    }

    /// How long the next one is held back.
    pub const fn hold(&mut self, hold: Hold) {
        self.hold = hold;
    }

    /// Whether it minds whom it goes to, beside what anyone minds.
    pub(crate) const fn is_choosy(&self) -> bool {
        self.made > 0
    }

    pub(crate) const fn has_broken_down(&self) -> bool {
        self.earlier.broke_down.is_some()
    }

    pub(crate) fn rules_out(&self, account: AccountId) -> bool {
        self.ruled_out_accounts.contains(&account)
    }

    /// Whether it does not go to `key` again, which has had its secret since `renewed_at`.
    pub(crate) fn rules_out_key(&self, key: KeyId, renewed_at: Time) -> bool {
        let mut ruled_out = self.ruled_out_keys.iter();
        ruled_out.any(|it| it.key == key && it.sent >= renewed_at)
    }

    pub(crate) fn avoids(&self, now: Time, key: KeyId) -> bool {
        now < self.avoided_until && self.avoided.contains(&key)
    }

    pub(crate) fn was_refused_by(&self, account: AccountId) -> bool {
        self.refused_by.contains(&account)
    }
}
