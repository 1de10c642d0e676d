//! What was spent of a budget, by the periods of its calendar.
//!
//! The clock that periods go by may jump. So beside the sum of the period that it shows, those of the
//! last few that it has shown are kept: where it comes back, what was spent is there, and what was spent
//! by a clock that was ahead keeps nobody from a later day. Of a clock that goes back over the beginning
//! of a period by less than an hour nothing is made: such are set right every day.

use crate::period::{Period, Wall};
use crate::spending::{Elsewhere, Spending};

/// Periods that are remembered beside the one that the clock shows: it jumps ahead and comes back, once
/// or twice.
const BEFORE_MAX: usize = 3;

/// A clock that is put back by less stays in its period: microseconds.
const PUT_BACK_MIN: i64 = 3_600_000_000;

/// What was spent of a budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// When the period began that the clock showed last.
    pub begin: Wall,
    /// Tokens or picodollars that were spent in it.
    pub spent: u128,
    /// Of that, what is not spent yet: reserved for what runs, or written ahead.
    pub unsettled: u128,
    /// Beginnings of others that it has shown, and what was spent in them; the last one last.
    pub before: Vec<(Wall, u128)>,
}

impl Sums {
    /// What was spent in the period that `wall` is in.
    pub(crate) fn around(&self, wall: Wall, period: &Period) -> u128 {
        let (begin, _) = period.around(wall);
        let all = self.before.iter().copied();
        let mut all = all.chain([(self.begin, self.spent)]);
        all.find(|it| it.0 == begin).map_or(0, |it| it.1)
    }

    /// The same budget's, under another name: what was spent last, or most.
    pub(crate) fn or(self, other: Self) -> Self {
        let key = |it: &Self| (it.begin, it.spent);
        if key(&other) > key(&self) {
            other
        } else {
            self
        }
    }
}

impl Spending {
    /// Whether anything was spent of it, in any period that is known.
    pub(crate) const fn is_used(&self) -> bool {
        self.spent > 0 || !self.before.is_empty()
    }

    /// What was spent of it here.
    pub(crate) fn sums(&self) -> Sums {
        Sums {
            begin: self.begin,
            spent: self.spent,
            unsettled: 0,
            before: self.before.clone(),
        }
    }

    /// A process before this one has spent `sums`.
    pub(crate) fn recall(&mut self, sums: Sums, wall: Wall) {
        let (begin, end) = self.period.around(sums.begin);
        if begin != sums.begin {
            // The calendar has changed: nobody knows which days they are of.
            return;
        }
        let since = self.spent;
        (self.begin, self.end, self.spent) = (begin, end, sums.spent);
        let known = sums.before.len().saturating_sub(BEFORE_MAX);
        self.before = sums.before.into_iter().skip(known).collect();
        self.roll(wall);
        self.spent = self.spent.saturating_add(since);
        self.nothing_is_ahead();
    }

    /// Goes over to the period that `wall` is in, with what was spent in it. Nothing begins anew because
    /// the clock was put back: what was spent in a period counts in the one before it, too, where the
    /// clock goes back to that.
    pub(crate) fn roll(&mut self, wall: Wall) {
        if wall < self.end && wall.0 > self.begin.0.saturating_sub(PUT_BACK_MIN) {
            return;
        }
        let (begin, end) = self.period.around(wall);
        let known = self.before.iter().position(|it| it.0 == begin);
        let known = known.map_or(0, |at| self.before.remove(at).1);
        let carried = if end == self.begin { self.spent } else { 0 };
        if self.spent > 0 {
            if self.before.len() >= BEFORE_MAX {
                self.before.remove(0);
            }
            self.before.push((self.begin, self.spent));
        }
        (self.begin, self.end) = (begin, end);
        self.spent = known.max(carried);
        self.others = Elsewhere::default();
        self.nothing_is_ahead();
        self.warned = self.warns_of(self.spent);
        self.changed = true;
    }
}
