//! The part of what is left that this gateway may give before it hears of the others again.
//!
//! Half of it is the same for all, so that whoever comes to a gateway that had nothing to do finds
//! something; the other half goes where requests ask for it. What one leaves is there for all at the
//! next exchange, so that a gateway which alone is asked gives all of a limit.

use keyweir_terms::replicas::Replicas;

use crate::bucket::Thousandths;

/// Parts of a unit in which a factor is told: [`Thousandths`].
const UNIT: u128 = 1_000;

/// How often what is taken here counts until the others are heard of: one over the share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Factor(u32);

impl Factor {
    /// Where all have the same.
    pub(crate) const fn even(replicas: Replicas) -> Self {
        Self(replicas.count() * UNIT as u32)
    }

    /// Where requests ask for `own` here, and of `others` for so much each.
    pub(crate) fn by_demand(own: u64, others: impl Iterator<Item = u64>) -> Self {
        Self::of_sum(own, demand_of_all(others.chain([own])))
    }

    /// The same where all, with this one, are so many, and ask for so much.
    fn of_sum(own: u64, (count, sum): (u32, u128)) -> Self {
        let even = Self::even(Replicas::new(count));
        if sum == 0 {
            return even;
        }
        // One over the mean of `1 / count` and `own / sum`.
        let count = u128::from(count);
        let factor = (2 * count * sum * UNIT).div_ceil(sum + u128::from(own) * count);
        u32::try_from(factor).map_or(even, Self)
    }

    /// What is taken counts once.
    const fn is_one(self) -> bool {
        self.0 as u128 == UNIT
    }

    /// What counts of `amount`.
    pub(crate) const fn counted(self, amount: u64) -> Thousandths {
        Thousandths(amount as u128 * self.0 as u128)
    }

    /// The amount of which so much counts.
    pub(crate) fn amount(self, counted: Thousandths) -> u64 {
        u64::try_from(counted.0 / u128::from(self.0.max(1))).unwrap_or(u64::MAX)
    }

    /// The amount of tokens or picodollars of which so much counts.
    pub(crate) const fn amount_of(self, counted: u128) -> u128 {
        if self.is_one() {
            return counted;
        }
        let factor = if self.0 == 0 { 1 } else { self.0 };
        counted.saturating_mul(UNIT) / factor as u128
    }

    /// What counts of tokens or picodollars.
    pub(crate) const fn counted_of(self, amount: u128) -> u128 {
        if self.is_one() {
            return amount;
        }
        amount.saturating_mul(self.0 as u128).div_ceil(UNIT)
    }
}

/// This gateway's part of `whole`, which is not split further: by demand, and what is left over goes to
/// who is asked for most. `me` and `others` are demands, and who has them: all gateways make the same of
/// the same, and their parts come to the whole.
pub(crate) fn part(whole: u32, me: (u64, u64), others: &[(u64, u64)]) -> u32 {
    let all = || others.iter().chain([&me]).map(|it| it.0);
    let of_all = demand_of_all(all());
    let least =
        |one: u64| (u128::from(whole) * UNIT / u128::from(Factor::of_sum(one, of_all).0)) as u32;
    let given: u64 = all().map(|one| u64::from(least(one))).sum();
    let left_over = u64::from(whole).saturating_sub(given);
    let before = others.iter().filter(|it| **it > me).count();
    least(me.0).saturating_add(u32::from((before as u64) < left_over))
}

/// How many there are, and what they ask for together.
fn demand_of_all(demands: impl Iterator<Item = u64>) -> (u32, u128) {
    demands.fold((0_u32, 0_u128), |(count, sum), demand| {
        (count.saturating_add(1), sum + u128::from(demand))
    })
}

/// What requests ask for, averaged over some seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Demand {
    /// Since it was last averaged.
    asked: u64,
    /// Per 1,000 seconds.
    rate: f64,
}

/// How fast demand is followed: a few exchanges, so that the share is there when a burst is not over.
const MEMORY_SECS: f64 = 1.0;

impl Demand {
    /// A request asks for so much.
    pub(crate) const fn asks(&mut self, amount: u64) {
        self.asked = self.asked.saturating_add(amount);
    }

    /// So much time has passed since this was last called; returns the demand of late.
    pub(crate) fn after(&mut self, secs: f64) -> u64 {
        if secs > 0.0 {
            let asked = std::mem::take(&mut self.asked) as f64 * 1_000.0 / secs;
            let weight = 1.0 - (-secs / MEMORY_SECS).exp();
            self.rate += weight * (asked - self.rate);
        }
        // Floats saturate.
        self.rate as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_demand_and_come_to_no_more_than_the_whole() {
        for demands in [
            &[0, 0, 0, 0][..],
            &[5, 5],
            &[100, 0, 0],
            &[1, 2, 3, 4, 1_000],
        ] {
            let factors = (0..demands.len()).map(|me| {
                let others = demands.iter().enumerate().filter(|(it, _)| *it != me);
                Factor::by_demand(demands[me], others.map(|(_, it)| *it))
            });
            let shares: f64 = factors.map(|it| 1_000.0 / f64::from(it.0)).sum();
            assert!((0.99..=1.0).contains(&shares), "{demands:?}: {shares}");
            for whole in [0, 1, 3, 17] {
                let all: Vec<_> = demands.iter().copied().zip(1..).collect();
                let parts = all.iter().map(|me| {
                    let others: Vec<_> = all.iter().filter(|it| *it != me).copied().collect();
                    part(whole, *me, &others)
                });
                assert_eq!(parts.sum::<u32>(), whole, "{demands:?}");
            }
        }
        let counted = |own, other| Factor::by_demand(own, std::iter::once(other)).counted(3).0;
        assert_eq!((counted(100, 0), counted(0, 100)), (4_002, 12_000));
        let alone = Factor::by_demand(7, std::iter::empty());
        assert_eq!(alone.counted(3), Thousandths::whole(3));
    }

    #[test]
    fn demand_follows_within_seconds_and_fades() {
        let mut demand = Demand::default();
        for _ in 0..50 {
            demand.asks(1);
            demand.after(0.1);
        }
        let busy = demand.after(0.1);
        assert!((8_000..=10_000).contains(&busy), "{busy}");
        for _ in 0..100 {
            demand.after(0.1);
        }
        assert!(demand.after(0.1) < 10);
    }
}
