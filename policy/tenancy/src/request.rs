//! A request, as far as it is counted: what it asks for, what it holds, what it came to.

use std::sync::Arc;
use std::time::Duration;

use keyweir_terms::ids::{ProviderId, TenantId};
use keyweir_terms::request::{RequestSize, Usage};
use keyweir_terms::time::Time;

use crate::claim::Claim;
use crate::expected::Model;
use crate::lack::{Lack, Lacking, Overspent};
use crate::left::AllLeft;
use crate::money::Money;
use crate::period::Wall;

/// Two clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The one that only goes forward.
    pub now: Time,
    /// The one that has a calendar.
    pub wall: Wall,
}

/// A request that may be bounded.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub tenant: TenantId,
    /// Whom.
    pub provider: ProviderId,
    /// For which model; empty if it names none.
    pub model: &'a str,
    /// How large it is.
    pub size: &'a RequestSize,
    /// How long it may wait.
    pub patience: Duration,
    /// Where what is left has room for it and this gateway's share does not, it is told so
    /// ([`Awaits::Gateways`](crate::lack::Awaits)), and asks again when the others are heard.
    pub asks_again: bool,
    /// Where what is left is not written down yet, it is told so ([`Awaits::Ledger`](crate::lack::Awaits)), and
    /// asks again when it is.
    pub awaits_ledger: bool,
}

/// What a request holds of its tenant's limits. Not `Clone`: it is settled exactly once.
#[derive(Debug)]
#[must_use = "what is reserved is held until it is settled"]
pub struct Reserved {
    pub(crate) rows: Arc<[u32]>,
    /// The policy, counted, that it was reserved under.
    pub(crate) policy: u64,
    pub(crate) claim: Claim,
    pub(crate) tenant: TenantId,
    pub(crate) model: Model,
    pub(crate) size: RequestSize,
    /// How long it has to wait for its turn.
    pub wait: Duration,
    /// The limit that makes it wait the longest.
    pub waits_for: Option<Box<Lack>>,
    /// What is left of the tenant's limits per minute.
    pub left: AllLeft,
    /// A budget that warns of what is spent.
    pub overspent: Option<Box<Overspent>>,
    /// What would have refused it, where that is only counted.
    pub shadowed: Option<Lacking>,
}

/// What has become of a reservation, since the policy is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What it is of bounds its request as before.
    Holds,
    /// Other limits and budgets bound its request, or they are larger or smaller.
    Changed,
    /// Its tenant is none of the policy.
    TenantGone,
}

/// What a request came to.
#[derive(Clone, Copy, Debug)]
pub enum Used {
    /// Nothing was sent for it.
    Nothing,
    /// It was sent, and the provider charged so much.
    Told(Usage),
    /// It was answered in part, or nobody counted it to its end: so much at least, and what is not
    /// told of it is what was expected.
    Partly(Usage),
    /// It was answered, at least in part, and the provider did not say what it charged: what was
    /// expected stands.
    Untold,
}

/// What a request cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// By the prices; nothing where none is known.
    pub money: Money,
    /// The place of the model's price in the list, if it has one.
    pub listed: Option<u32>,
    /// The usage that was reckoned with.
    pub usage: Usage,
}
