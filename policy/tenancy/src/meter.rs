//! One thing that is counted for a tenant or a group: a limit per minute ([`Rate`]), a number at a time
//! ([`Concurrency`]), or a budget ([`Spending`]). Each decides for itself; here is what all are asked.

use keyweir_terms::time::Time;

use crate::claim::{AtStake, Claim};
use crate::concurrency::Concurrency;
use crate::lack::Short;
use crate::period::Wall;
use crate::rate::Rate;
use crate::room::Room;
use crate::sharing::Sharing;
use crate::spending::Spending;
use crate::taken::Taken;

#[derive(Debug)]
pub(crate) enum Meter {
    Rate(Rate),
    Concurrency(Concurrency),
    Budget(Box<Spending>),
}

impl Meter {
    /// What `claim` may take beyond what it is expected to.
    pub(crate) const fn beyond(&self, claim: &Claim) -> u128 {
        match self {
            Self::Rate(rate) => rate.beyond(claim),
            Self::Concurrency(_) => 0,
            Self::Budget(spending) => spending.beyond(claim),
        }
    }

    /// Whether `claim` fits, where others give of it too.
    pub(crate) fn room(
        &mut self,
        claim: &Claim,
        at_stake: AtStake,
        (now, wall): (Time, Wall),
        sharing: Sharing,
    ) -> Room {
        // One alone may take what is left.
        let beyond = at_stake
            .0
            .map_or(0, |running| running.saturating_add(self.beyond(claim)));
        match self {
            Self::Rate(rate) => rate.room(&claim.need, beyond, now, sharing),
            Self::Concurrency(at_a_time) => at_a_time.room(sharing),
            Self::Budget(spending) => spending.room(&claim.need, beyond, wall, sharing),
        }
    }

    /// Whether all that is left has room for `need`, where the share does not: the others may leave it.
    pub(crate) fn is_left(&self, need: &Taken, now: Time, sharing: Sharing) -> bool {
        sharing.is_heard
            && match self {
                Self::Rate(rate) => rate.is_left(need, now),
                Self::Concurrency(at_a_time) => at_a_time.is_left(),
                Self::Budget(spending) => spending.is_left(need.of_budget(spending.amount)),
            }
    }

    /// What is left, and what `claim` would take of it. `None`: requests at a time.
    pub(crate) fn short(&self, claim: &Claim, now: Time, sharing: Sharing) -> Option<Short> {
        let (left, of): (_, &dyn Fn(&Taken) -> u128) = match self {
            Self::Rate(rate) => (rate.left(now, sharing), &|it| it.of(rate.dimension).into()),
            Self::Concurrency(_) => return None,
            Self::Budget(spending) => (spending.left(sharing), &|it| it.of_budget(spending.amount)),
        };
        let (expected, most) = (of(&claim.need), of(&claim.most));
        Some(Short {
            left,
            expected,
            most,
        })
    }

    /// What of `taken` is counted here; requests at a time.
    pub(crate) const fn amount(&self, taken: &Taken) -> u64 {
        match self {
            Self::Rate(rate) => taken.of(rate.dimension),
            Self::Concurrency(_) | Self::Budget(_) => 1,
        }
    }

    /// Takes `need`, whether it fits or not.
    pub(crate) fn take(&mut self, need: &Taken, now: Time, sharing: Sharing) {
        match self {
            Self::Rate(rate) => rate.take(need, now, sharing),
            Self::Concurrency(at_a_time) => at_a_time.take(),
            Self::Budget(spending) => spending.reserve(need),
        }
    }

    /// What was taken for `need` came to `used`.
    pub(crate) fn settle(
        &mut self,
        (need, used): (&Taken, &Taken),
        (now, wall): (Time, Wall),
        sharing: Sharing,
    ) {
        match self {
            Self::Rate(rate) => rate.settle(need, used, now, sharing),
            Self::Concurrency(at_a_time) => at_a_time.give_back(),
            Self::Budget(spending) => spending.settle(need, used, wall),
        }
    }
}
