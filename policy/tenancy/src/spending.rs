//! What is spent and reserved of a budget: whether a request fits in the rest.

use std::time::Duration;

use crate::advance::Advance;
use crate::allowance::{Amount, Budget, Percent};
use crate::claim::Claim;
use crate::period::{Period, Wall};
use crate::room::Room;
use crate::share::Factor;
use crate::sharing::Sharing;
use crate::taken::Taken;

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

    /// What `claim` may take beyond what it is expected to.
    pub(crate) const fn beyond(&self, claim: &Claim) -> u128 {
        let need = claim.need.of_budget(self.amount);
        claim.most.of_budget(self.amount).saturating_sub(need)
    }

    /// Takes `need`, whether it fits or not.
    pub(crate) const fn reserve(&mut self, need: &Taken) {
        let need = need.of_budget(self.amount);
        self.reserved = self.reserved.saturating_add(need);
    }

    /// What was reserved for `need` came to `used`.
    pub(crate) fn settle(&mut self, need: &Taken, used: &Taken, wall: Wall) {
        let need = need.of_budget(self.amount);
        self.reserved = self.reserved.saturating_sub(need);
        self.charge(used, wall);
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

    /// Whether all that is left has room for `need`, where the share does not.
    pub(crate) fn is_left(&self, need: u128) -> bool {
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

    /// What is left of it for this gateway, whatever runs.
    pub(crate) fn left(&self, sharing: Sharing) -> u128 {
        let left = self.max().saturating_sub(self.counted(sharing));
        sharing.factor(self.factor).amount_of(left)
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
    pub(crate) fn room(
        &mut self,
        need: &Taken,
        beyond: u128,
        wall: Wall,
        sharing: Sharing,
    ) -> Room {
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
