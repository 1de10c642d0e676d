//! A limit per minute: whether a request fits in what flows in, and what was taken of it.

use std::time::Duration;

use keyweir_terms::amount::Dimension;
use keyweir_terms::replicas::Replicas;
use keyweir_terms::time::Time;

use crate::bucket::{Bucket, Thousandths};
use crate::claim::Claim;
use crate::room::Room;
use crate::share::Factor;
use crate::sharing::Sharing;
use crate::taken::Taken;

/// A limit per minute of one dimension.
#[derive(Debug)]
pub(crate) struct Rate {
    pub(crate) dimension: Dimension,
    pub(crate) bucket: Bucket,
    pub(crate) drawn: Drawn,
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

impl Rate {
    /// What `claim` may take beyond what it is expected to.
    pub(crate) const fn beyond(&self, claim: &Claim) -> u128 {
        claim.beyond_rate(self.dimension) as u128
    }

    /// Whether there is room for `need`, where it and what runs may take so much beyond it.
    pub(crate) fn room(&self, need: &Taken, beyond: u128, now: Time, sharing: Sharing) -> Room {
        let asked = need.of(self.dimension);
        // Most find what they ask for, and where nobody shares it, it has even lain there a while.
        if sharing.is_alone() && self.bucket.had(asked, beyond) {
            return Room::In(Duration::ZERO);
        }
        let factor = sharing.factor(self.drawn.factor);
        // More than the share waits for all of it, and overdraws it.
        // Where nothing was taken of late, the last of it may be had, too: whoever else takes it
        // meanwhile leaves a debt, and no more than that.
        let is_first = sharing.is_heard && self.drawn.assumed == 0;
        let counted = match is_first {
            true => Thousandths::whole(asked),
            false => factor.counted(asked),
        };
        let others_may_take = match beyond {
            0 => Duration::ZERO,
            beyond => {
                let beyond = factor.counted(u64::try_from(beyond).unwrap_or(u64::MAX));
                self.bucket.wait_owing(counted.and(beyond), now)
            }
        };
        if asked > 0 && others_may_take.is_zero() && self.bucket.has(counted, now) {
            return Room::In(Duration::ZERO);
        }
        // Of output only the cap is known, and of all it is not known well: a long answer
        // waits for a full bucket, and overdraws it.
        let least = match self.dimension {
            Dimension::OutputTokens => 0,
            Dimension::Tokens => need.of(Dimension::InputTokens),
            _ => asked,
        };
        if least > self.bucket.limit() {
            return Room::Never;
        }
        let counted = counted.min(Thousandths::whole(self.bucket.limit()));
        // A limit of nothing gives nothing, whatever the need.
        let counted = counted.max(Thousandths::whole(1));
        match self.bucket.wait(counted, now) {
            None => Room::Never,
            Some(wait) if others_may_take > wait => Room::InOrWhenOthersEnd(others_may_take),
            Some(wait) => Room::In(wait),
        }
    }

    /// Whether all that is left has room for `need`, where the share does not.
    pub(crate) fn is_left(&self, need: &Taken, now: Time) -> bool {
        let left = i128::from(self.bucket.level(now)) + self.drawn.assumed / 1_000;
        left >= i128::from(need.of(self.dimension).clamp(1, self.bucket.limit().max(1)))
    }

    /// What is left of it for this gateway.
    pub(crate) fn left(&self, now: Time, sharing: Sharing) -> u128 {
        let left = u128::from(self.bucket.remaining(now));
        sharing.factor(self.drawn.factor).amount_of(left)
    }

    /// Takes `need`, whether it fits or not.
    pub(crate) fn take(&mut self, need: &Taken, now: Time, sharing: Sharing) {
        let need = need.of(self.dimension).min(self.bucket.most_at_once());
        let counted = sharing.factor(self.drawn.factor).counted(need);
        self.bucket.take(counted, now);
        self.drawn.add(need, counted);
    }

    /// What was taken for `need` came to `used`.
    pub(crate) fn settle(&mut self, need: &Taken, used: &Taken, now: Time, sharing: Sharing) {
        // A need counts as it was taken.
        let need = need.of(self.dimension).min(self.bucket.most_at_once());
        let used = used.of(self.dimension);
        // What others were wrong about, they tell.
        let factor = match sharing.is_heard {
            true => Factor::even(Replicas::ONE),
            false => Factor::even(sharing.replicas),
        };
        if used > need {
            let counted = factor.counted(used - need);
            let taken = self.bucket.overdraw(counted, now);
            let amount = match taken == counted {
                true => used - need,
                false => factor.amount(taken).min(used - need),
            };
            self.drawn.add(amount, taken);
        } else {
            let counted = factor.counted(need - used);
            self.bucket.put_back(counted, now);
            self.drawn.give_back(need - used, counted);
        }
    }
}

impl Drawn {
    /// `counted` was taken of the bucket for `amount`.
    fn add(&mut self, amount: u64, counted: Thousandths) {
        let own = i64::try_from(amount).unwrap_or(i64::MAX);
        self.taken = self.taken.saturating_add(own);
        if let Some(more) = for_others(amount, counted) {
            self.assumed = self.assumed.saturating_add(more);
        }
    }

    /// `counted` was given back for `amount`.
    fn give_back(&mut self, amount: u64, counted: Thousandths) {
        let own = i64::try_from(amount).unwrap_or(i64::MAX);
        self.taken = self.taken.saturating_sub(own);
        if let Some(more) = for_others(amount, counted) {
            self.assumed = self.assumed.saturating_sub(more);
        }
    }
}

/// What of `counted` is not `amount` itself, if anything.
fn for_others(amount: u64, counted: Thousandths) -> Option<i128> {
    let more = counted.0.checked_sub(Thousandths::whole(amount).0);
    let more = more.filter(|more| *more > 0)?;
    Some(i128::try_from(more).unwrap_or(i128::MAX))
}
