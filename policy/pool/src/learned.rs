//! What a pool has learned, in the form in which it outlives the process: limits and what is left of them,
//! cooldowns, breakers, who is out, operators' holds, estimates.
//!
//! Whoever keeps it asks again and again for what has changed, a few rows at a time, and gives it back to
//! the pool of the next process. Names are the keeper's to find: here it goes by ids, which last only as
//! long as the process. Moments are told as spans, so that no two clocks have to be compared: the keeper
//! says how old a row is. What was to end by then has.
//!
//! Not kept, since it is over within minutes or learned by one answer: which account holds a
//! conversation's cache, an overload of the provider, the retry budget, which models keys are denied, who
//! is only suspected, accounts that turned out to be one. Of requests under way nothing is known any more.
//!
//! What is read back may be damaged: figures that cannot be are left out, and no row does more harm than
//! to be unlearned by the next answers.

use std::time::Duration;

use keyweir_health::breaker::learned::LearnedBreaker;
use keyweir_quota::budget::LearnedBudget;
use keyweir_quota::estimate::Estimate;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{AccountId, KeyId, TenantId};
use keyweir_terms::time::Time;
use serde::{Deserialize, Serialize};

use crate::outage::{Cause, Told};

/// A quota group, by what it is called in every process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// The kind of endpoint.
    pub endpoint: Endpoint,
    /// Its name.
    pub name: String,
}

/// One row of what is learned.
#[derive(Clone, Debug, PartialEq)]
pub enum Learned {
    /// An account and its keys in a quota group.
    InGroup(
        Group,
        AccountId,
        Box<LearnedAccount>,
        Vec<(KeyId, LearnedKey)>,
    ),
    /// An account and its keys whatever the model: those that are out or held; of the others nothing is to
    /// be kept.
    Standing(
        AccountId,
        Option<LearnedStanding>,
        Vec<(KeyId, LearnedStanding)>,
    ),
    /// What requests of a tenant are expected to take, or of all (`None`).
    Estimate(Group, Option<TenantId>, Estimate),
}

/// An account in a quota group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedAccount {
    /// Its buckets.
    pub budget: LearnedBudget,
    /// For how long it was to cool down, in seconds.
    pub cooldown_secs: f64,
    /// The provider named that span; else it is a backoff.
    pub is_providers_word: bool,
    /// Unexplained refusals since the last success.
    pub refusals: u32,
}

/// A key in a quota group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedKey {
    /// Its breaker.
    pub breaker: LearnedBreaker,
    /// What opened it.
    pub outage: Option<LearnedOutage>,
}

/// An account or a key whatever the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedStanding {
    /// An operator holds it.
    pub is_held: bool,
    /// Why it is out, and until when; `None`: it is not.
    pub out: Option<(LearnedOutage, LearnedBreaker)>,
}

/// What took somebody out, and for how many seconds it had been so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedOutage {
    /// [`Cause::as_str`].
    pub cause: String,
    /// Seconds.
    pub since_secs: f64,
}

impl LearnedOutage {
    pub(crate) fn of(told: &Told, now: Time) -> Self {
        Self {
            cause: told.cause.as_str().to_owned(),
            since_secs: now.secs_since(told.since),
        }
    }

    /// The same, of a row that is so old; `None`: there is no such cause.
    pub(crate) fn told(&self, now: Time, age_secs: f64) -> Option<Told> {
        let cause = match self.cause.as_str() {
            "operator" => Cause::Operator,
            name => Cause::Fault(Fault::named(name)?),
        };
        let span = self.since_secs + age_secs;
        let span = Duration::try_from_secs_f64(span).unwrap_or_default();
        let since = now - span;
        Some(Told { cause, since })
    }
}
