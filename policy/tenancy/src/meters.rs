//! What all tenants have used and spent, and whether a request fits in.
//!
//! A request reserves what it is expected to take, on every level at once (its tenant's own limits and
//! budgets, those of its group, of that one's group …) or on none; and is settled once, by what it
//! really took. Whatever interleaves, what was reserved and settled adds up to what was used: nothing
//! drifts, and a hundred requests at once cannot spend more than the estimates' error beyond a budget.
//!
//! *A short lack is waited for*, in the order of coming: the request takes its turn at once, overdraws
//! the bucket, and begins when what it owes has flowed in. It is refused where that is later than its
//! patience. Nobody waits for a budget that is spent, or for a place at a time; for one that is taken by
//! requests that run, and for the ledger where it is not written ahead far enough, who asks may wait and
//! ask again.
//!
//! *Over policies:* what is counted is known by whose it is, for which models, and what it is; the
//! amount may change and what was used stays. What is gone is kept for a while.
//!
//! *Several gateways* ([`crate::report`]): each tells what it has taken, and hears what the others have.
//! From one word to the next it gives no more than its share of what is left (`share.rs`): so limits
//! hold from the first request on, and what one gives too much because it had not heard yet is owed, not
//! forgotten. Where nobody is heard of any more, all shares are even, among as many as there were.
//!
//! *Cost:* a tenant without limits costs one look at a table.

mod bounds;
mod fit;
mod peer_state;
mod peers;
mod reservation;
mod row;
mod rows;
mod view;

use keyweir_terms::amount::{Dimension, Need};
use keyweir_terms::ids::{ProviderId, TenantId};
use keyweir_terms::replicas::Replicas;
use keyweir_terms::request::Usage;
use keyweir_terms::table::Table;
use keyweir_terms::time::Time;

use self::bounds::Bounds;
use self::row::overspent;
use self::rows::Rows;
use crate::expected::Expected;
use crate::lack::Overspent;
use crate::meter::Meter;
use crate::money::{Money, WHOLE};
use crate::period::Wall;
use crate::price_book::PriceBook;
use crate::request::{Cost, Moment, Reserved, Used};
use crate::sharing::Sharing;
use crate::spec::Spec;
use crate::sums::Sums;
use crate::taken::Taken;

pub use self::view::{BudgetView, LimitView, Limited};

/// All that is counted.
#[derive(Debug, Default)]
pub struct Meters {
    rows: Rows,
    of_tenant: Table<TenantId, Bounds>,
    prices: PriceBook,
    cache_read_weight: u64,
    expected: Expected,
    sharing: Sharing,
    /// When the others were last heard of.
    heard_at: Option<Time>,
    ahead: Ahead,
    is_due: bool,
    is_told_due: bool,
}

/// Whether what is taken of hard budgets is written down before ([`crate::advance`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ahead {
    /// Nobody writes.
    #[default]
    Not,
    Written,
    /// The last write has failed.
    Unwritable,
}

impl Meters {
    /// What was spent by budgets with these keys before the process began.
    pub fn remember(&mut self, wall: Wall, spent: impl IntoIterator<Item = (String, Sums)>) {
        self.rows.remember(wall, spent);
    }

    /// From now on so many gateways serve the same tenants. What each has spent counts as often as
    /// there are gateways.
    pub const fn share_among(&mut self, replicas: Replicas) {
        self.sharing.replicas = replicas;
    }

    /// From now on `spec` holds; what was used stays used.
    pub fn configure(&mut self, at: Moment, spec: &Spec) {
        self.prices = PriceBook::new(spec.prices.clone(), &spec.providers);
        self.cache_read_weight = spec.cache_read_weight;
        self.rows.begin();
        let groups = spec.groups.iter();
        let of_group: Vec<Vec<u32>> = groups.map(|it| self.rows.of(at, it, true)).collect();
        self.of_tenant = Table::default();
        for (id, tenant) in spec.tenants.iter() {
            let mut rows = self.rows.of(at, tenant, false);
            let mut group = tenant.group;
            // Circles are refused where the policy is read; a chain is never longer than the list.
            for _ in 0..spec.groups.len() {
                let Some(place) = group else { break };
                rows.extend(of_group.get(place).into_iter().flatten());
                group = spec.groups.get(place).and_then(|group| group.group);
            }
            self.of_tenant.insert(id, Bounds::new(rows, &self.rows));
        }
        self.rows.take_over(at.wall);
        self.rows.evict();
    }

    /// Whether anything bounds `tenant`.
    pub fn is_bounded(&self, tenant: TenantId) -> bool {
        let bounds = self.of_tenant.get(tenant);
        bounds.is_some_and(|bounds| !bounds.rows.is_empty())
    }

    /// A request has ended, having been served by `model` of `provider`. What it cost. What it used is told
    /// with cache reads apart ([`Usage::apart`]).
    pub fn settle(
        &mut self,
        at: Moment,
        reserved: Option<Reserved>,
        (provider, model): (ProviderId, &str),
        used: Used,
    ) -> Cost {
        let usage = match (used, &reserved) {
            (Used::Told(usage), _) | (Used::Partly(usage), None) => usage,
            (Used::Partly(usage), Some(reserved)) => match usage.input {
                // Who tells of the input tells what of it was cached.
                Some(_) => Usage {
                    output: usage
                        .output
                        .or(Some(reserved.claim.need.of(Dimension::OutputTokens))),
                    ..usage
                },
                None => Usage {
                    output: usage
                        .output
                        .or(Some(reserved.claim.need.of(Dimension::OutputTokens))),
                    tier: usage.tier,
                    ..self.expected(reserved)
                },
            },
            (Used::Untold, Some(reserved)) => self.expected(reserved),
            (Used::Nothing, _) | (Used::Untold, None) => Usage::default(),
        };
        let found = self.prices.find(provider, model);
        let money = found.price.map(|price| price.cost(&usage));
        let cost = Cost {
            money: money.unwrap_or(Money::ZERO),
            listed: found.listed,
            usage,
        };
        if let Some(reserved) = reserved {
            if let Used::Told(usage) = &used {
                let of = (reserved.tenant, &reserved.model);
                self.expected.learn(of, &reserved.size, usage);
            }
            let taken = self.taken(used, &cost);
            self.give_back(at, &reserved, &taken);
        }
        cost
    }

    /// What metrics call a model by its price's place in the list.
    pub fn label(&self, listed: Option<u32>) -> &str {
        self.prices.label(listed)
    }

    /// From now on what is taken of hard budgets is written down before, until [`Self::ends`].
    pub const fn write_ahead(&mut self) {
        self.ahead = Ahead::Written;
    }

    /// Nothing more will be taken: what is written next is what was.
    pub const fn ends(&mut self) {
        self.ahead = Ahead::Not;
    }

    /// Budgets whose sums are to be written, by their keys: something was spent of them since the last call,
    /// or more is written ahead, or less.
    pub fn take_changed(&mut self) -> Vec<(String, Sums)> {
        let mut changed = Vec::new();
        (self.is_due, self.is_told_due) = (false, false);
        let is_ahead = self.ahead != Ahead::Not;
        self.rows.for_each_budget(|row, spending, refuses| {
            let sum = match is_ahead && refuses {
                true => spending.write_ahead(),
                false => spending.write_as_it_is(),
            };
            if let Some(spent) = sum {
                let mut sums = spending.sums();
                sums.unsettled = spent.saturating_sub(sums.spent);
                sums.spent = spent;
                changed.push((row.to_owned(), sums));
            }
        });
        changed
    }

    /// What was taken last is written, or it could not be: then nobody waits for it until it can.
    pub fn written(&mut self, is_written: bool) {
        if self.ahead != Ahead::Not {
            self.ahead = match is_written {
                true => Ahead::Written,
                false => Ahead::Unwritable,
            };
        }
        if is_written {
            self.rows
                .for_each_budget(|_, spending, _| spending.is_now_written());
        }
    }

    /// Whether more of a budget that refuses is to be written down at once; told once until
    /// [`Self::take_changed`].
    pub const fn is_due(&mut self) -> bool {
        self.is_due && !std::mem::replace(&mut self.is_told_due, true)
    }

    /// All budgets in force, with what is spent of them at `wall`.
    pub fn budgets(&mut self, wall: Wall) -> impl Iterator<Item = BudgetView<'_>> {
        let rows = self.rows.iter_mut();
        let sharing = self.sharing;
        rows.filter_map(move |row| view::budget(row, wall, sharing))
    }

    /// All limits in force, with what is left of them at `now`.
    pub fn limits(&self, now: Time) -> impl Iterator<Item = LimitView<'_>> {
        self.rows
            .iter()
            .filter_map(move |row| view::limit(row, now))
    }

    /// A budget of a tenant, or of a group that it is in, of which so much has just been spent that it
    /// warns. Each is told once in its period.
    pub fn next_overspent(&mut self, of: TenantId) -> Option<Overspent> {
        let bounds = self.of_tenant.get(of)?;
        bounds.warning.iter().find_map(|place| {
            let row = self.rows.get_mut(*place)?;
            let Meter::Budget(spending) = &mut row.meter else {
                return None;
            };
            if spending.warned || !spending.warns_of(spending.counted(self.sharing)) {
                return None;
            }
            spending.warned = true;
            Some(overspent(&row.owner, spending, self.sharing))
        })
    }

    /// What a request was expected to take.
    fn expected(&self, reserved: &Reserved) -> Usage {
        let need = Need {
            input: reserved.claim.need.of(Dimension::InputTokens),
            output: reserved.claim.need.of(Dimension::OutputTokens),
        };
        let of = (reserved.tenant, &reserved.model);
        self.expected.usage(of, &reserved.size, &need)
    }

    /// What counts of a request that has ended.
    fn taken(&self, used: Used, cost: &Cost) -> Taken {
        let usage = &cost.usage;
        if matches!(used, Used::Nothing) {
            return Taken::default();
        }
        let read = usage.cache_read.unwrap_or_default();
        let fresh = usage.input.unwrap_or_default();
        let weighed = u128::from(read) * u128::from(self.cache_read_weight) / u128::from(WHOLE);
        let counted = Need {
            input: fresh.saturating_add(u64::try_from(weighed).unwrap_or(u64::MAX)),
            output: usage.output.unwrap_or_default(),
        };
        Taken::of_request(&counted, cost.money)
    }

    pub(super) fn give_back(&mut self, at: Moment, reserved: &Reserved, taken: &Taken) {
        for place in reserved.rows.iter() {
            if let Some(row) = self.rows.get_mut(*place) {
                row.closed(&reserved.claim);
                let both = (&reserved.claim.need, taken);
                row.meter.settle(both, (at.now, at.wall), self.sharing);
                self.is_due |= row.is_due();
                row.used(at.now);
                if row.is_gone {
                    self.rows.charge_successor(*place, taken, at.wall);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
