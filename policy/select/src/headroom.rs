//! Which account has the most headroom: of those that the request fits, the one that is full again
//! soonest after it, where an account is full when its scarcest dimension is.
//!
//! Why the soonest: refill that overflows is capacity lost for ever, and that bucket is the nearest
//! to overflowing. Where all buckets save up equally many seconds of refill this is the largest
//! free share. Where they do not (a small account's bucket holds a single request, which may be
//! many seconds'), the share misleads: it spends the deep buckets first, while the shallow ones
//! overflow.
//!
//! Headroom grows with time, each account's at its own pace, so no order of accounts stays true. But
//! each grows along a straight line, and a line is cheap to bound: a tournament tree keeps, per inner
//! node and dimension, the highest start, the steepest slope and the largest burst below it. The best
//! leaf is found by descending into the more promising half first and leaving out every half whose
//! bound is no better than what was found. Rejected: a scan (50 µs at 10,000 accounts), sorting
//! (never true for long), and sampling a few (misses the one account that fits).
//!
//! An account that refused lately comes after others that are full a little later. Ties go to the account
//! with the fewest requests in flight, then to a draw.
//!
//! Where the scarcest dimension differs from account to account the bounds are loose, and a proof
//! that nothing is better would take most of the tree. So the search is exact in small pools and
//! ends, once it has found something, after 64 nodes in large ones: it then has the best of the
//! most promising, which differs from the best by less than the next request changes. It never says
//! that nothing fits where something does.
//!
//! Cost: an update touches one leaf and its ancestors, a search a few dozen nodes. Neither
//! allocates.

mod bounds;
mod search;

use keyweir_quota::budget::{Budget, Charge, Line};
use keyweir_terms::amount::Dimension;
use keyweir_terms::ids::AccountId;
use keyweir_terms::time::Time;

pub use self::bounds::Left;
use self::bounds::{Bounds, TOLERANCE};
pub use self::search::Choice;
use self::search::{Question, Tree};

/// Accounts of one group, searchable by headroom.
#[derive(Clone, Debug)]
pub struct HeadroomIndex {
    nodes: Vec<Bounds>,
    width: usize,
}

/// What an account has of one dimension, and what a request has to find of it, in amounts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Headroom {
    /// What is free, as requests are sent.
    pub free: f64,
    /// What is left for sure …
    pub sure: f64,
    /// … and at most: the truth lies between them.
    pub possible: f64,
    /// What the request has to find free: its prompt, and its output as far as that is held
    /// against the bucket.
    pub needed: f64,
}

impl HeadroomIndex {
    /// An index of `accounts` accounts, all closed.
    pub fn new(accounts: usize) -> Self {
        let width = accounts.next_power_of_two().max(1);
        Self {
            nodes: vec![Bounds::CLOSED; 2 * width],
            width,
        }
    }

    /// Makes it large enough for `accounts` accounts. Returns whether it had to grow: all are closed
    /// then, and to be set again.
    pub fn widen(&mut self, accounts: usize) -> bool {
        let is_too_small = accounts > self.width;
        if is_too_small {
            *self = Self::new(accounts);
        }
        is_too_small
    }

    /// Sets what `account` has left; `None` closes it.
    pub fn set(&mut self, account: AccountId, now: Time, left: Option<&Left>) {
        let mut at = self.width + account.index();
        self.nodes[at] = match left {
            None if !self.nodes[at].open => return,
            None => Bounds::CLOSED,
            Some(left) => Bounds::of(left, now.as_secs_f64()),
        };
        while at > 1 {
            at /= 2;
            self.nodes[at] = Bounds::over(&self.nodes[2 * at], &self.nodes[2 * at + 1]);
        }
    }

    /// Sets what many accounts that lie side by side have left, as [`Self::set`] does one by one, which
    /// takes some seven times as long.
    pub fn set_all(&mut self, now: Time, left: &[(AccountId, Option<Left>)]) {
        let (mut first, mut last) = (usize::MAX, 0);
        for (account, left) in left {
            let at = self.width + account.index();
            self.nodes[at] = match left {
                None => Bounds::CLOSED,
                Some(left) => Bounds::of(left, now.as_secs_f64()),
            };
            (first, last) = (first.min(at), last.max(at));
        }
        while first <= last && first > 1 {
            (first, last) = (first / 2, last / 2);
            for at in first..=last {
                self.nodes[at] = Bounds::over(&self.nodes[2 * at], &self.nodes[2 * at + 1]);
            }
        }
    }

    /// The share of its scarcest bucket that `charge` would leave free of one account, if that is
    /// open and `charge` fits.
    pub fn headroom(&self, account: AccountId, now: Time, charge: &Charge) -> Option<f64> {
        let leaf = self.leaf(account)?;
        let headroom = leaf.left(now.as_secs_f64(), charge).headroom;
        (leaf.open && headroom >= -TOLERANCE).then_some(headroom)
    }

    /// When `charge` will fit one account; `None`: it is closed, or never.
    pub fn fits_at(&self, account: AccountId, now: Time, charge: &Charge) -> Option<Time> {
        let leaf = self.leaf(account).filter(|leaf| leaf.open)?;
        let secs = now.as_secs_f64();
        let fits_at = leaf.fits_at(secs, charge);
        fits_at.is_finite().then(|| now.after_secs(fits_at - secs))
    }

    /// The account with the most headroom among those that fit and are `allowed`.
    pub fn best(
        &self,
        now: Time,
        charge: &Charge,
        draw: u64,
        allowed: impl Fn(AccountId) -> bool,
    ) -> Option<Choice> {
        let question = Question {
            secs: now.as_secs_f64(),
            charge,
            draw,
        };
        search::best(self.tree(), question, allowed)
    }

    /// The same among `accounts`, each of which is looked at; of those that are as good the first. For a
    /// few of many: a search leaves out what is no better, not what is not allowed.
    pub fn best_among(
        &self,
        now: Time,
        charge: &Charge,
        accounts: impl Iterator<Item = AccountId>,
    ) -> Option<Choice> {
        let question = Question {
            secs: now.as_secs_f64(),
            charge,
            draw: 0,
        };
        search::best_among(self.tree(), question, accounts)
    }

    /// The one of `accounts` that `charge` will fit first, and when; `None` if none ever will.
    pub fn earliest_among(
        &self,
        now: Time,
        charge: &Charge,
        accounts: impl Iterator<Item = AccountId>,
    ) -> Option<(AccountId, Time)> {
        let fits = accounts.filter_map(|it| Some((it, self.fits_at(it, now, charge)?)));
        fits.min_by_key(|(_, at)| *at)
    }

    /// The `allowed` account that `charge` will fit first, and when (in a large pool: one of the
    /// first); `None` if none ever will.
    pub fn earliest(
        &self,
        now: Time,
        charge: &Charge,
        allowed: impl Fn(AccountId) -> bool,
    ) -> Option<(AccountId, Time)> {
        let secs = now.as_secs_f64();
        let question = Question {
            secs,
            charge,
            draw: 0,
        };
        let found = search::earliest(self.tree(), question, allowed);
        found.map(|(account, at)| (account, now.after_secs(at - secs)))
    }

    fn tree(&self) -> Tree<'_> {
        Tree {
            nodes: &self.nodes,
            width: self.width,
        }
    }

    fn leaf(&self, account: AccountId) -> Option<&Bounds> {
        self.nodes.get(self.width + account.index())
    }
}

/// What is free of `budget` at `now`, and what `charge` has to find of it, by dimension; `None` where no
/// limit is known.
pub fn compare(
    budget: &Budget,
    now: Time,
    charge: &Charge,
) -> [Option<Headroom>; Dimension::COUNT] {
    let secs = now.as_secs_f64();
    let lines = Bounds::of(&Left::of(budget, now), secs);
    std::array::from_fn(|d| {
        let (free, needed) = lines.amounts(d, secs, charge)?;
        let (sure, possible) = budget.bounds(d, now);
        // Parts that are kept for others are nobody else's, however much there is.
        let kept = budget.kept(Dimension::ALL[d], now);
        Some(Headroom {
            free,
            sure: (sure - kept).min(free),
            possible: (possible - kept).max(free),
            needed,
        })
    })
}

/// When `charge` fits an account whose headroom runs along `lines` as of `now`; `None`: never.
pub fn fits_at(lines: &[Line; Dimension::COUNT], now: Time, charge: &Charge) -> Option<Time> {
    let secs = now.as_secs_f64();
    let left = Left {
        lines: *lines,
        in_flight: 0,
        avoided_secs: 0.0,
    };
    let fits_at = Bounds::of(&left, secs).fits_at(secs, charge);
    fits_at.is_finite().then(|| now.after_secs(fits_at - secs))
}

#[cfg(test)]
mod tests;
