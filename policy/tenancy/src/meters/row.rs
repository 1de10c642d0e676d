//! One thing that is counted, and for whom.

use keyweir_terms::pattern::{self, ModelPattern, ModelPatterns};
use keyweir_terms::replicas::Replicas;
use keyweir_terms::time::Time;

use crate::allowance::Amount;
use crate::claim::{AtStake, Claim};
use crate::lack::{Ends, Lack, Lacking, Overspent, Owner};
use crate::left::AllLeft;
use crate::meter::Meter;
use crate::room::Room;
use crate::sharing::Sharing;
use crate::spending::Spending;
use crate::taken::Taken;

use super::peer_state::PeerState;

#[derive(Debug)]
pub(super) struct Row {
    /// Names it in every policy and every process.
    pub(super) key: String,
    pub(super) owner: Owner,
    pub(super) models: ModelPatterns,
    pub(super) shadow: bool,
    pub(super) meter: Meter,
    /// Requests that hold some of it.
    pub(super) open: u32,
    /// What those may take beyond what they are expected to.
    pub(super) beyond: u128,
    pub(super) is_gone: bool,
    /// It was gone under the policy before, too.
    pub(super) was_gone: bool,
    /// The place of the budget that took over what was spent of this one.
    pub(super) successor: Option<u32>,
    /// The policy, counted, that has last changed what it bounds.
    pub(super) changed_by: u64,
    /// What gateways tell one another of it.
    pub(super) peer_state: PeerState,
}

impl Row {
    pub(super) const fn lacking(&self) -> Lacking {
        match &self.meter {
            Meter::Rate(rate) => Lacking::PerMinute(rate.dimension, rate.bucket.limit()),
            Meter::Concurrency(at_a_time) => Lacking::AtATime(at_a_time.max),
            Meter::Budget(spending) => Lacking::Budget(spending.amount, spending.period.word()),
        }
    }

    pub(super) fn lack(&self, lacking: Lacking, ends: Ends) -> Box<Lack> {
        Box::new(Lack {
            lacking,
            owner: self.owner.clone(),
            models: (!self.models.is_any()).then(|| patterns(&self.models)),
            ends,
            short: None,
            left: AllLeft::default(),
            replicas: Replicas::ONE,
            awaits: None,
        })
    }

    /// Whether `room` is only what this gateway may give of what is left, and others may leave the rest.
    pub(super) fn is_of_share(
        &self,
        room: Room,
        need: &Taken,
        (now, sharing): (Time, Sharing),
    ) -> bool {
        let may_change = matches!(
            room,
            Room::In(_) | Room::InOrWhenOthersEnd(_) | Room::WhenOthersEnd
        );
        may_change && !self.shadow && !self.is_soft() && self.meter.is_left(need, now, sharing)
    }

    pub(super) const fn is_soft(&self) -> bool {
        matches!(&self.meter, Meter::Budget(spending) if spending.soft)
    }

    /// What those may take that run.
    pub(super) fn at_stake(&self) -> AtStake {
        AtStake((self.open > 0).then_some(self.beyond))
    }

    /// A request that claims so much runs from now on.
    pub(super) fn opened(&mut self, claim: &Claim) {
        self.open += 1;
        self.beyond = self.beyond.saturating_add(self.meter.beyond(claim));
    }

    /// It has ended.
    pub(super) fn closed(&mut self, claim: &Claim) {
        self.open = self.open.saturating_sub(1);
        self.beyond = self.beyond.saturating_sub(self.meter.beyond(claim));
    }

    /// More of it is to be written down at once.
    pub(super) fn is_due(&self) -> bool {
        !self.shadow && matches!(&self.meter, Meter::Budget(spending) if spending.is_due())
    }

    /// It is a budget that may warn.
    pub(super) const fn may_warn(&self) -> bool {
        matches!(&self.meter, Meter::Budget(spending) if spending.may_warn())
    }

    pub(super) const fn is_of_money(&self) -> bool {
        matches!(&self.meter, Meter::Budget(it) if matches!(it.amount, Amount::Money(_)))
    }
}

pub(super) fn overspent(owner: &Owner, spending: &Spending, sharing: Sharing) -> Overspent {
    Overspent {
        owner: owner.clone(),
        amount: spending.amount,
        period: spending.period.word(),
        percent: spending.counted(sharing).saturating_mul(100) / spending.max().max(1),
    }
}

/// The meter goes on as `next` says, with what was used of it.
pub(super) fn follow(meter: &mut Meter, next: Meter, now: Time) {
    match (meter, next) {
        (Meter::Rate(rate), Meter::Rate(next)) => rate.bucket.scale(next.bucket.limit(), now),
        (Meter::Concurrency(at_a_time), Meter::Concurrency(next)) => at_a_time.max = next.max,
        (Meter::Budget(spending), Meter::Budget(next)) => {
            if (spending.amount, spending.warn_at) != (next.amount, next.warn_at) {
                spending.warned = false;
            }
            (spending.amount, spending.soft) = (next.amount, next.soft);
            spending.warn_at = next.warn_at;
        }
        // A row's key says which kind it is.
        (meter, next) => *meter = next,
    }
}

/// Whose, for which models, and what.
pub(super) fn key(owner: &Owner, models: &ModelPatterns, meter: &Meter) -> String {
    let what = match meter {
        Meter::Rate(rate) => rate.dimension.as_str().to_owned(),
        Meter::Concurrency(_) => "concurrency".to_owned(),
        Meter::Budget(spending) => {
            let unit = match spending.amount {
                Amount::Tokens(_) => "tokens",
                Amount::Money(_) => "money",
            };
            format!("{unit} per {}", spending.period)
        }
    };
    format!("{owner}|{}|{what}", models.set())
}

/// The key that a row has which was once known by `key`: models were named in the order of the policy.
pub(super) fn normal(key: &str) -> String {
    let mut parts = key.rsplitn(3, '|');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(what), Some(models), Some(owner)) => {
            format!("{owner}|{}|{what}", pattern::as_set(models))
        }
        _ => key.to_owned(),
    }
}

/// A budget's key without when its period begins, and the period.
pub(super) fn kin(key: &str) -> (&str, &str) {
    const PER: &str = " per ";
    let Some(at) = key.rfind(PER) else {
        return (key, "");
    };
    let period = &key[at + PER.len()..];
    let unit = period.split([' ', ',']).next().unwrap_or_default();
    (&key[..at + PER.len() + unit.len()], period)
}

fn patterns(models: &ModelPatterns) -> String {
    let names: Vec<&str> = models.iter().map(ModelPattern::as_str).collect();
    names.join(",")
}
