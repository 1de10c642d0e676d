//! One thing that is counted for a tenant or a group: a limit per minute, a number at a time, or a
//! budget.
//!
//! Where several gateways serve the same tenants and none hears of the others, each counts what it
//! takes as often as there are gateways: so together they give what the limit says, as long as requests
//! are spread evenly. What is left, told of the whole, is as much as if the others had given the same.

use std::time::Duration;

use keyweir_terms::amount::Dimension;
use keyweir_terms::replicas::Replicas;
use keyweir_terms::time::Time;

use crate::allowance::Amount;
use crate::bucket::Bucket;
use crate::money::Money;
use crate::period::{Period, Wall};

/// What a request takes, or took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) requests: u64,
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) money: Money,
}

impl Taken {
    const fn of(&self, dimension: Dimension) -> u64 {
        match dimension {
            Dimension::Requests => self.requests,
            Dimension::InputTokens => self.input,
            Dimension::OutputTokens => self.output,
            Dimension::Tokens => self.input.saturating_add(self.output),
        }
    }

    const fn of_budget(&self, amount: Amount) -> u128 {
        match amount {
            Amount::Tokens(_) => self.of(Dimension::Tokens) as u128,
            Amount::Money(_) => self.money.pico(),
        }
    }
}

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Now, or in so long.
    In(Duration),
    /// Not while others run; when they end nobody knows.
    WhenOthersEnd,
    /// From this moment on.
    From(Wall),
    /// Never: it asks for more than there can be.
    Never,
}

#[derive(Debug)]
pub(crate) enum Meter {
    Rate {
        dimension: Dimension,
        bucket: Bucket,
    },
    Concurrency {
        max: u32,
        running: u32,
    },
    Budget(Spending),
}

/// A budget's state.
#[derive(Debug)]
pub(crate) struct Spending {
    pub(crate) amount: Amount,
    pub(crate) soft: bool,
    pub(crate) period: Period,
    pub(crate) begin: Wall,
    pub(crate) end: Wall,
    /// Tokens, or picodollars.
    pub(crate) spent: u128,
    pub(crate) reserved: u128,
    /// It was told that the budget is spent.
    pub(crate) warned: bool,
    /// Something was spent since that was last written down.
    pub(crate) changed: bool,
}

impl Meter {
    /// Whether `need` fits, where so many gateways give of it.
    pub(crate) fn room(
        &mut self,
        need: &Taken,
        (now, wall): (Time, Wall),
        replicas: Replicas,
    ) -> Room {
        match self {
            Self::Rate { dimension, bucket } => {
                // Of output only the cap is known, and of all it is not known well: a long answer
                // waits for a full bucket, and overdraws it.
                let least = match dimension {
                    Dimension::OutputTokens => 0,
                    Dimension::Tokens => need.input,
                    _ => need.of(*dimension),
                };
                if least > bucket.limit() {
                    return Room::Never;
                }
                // More than the share waits for all of it, and overdraws it.
                let need = counted(need.of(*dimension), replicas).min(bucket.limit());
                // A limit of nothing gives nothing, whatever the need.
                bucket.wait(need.max(1), now).map_or(Room::Never, Room::In)
            }
            Self::Concurrency { max: 0, .. } => Room::Never,
            Self::Concurrency { max, running } => {
                if *running < max.div_ceil(replicas.count()) {
                    Room::In(Duration::ZERO)
                } else {
                    Room::WhenOthersEnd
                }
            }
            Self::Budget(spending) => spending.room(need, wall, replicas),
        }
    }

    /// Takes `need`, whether it fits or not.
    pub(crate) fn take(&mut self, need: &Taken, now: Time, replicas: Replicas) {
        match self {
            Self::Rate { dimension, bucket } => {
                bucket.take(counted(need.of(*dimension), replicas), now);
            }
            Self::Concurrency { running, .. } => *running += 1,
            Self::Budget(spending) => spending.reserved += need.of_budget(spending.amount),
        }
    }

    /// What was taken for `need` came to `used`.
    pub(crate) fn settle(
        &mut self,
        (need, used): (&Taken, &Taken),
        (now, wall): (Time, Wall),
        replicas: Replicas,
    ) {
        match self {
            Self::Rate { dimension, bucket } => {
                let of = |taken: &Taken| counted(taken.of(*dimension), replicas);
                let (need, used) = (of(need), of(used));
                if used > need {
                    bucket.take(used - need, now);
                } else {
                    bucket.put_back(need - used, now);
                }
            }
            Self::Concurrency { running, .. } => *running = running.saturating_sub(1),
            Self::Budget(spending) => {
                let amount = spending.amount;
                spending.reserved = spending.reserved.saturating_sub(need.of_budget(amount));
                spending.roll(wall);
                let used = used.of_budget(amount);
                spending.spent = spending.spent.saturating_add(used);
                spending.changed |= used > 0;
            }
        }
    }
}

/// What counts of `amount`.
fn counted(amount: u64, replicas: Replicas) -> u64 {
    amount.saturating_mul(u64::from(replicas.count()))
}

impl Spending {
    pub(crate) fn new(amount: Amount, soft: bool, period: Period, wall: Wall) -> Self {
        let (begin, end) = period.around(wall);
        Self {
            amount,
            soft,
            period,
            begin,
            end,
            spent: 0,
            reserved: 0,
            warned: false,
            changed: false,
        }
    }

    pub(crate) const fn max(&self) -> u128 {
        match self.amount {
            Amount::Tokens(tokens) => tokens as u128,
            Amount::Money(money) => money.pico(),
        }
    }

    /// What counts of what is spent.
    pub(crate) fn counted(&self, replicas: Replicas) -> u128 {
        self.spent.saturating_mul(u128::from(replicas.count()))
    }

    pub(crate) fn is_spent(&self, replicas: Replicas) -> bool {
        self.counted(replicas) >= self.max()
    }

    /// Goes over to the period that `wall` is in, if that is a later one. A clock that is put back
    /// gives nobody a second budget.
    pub(crate) fn roll(&mut self, wall: Wall) {
        if wall < self.end {
            return;
        }
        (self.begin, self.end) = self.period.around(wall);
        self.spent = 0;
        self.warned = false;
        self.changed = true;
    }

    fn room(&mut self, need: &Taken, wall: Wall, replicas: Replicas) -> Room {
        self.roll(wall);
        let counted = |amount: u128| amount.saturating_mul(u128::from(replicas.count()));
        let need = need.of_budget(self.amount);
        let max = self.max();
        if counted(need) > max || max == 0 {
            return Room::Never;
        }
        let fits = |taken: u128| counted(taken) < max && counted(taken.saturating_add(need)) <= max;
        if !fits(self.spent) {
            return Room::From(self.end);
        }
        if !fits(self.spent.saturating_add(self.reserved)) {
            return Room::WhenOthersEnd;
        }
        Room::In(Duration::ZERO)
    }
}
