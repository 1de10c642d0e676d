//! What gateways with the same provider tell one another of its accounts and keys.
//!
//! As with tenants' meters, each tells the sum of what *it* has taken, which only it writes; a word that
//! is lost, late or said twice changes nothing. Waits are told as spans. Whoever only heard of a cooldown
//! or a breaker does not tell it on, so that no word goes in a circle.

use std::time::Duration;

use keyweir_quota::budget::Amounts;
use keyweir_terms::ids::{AccountId, KeyId};
use keyweir_terms::table::Table;

/// An account, as a quota group sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccountReport {
    /// Which.
    pub account: AccountId,
    /// Tells the group from others in every process: a hash of its name.
    pub group: u64,
    /// Tells one time of counting from the next: the sums begin anew after a rest.
    pub life: u32,
    /// What was taken in it of each dimension.
    pub taken: Amounts,
    /// How long it has to be left alone; nothing if it has not.
    pub cooldown: Duration,
}

/// A key that is out, or an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutReport {
    /// Which.
    pub who: Who,
    /// Since how long.
    pub since: Duration,
    /// For how long yet.
    pub rest: Duration,
}

/// Who is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A key for a quota group's models; the group by the hash of its name.
    KeyOfGroup(KeyId, u64),
    /// A key whatever the model.
    Key(KeyId),
    /// An account whatever the model.
    Account(AccountId),
}

/// What is said of a pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolReport {
    /// Accounts that were used of late.
    pub accounts: Vec<AccountReport>,
    /// Who is out.
    pub out: Vec<OutReport>,
}

/// Another gateway's word.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// The process that says it.
    pub process: u64,
    /// How old it is.
    pub age: Duration,
    /// What it says.
    pub report: &'a PoolReport,
}

/// All that is heard at a time.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// The other gateways that are alive.
    pub others: &'a [Other<'a>],
    /// What tells our accounts from others in every process.
    pub accounts: &'a Table<AccountId, u64>,
    /// Our place among all that are alive, in an order that they agree on; and a number that all count up
    /// once a second. From these come the ranks at which gateways go for buckets.
    pub place: u32,
    /// See [`Self::place`].
    pub turn: u64,
}
