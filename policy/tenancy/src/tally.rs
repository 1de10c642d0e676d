//! What was spent, added up for the ledger: per day, tenant, key, model.

use keyweir_terms::ids::{AccountId, KeyId, ProviderId, TenantId};
use keyweir_terms::name_map::NameMap;
use keyweir_terms::request::Usage;

use crate::money::Money;

/// Whose use is added up apart, and of what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpenderIds {
    /// Days since 1970-01-01, UTC.
    pub day: u32,
    /// Who asked.
    pub tenant: TenantId,
    /// Who served.
    pub provider: ProviderId,
    /// With which account.
    pub account: AccountId,
    /// With which key.
    pub key: KeyId,
    /// The model, as it was asked for.
    pub model: String,
}

/// What one of them spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that were served.
    pub requests: u64,
    /// Input tokens, without those that were read from the prompt cache.
    pub input: u64,
    /// Input tokens that were read from the prompt cache.
    pub cache_read: u64,
    /// Input tokens that were written to it.
    pub cache_write: u64,
    /// Output tokens.
    pub output: u64,
    /// By the prices.
    pub money: Money,
    /// Requests for models without a price.
    pub unpriced: u64,
}

impl Totals {
    /// One request's.
    pub fn of(usage: &Usage, money: Money, unlisted: bool) -> Self {
        Self {
            requests: 1,
            input: usage.input.unwrap_or_default(),
            cache_read: usage.cache_read.unwrap_or_default(),
            cache_write: usage.cache_write.unwrap_or_default().into(),
            output: usage.output.unwrap_or_default(),
            money,
            unpriced: u64::from(unlisted),
        }
    }

    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.requests, other.requests),
            (&mut self.input, other.input),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write, other.cache_write),
            (&mut self.output, other.output),
            (&mut self.unpriced, other.unpriced),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
        self.money += other.money;
    }
}

/// What was spent since it was last taken.
#[derive(Debug, Default)]
pub struct Tally {
    totals: NameMap<SpenderIds, Totals>,
}

impl Tally {
    /// Adds one request.
    pub fn add(&mut self, spender: SpenderIds, totals: &Totals) {
        self.totals.entry(spender).or_default().add(totals);
    }

    /// All of it; it begins anew.
    pub fn take(&mut self) -> NameMap<SpenderIds, Totals> {
        std::mem::take(&mut self.totals)
    }
}
