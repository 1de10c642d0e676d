//! What a response's headers say of the account's buckets at the provider.
//!
//! The shape every header dialect is read into. Anything that a provider
//! did not say, or said in a way that makes no sense, is `None`: unknown is never zero.

use std::time::Duration;

use crate::amount::Dimension;

/// One bucket as the provider described it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// What the bucket refills by in one `window`.
    pub limit: Option<u64>,
    /// What was left. Never above `limit` when both are known.
    pub remaining: Option<u64>,
    /// Time from the response's own `Date` until the bucket is full again.
    pub reset: Option<Duration>,
    /// How coarse `reset` is: its true value lies within this much on either side.
    pub reset_grain: Duration,
    /// The span in which `limit` refills; a minute unless the dialect knows better.
    pub window: Duration,
    /// How coarse `remaining` is: its true value lies within this much on either side
    /// (500 where the provider rounds to the nearest thousand).
    pub remaining_grain: u64,
}

/// All that one response said about budgets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// One reading per dimension the response spoke of, by [`Dimension::index`].
    pub readings: [Option<Reading>; Dimension::COUNT],
    /// A fingerprint of the account the provider says it charged (organization and workspace).
    /// Two keys whose responses carry the same one share their buckets.
    pub account_fingerprint: Option<u64>,
    /// The dimension for want of which a refusal's words say that it refused.
    pub short_of: Option<Dimension>,
}

impl Snapshot {
    /// The reading of one dimension.
    pub const fn of(&self, dimension: Dimension) -> Option<&Reading> {
        self.readings[dimension.index()].as_ref()
    }

    /// True if the response said nothing about budgets.
    pub fn is_empty(&self) -> bool {
        self.readings.iter().all(Option::is_none)
    }
}
