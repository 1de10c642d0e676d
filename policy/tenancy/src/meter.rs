//! One thing that is counted for a tenant or a group: a limit per minute, a number at a time, or a
//! budget.
//!
//! Where several gateways serve the same tenants and none hears of the others, each counts what it
//! takes as often as there are gateways: so together they give what the limit says, as long as requests
//! are spread evenly. What is left, told of the whole, is as much as if the others had given the same.
//! Where they do hear of one another, that is assumed from one word of them to the next only, and set
//! right by it ([`crate::meters`]).

use std::time::Duration;

use keyweir_terms::amount::Dimension;
use keyweir_terms::replicas::Replicas;
use keyweir_terms::time::Time;

use crate::advance::Advance;
use crate::allowance::{Amount, Budget, Percent};
use crate::bucket::{Bucket, Thousandths};
use crate::claim::{AtStake, Claim, beyond_rate};
use crate::period::{Period, Wall};
use crate::share::Factor;
use crate::taken::Taken;

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Now, or in so long.
    In(Duration),
    /// In so long, or as soon as others have ended.
    InOrWhenOthersEnd(Duration),
    /// Not while others run; when they end nobody knows.
    WhenOthersEnd,
    /// From this moment on.
    From(Wall),
    /// Never: it asks for more than there can be.
    Never,
}

/// With whom the meters are shared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sharing {
    /// How many gateways there are, or were when they were last heard of.
    pub(crate) replicas: Replicas,
    /// They tell one another what they take.
    pub(crate) is_heard: bool,
}

impl Sharing {
    /// What counts of what is taken here: by this row's factor where the others are heard.
    const fn factor(self, of_row: Option<Factor>) -> Factor {
        match of_row {
            Some(factor) if self.is_heard => factor,
            _ => Factor::even(self.replicas),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Meter {
    Rate {
        dimension: Dimension,
        bucket: Bucket,
        drawn: Drawn,
    },
    Concurrency {
        max: u32,
        running: u32,
        places: Option<Places>,
    },
    Budget(Box<Spending>),
}

/// Requests at a time, until the others are heard again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    /// So many may run here …
    pub(crate) here: u32,
    /// … and so many were free for all.
    pub(crate) free: u32,
}

/// What was taken of a bucket that others draw on too.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    pub(crate) factor: Option<Factor>,
    /// Since it was last at rest, less what was given back.
    pub(crate) taken: i64,
    /// Thousandths that the bucket was charged with for others, on the assumption that they take as much.
    pub(crate) assumed: i128,
}

impl Drawn {
    /// `counted` was taken of the bucket for `amount`.
    fn add(&mut self, amount: u64, counted: Thousandths) {
        let own = i64::try_from(amount).unwrap_or(i64::MAX);
        self.taken = self.taken.saturating_add(own);
        self.assumed = self.assumed.saturating_add(for_others(amount, counted));
    }

    /// `counted` was given back for `amount`.
    fn give_back(&mut self, amount: u64, counted: Thousandths) {
        let own = i64::try_from(amount).unwrap_or(i64::MAX);
        self.taken = self.taken.saturating_sub(own);
        self.assumed = self.assumed.saturating_sub(for_others(amount, counted));
    }
}

/// What of `counted` is not `amount` itself.
fn for_others(amount: u64, counted: Thousandths) -> i128 {
    let more = counted.0.saturating_sub(Thousandths::whole(amount).0);
    i128::try_from(more).unwrap_or(i128::MAX)
}

/// A budget's state.
#[derive(Debug)]
pub(crate) struct Spending {
    pub(crate) amount: Amount,
    pub(crate) soft: bool,
    pub(crate) warn_at: Option<Percent>,
    pub(crate) period: Period,
    pub(crate) begin: Wall,
    pub(crate) end: Wall,
    /// Tokens, or picodollars.
    pub(crate) spent: u128,
    /// What was spent in periods that the clock has shown before ([`crate::sums`]).
    pub(crate) before: Vec<(Wall, u128)>,
    pub(crate) reserved: u128,
    /// What others have of it.
    pub(crate) others: Elsewhere,
    pub(crate) factor: Option<Factor>,
    /// It was told that so much of the budget is spent that it warns.
    pub(crate) warned: bool,
    /// Something was spent since that was last written down.
    pub(crate) changed: bool,
    /// What is written down of it before it is taken.
    pub(crate) advance: Advance,
}

/// What others have of a budget, as of when they were last heard of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Elsewhere {
    pub(crate) spent: u128,
    pub(crate) reserved: u128,
    /// What was spent here, and that with what was reserved, by the word that they had heard.
    pub(crate) own_spent: u128,
    pub(crate) own_taken: u128,
}

impl Meter {
    /// What `claim` may take beyond what it is expected to.
    pub(crate) const fn beyond(&self, claim: &Claim) -> u128 {
        let Claim {
            need,
            most,
            is_capped,
        } = claim;
        match self {
            Self::Rate { dimension, .. } => match dimension {
                Dimension::OutputTokens | Dimension::Tokens if *is_capped => {
                    beyond_rate(need.of(*dimension), most.of(*dimension)) as u128
                }
                _ => 0,
            },
            Self::Concurrency { .. } => 0,
            Self::Budget(spending) => {
                let amount = spending.amount;
                most.of_budget(amount)
                    .saturating_sub(need.of_budget(amount))
            }
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
        let beyond = self.beyond(claim);
        // One alone may take what is left.
        let beyond = at_stake
            .0
            .map_or(0, |running| running.saturating_add(beyond));
        let need = &claim.need;
        match self {
            Self::Rate {
                dimension,
                bucket,
                drawn,
            } => {
                // More than the share waits for all of it, and overdraws it.
                // Where nothing was taken of late, the last of it may be had, too: whoever else takes it
                // meanwhile leaves a debt, and no more than that.
                let is_first = sharing.is_heard && drawn.assumed == 0;
                let counted = match is_first {
                    true => Thousandths::whole(need.of(*dimension)),
                    false => sharing.factor(drawn.factor).counted(need.of(*dimension)),
                };
                let others_may_take = match beyond {
                    0 => Duration::ZERO,
                    beyond => {
                        let beyond = u64::try_from(beyond).unwrap_or(u64::MAX);
                        let beyond = sharing.factor(drawn.factor).counted(beyond);
                        bucket.wait_owing(counted.and(beyond), now)
                    }
                };
                // Most find what they ask for.
                if need.of(*dimension) > 0 && others_may_take.is_zero() && bucket.has(counted, now)
                {
                    return Room::In(Duration::ZERO);
                }
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
                let limit = Thousandths::whole(bucket.limit());
                let need = counted.min(limit);
                // A limit of nothing gives nothing, whatever the need.
                let need = need.max(Thousandths::whole(1));
                match bucket.wait(need, now) {
                    None => Room::Never,
                    Some(wait) if others_may_take > wait => {
                        Room::InOrWhenOthersEnd(others_may_take)
                    }
                    Some(wait) => Room::In(wait),
                }
            }
            Self::Concurrency { max: 0, .. } => Room::Never,
            Self::Concurrency {
                max,
                running,
                places,
            } => {
                let told = places.filter(|_| sharing.is_heard).map(|it| it.here);
                if *running < told.unwrap_or_else(|| max.div_ceil(sharing.replicas.count())) {
                    Room::In(Duration::ZERO)
                } else {
                    Room::WhenOthersEnd
                }
            }
            Self::Budget(spending) => spending.room(need, beyond, wall, sharing),
        }
    }

    /// Whether all that is left has room for `need`, where the share does not: the others may leave it.
    pub(crate) fn is_left(&self, need: &Taken, now: Time, sharing: Sharing) -> bool {
        sharing.is_heard
            && match self {
                Self::Rate {
                    dimension,
                    bucket,
                    drawn,
                } => {
                    let left = i128::from(bucket.level(now)) + drawn.assumed / 1_000;
                    left >= i128::from(need.of(*dimension).clamp(1, bucket.limit().max(1)))
                }
                Self::Concurrency { places, .. } => places.is_some_and(|it| it.free > 0),
                Self::Budget(spending) => spending.is_left(need.of_budget(spending.amount)),
            }
    }

    /// What of `taken` is counted here; requests at a time.
    pub(crate) const fn amount(&self, taken: &Taken) -> u64 {
        match self {
            Self::Rate { dimension, .. } => taken.of(*dimension),
            Self::Concurrency { .. } | Self::Budget(_) => 1,
        }
    }

    /// Takes `need`, whether it fits or not.
    pub(crate) fn take(&mut self, need: &Taken, now: Time, sharing: Sharing) {
        match self {
            Self::Rate {
                dimension,
                bucket,
                drawn,
            } => {
                let need = need.of(*dimension).min(bucket.most_at_once());
                let counted = sharing.factor(drawn.factor).counted(need);
                bucket.take(counted, now);
                drawn.add(need, counted);
            }
            Self::Concurrency { running, .. } => *running += 1,
            Self::Budget(spending) => {
                let need = need.of_budget(spending.amount);
                spending.reserved = spending.reserved.saturating_add(need);
            }
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
            Self::Rate {
                dimension,
                bucket,
                drawn,
            } => {
                // A need counts as it was taken.
                let need = need.of(*dimension).min(bucket.most_at_once());
                let used = used.of(*dimension);
                // What others were wrong about, they tell.
                let factor = match sharing.is_heard {
                    true => Factor::even(Replicas::ONE),
                    false => Factor::even(sharing.replicas),
                };
                let counted = |amount| factor.counted(amount);
                if used > need {
                    let taken = bucket.overdraw(counted(used - need), now);
                    drawn.add(factor.amount(taken).min(used - need), taken);
                } else {
                    bucket.put_back(counted(need - used), now);
                    drawn.give_back(need - used, counted(need - used));
                }
            }
            Self::Concurrency { running, .. } => *running = running.saturating_sub(1),
            Self::Budget(spending) => {
                let amount = spending.amount;
                spending.reserved = spending.reserved.saturating_sub(need.of_budget(amount));
                spending.charge(used, wall);
            }
        }
    }
}

impl Spending {
    pub(crate) fn new(budget: &Budget, wall: Wall) -> Self {
        let (begin, end) = budget.period.around(wall);
        Self {
            amount: budget.amount,
            soft: budget.soft,
            warn_at: budget.warn_at,
            period: budget.period.clone(),
            begin,
            end,
            spent: 0,
            before: Vec::new(),
            reserved: 0,
            others: Elsewhere::default(),
            factor: None,
            warned: false,
            changed: false,
            advance: Advance::default(),
        }
    }

    /// So much was used.
    pub(crate) fn charge(&mut self, used: &Taken, wall: Wall) {
        self.roll(wall);
        let used = used.of_budget(self.amount);
        self.spent = self.spent.saturating_add(used);
        self.changed |= used > 0;
    }

    pub(crate) const fn max(&self) -> u128 {
        match self.amount {
            Amount::Tokens(tokens) => tokens as u128,
            Amount::Money(money) => money.pico(),
        }
    }

    /// What counts of what is spent.
    pub(crate) fn counted(&self, sharing: Sharing) -> u128 {
        let Elsewhere {
            spent, own_spent, ..
        } = self.others;
        spent.saturating_add(self.since(self.spent, own_spent, sharing))
    }

    /// What counts of what is spent or reserved.
    fn counted_taken(&self, sharing: Sharing) -> u128 {
        let Elsewhere {
            spent,
            reserved,
            own_taken,
            ..
        } = self.others;
        let own = self.spent.saturating_add(self.reserved);
        let elsewhere = spent.saturating_add(reserved);
        elsewhere.saturating_add(self.since(own, own_taken, sharing))
    }

    fn is_left(&self, need: u128) -> bool {
        let Elsewhere {
            spent, reserved, ..
        } = self.others;
        let taken = [spent, reserved, self.spent, self.reserved, need];
        taken.into_iter().fold(0, u128::saturating_add) <= self.max()
    }

    /// What counts of `own`, of which others have heard `known`: only of the rest they may have as much.
    fn since(&self, own: u128, known: u128, sharing: Sharing) -> u128 {
        let rest = own.saturating_sub(known);
        let rest = sharing.factor(self.factor).counted_of(rest);
        own.min(known).saturating_add(rest)
    }

    /// Whether it ever warns.
    pub(crate) const fn may_warn(&self) -> bool {
        self.soft || self.warn_at.is_some()
    }

    /// Whether it warns where so much of it is spent.
    pub(crate) fn warns_of(&self, spent: u128) -> bool {
        let percent = self.warn_at.map_or(100, |at| u128::from(at.0));
        self.may_warn() && spent.saturating_mul(100) >= self.max().saturating_mul(percent)
    }

    /// Whether there is room for `need`, where it and what runs may take so much beyond what is expected.
    fn room(&mut self, need: &Taken, beyond: u128, wall: Wall, sharing: Sharing) -> Room {
        self.roll(wall);
        let need = need.of_budget(self.amount);
        let (max, factor) = (self.max(), sharing.factor(self.factor));
        let most = match sharing.is_heard {
            true => need,
            false => factor.counted_of(need),
        };
        if most > max || max == 0 {
            return Room::Never;
        }
        let fits = |taken: u128, need| taken < max && taken.saturating_add(need) <= max;
        if !fits(self.counted(sharing), most) {
            return Room::From(self.end);
        }
        // Of what is left for all, a request may take more than the share where nothing was since it
        // was last told: else nobody could spend the last of it.
        let taken = self.counted_taken(sharing);
        let is_first = self.spent.saturating_add(self.reserved) <= self.others.own_taken;
        let counted = match sharing.is_heard && is_first {
            true => need,
            false => factor.counted_of(need),
        };
        let at_most = counted.saturating_add(factor.counted_of(beyond));
        if !fits(taken, counted) || (beyond > 0 && !fits(taken, at_most)) {
            return Room::WhenOthersEnd;
        }
        Room::In(Duration::ZERO)
    }
}
