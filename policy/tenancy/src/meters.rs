//! What all tenants have used and spent, and whether a request fits in.
//!
//! A request reserves what it is expected to take, on every level at once (its tenant's own limits and
//! budgets, those of its group, of that one's group …) or on none; and is settled once, by what it
//! really took. Whatever interleaves, what was reserved and settled adds up to what was used: nothing
//! drifts, and a hundred requests at once cannot spend more than the estimates' error beyond a budget.
//!
//! *A short lack is waited for*, in the order of coming: the request takes its turn at once, overdraws
//! the bucket, and begins when what it owes has flowed in. It is refused where that is later than its
//! patience. Nobody waits for a budget or for a place at a time.
//!
//! *Over policies:* what is counted is known by whose it is, for which models, and what it is; the
//! amount may change and what was used stays. What is gone is kept for a while.
//!
//! *Several gateways* ([`crate::told`]): each tells what it has taken, and hears what the others have.
//! From one word to the next it gives no more than its share of what is left (`share.rs`): so limits
//! hold from the first request on, and what one gives too much because it had not heard yet is owed, not
//! forgotten. Where nobody is heard of any more, all shares are even, among as many as there were.
//!
//! *Cost:* a tenant without limits costs one look at a table.

mod exchange;
mod known;
mod row;
mod rows;
mod view;

use std::time::Duration;

use keyweir_terms::amount::Need;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::ids::{ProviderId, TenantId};
use keyweir_terms::replicas::Replicas;
use keyweir_terms::request::Usage;
use keyweir_terms::table::Table;
use keyweir_terms::time::Time;

use self::row::overspent;
use self::rows::Rows;
use crate::expected::Expected;
use crate::lack::{Ends, Lack, Lacking, Overspent};
use crate::left::{AllLeft, Left};
use crate::meter::{Meter, Room, Sharing, Taken};
use crate::money::Money;
use crate::period::Wall;
use crate::prices::{PriceBook, Unpriced};
use crate::request::{Asked, Cost, Moment, Reserved, Used};
use crate::spec::{Spec, WHOLE};

pub use self::view::{BudgetView, LimitView, Limited};

/// All that is counted.
#[derive(Debug, Default)]
pub struct Meters {
    rows: Rows,
    of_tenant: Table<TenantId, Vec<u32>>,
    prices: PriceBook,
    cache_read_weight: u64,
    expected: Expected,
    sharing: Sharing,
    /// When the others were last heard of.
    heard_at: Option<Time>,
}

impl Meters {
    /// What was spent by budgets with these keys in periods that began then, before the process did.
    pub fn remember(&mut self, spent: impl IntoIterator<Item = (String, Wall, u128)>) {
        self.rows.remember(spent);
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
            self.of_tenant.insert(id, rows);
        }
        self.rows.evict();
    }

    /// Whether anything bounds `tenant`.
    pub fn is_bounded(&self, tenant: TenantId) -> bool {
        let rows = self.of_tenant.get(tenant);
        rows.is_some_and(|rows| !rows.is_empty())
    }

    /// Reserves what a request is expected to take. `None`: nothing bounds it.
    ///
    /// # Errors
    /// If it does not fit; nothing is reserved then.
    pub fn reserve(
        &mut self,
        at: Moment,
        asked: &Asked<'_>,
    ) -> Result<Option<Reserved>, Box<Lack>> {
        if !self.is_bounded(asked.tenant) {
            return Ok(None);
        }
        let rows = self.holding(asked);
        let need = self.expected.need(asked.tenant, asked.model, asked.size);
        let fits = self.priced(&rows, asked, &need).and_then(|need| {
            self.note_asked(at, &rows, &need);
            let (wait, shadowed) = self.room(at, &rows, &need, asked)?;
            Ok((need, wait, shadowed))
        });
        let (need, wait, shadowed) = fits.map_err(|mut lack| {
            lack.left = self.left(at, &rows);
            if !self.sharing.is_heard {
                lack.replicas = self.sharing.replicas;
            }
            lack
        })?;
        let overspent = self.take(at, &rows, &need);
        Ok(Some(Reserved {
            need,
            tenant: asked.tenant,
            model: asked.model.into(),
            size: *asked.size,
            wait,
            left: self.left(at, &rows),
            overspent,
            shadowed,
            rows,
        }))
    }

    /// Why a request would be refused, were it to ask now; `None`: it would not. Takes nothing.
    pub fn would_refuse(&mut self, at: Moment, asked: &Asked<'_>) -> Option<Box<Lack>> {
        let rows = self.holding(asked);
        let need = self.expected.need(asked.tenant, asked.model, asked.size);
        let fits = self.priced(&rows, asked, &need);
        fits.and_then(|need| self.room(at, &rows, &need, asked))
            .err()
    }

    /// What bounds a request.
    fn holding(&self, asked: &Asked<'_>) -> Vec<u32> {
        let holds = |place: &&u32| {
            let row = self.rows.get(**place);
            row.is_some_and(|row| row.models.matches(asked.model))
        };
        let of_tenant = self.of_tenant.get(asked.tenant);
        // Most hold: to grow by and by would cost more than to look at them.
        let mut rows = Vec::with_capacity(of_tenant.map_or(0, Vec::len));
        rows.extend(of_tenant.into_iter().flatten().filter(holds).copied());
        rows
    }

    /// A request asks for `need`.
    fn note_asked(&mut self, at: Moment, rows: &[u32], need: &Taken) {
        for place in rows {
            if let Some(row) = self.rows.get_mut(*place) {
                row.asked(row.meter.amount(need), at.now);
            }
        }
    }

    /// A request has ended, having been served by `model` of `provider`. What it cost.
    pub fn settle(
        &mut self,
        at: Moment,
        reserved: Option<Reserved>,
        (provider, model): (ProviderId, &str),
        used: Used,
    ) -> Cost {
        let usage = match (used, &reserved) {
            (Used::Told(usage), _) | (Used::Partly(usage), None) => usage,
            (Used::Partly(usage), Some(reserved)) => Usage {
                input: usage.input.or(Some(reserved.need.input)),
                output: usage.output.or(Some(reserved.need.output)),
                ..usage
            },
            (Used::Untold, Some(reserved)) => Usage {
                input: Some(reserved.need.input),
                output: Some(reserved.need.output),
                ..Usage::default()
            },
            (Used::Nothing, _) | (Used::Untold, None) => Usage::default(),
        };
        let dialect = self.prices.dialect(provider);
        let found = self.prices.find(provider, model);
        let money = found.price.map(|price| price.cost(&usage, dialect));
        let cost = Cost {
            money: money.unwrap_or(Money::ZERO),
            listed: found.listed,
            usage,
        };
        if let Some(reserved) = reserved {
            if let Used::Told(usage) = &used {
                let of = (reserved.tenant, &*reserved.model);
                self.expected.learn(of, &reserved.size, usage);
            }
            let taken = self.taken(used, &cost, dialect);
            self.give_back(at, &reserved, &taken);
        }
        cost
    }

    /// What metrics call a model by its price's place in the list.
    pub fn label(&self, listed: Option<u32>) -> &str {
        self.prices.label(listed)
    }

    /// Budgets that something was spent of since the last call: key, begin of the period, spent.
    pub fn take_changed(&mut self) -> Vec<(String, Wall, u128)> {
        let mut changed = Vec::new();
        for row in self.rows.iter_mut() {
            if let Meter::Budget(spending) = &mut row.meter
                && std::mem::take(&mut spending.changed)
            {
                changed.push((row.key.clone(), spending.begin, spending.spent));
            }
        }
        changed
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

    /// A budget of a tenant, or of a group that it is in, that has just been spent and only warns. Each
    /// is told once in its period.
    pub fn next_overspent(&mut self, of: TenantId) -> Option<Overspent> {
        let rows = self.of_tenant.get(of)?;
        rows.iter().find_map(|place| {
            let row = self.rows.get_mut(*place)?;
            let Meter::Budget(spending) = &mut row.meter else {
                return None;
            };
            if !spending.soft || spending.warned || !spending.is_spent(self.sharing) {
                return None;
            }
            spending.warned = true;
            Some(overspent(&row.owner, spending, self.sharing))
        })
    }

    /// `need`, with what it costs.
    fn priced(&mut self, rows: &[u32], asked: &Asked<'_>, need: &Need) -> Result<Taken, Box<Lack>> {
        let refuses = self.prices.unpriced() == Unpriced::Refuse;
        let price = self.prices.find(asked.provider, asked.model).price;
        let taken = Taken {
            requests: 1,
            input: need.input,
            output: need.output,
            money: price.map_or(Money::ZERO, |price| price.expected(need)),
        };
        if price.is_some() || !refuses {
            return Ok(taken);
        }
        let mut rows = rows.iter().filter_map(|row| self.rows.get(*row));
        match rows.find(|row| !row.shadow && !row.is_soft() && row.is_of_money()) {
            None => Ok(taken),
            Some(row) => Err(row.lack(Lacking::Price, Ends::Never)),
        }
    }

    /// How long a request has to wait until all of `rows` have room for it, and what would refuse it
    /// where that is only counted.
    fn room(
        &mut self,
        at: Moment,
        rows: &[u32],
        need: &Taken,
        asked: &Asked<'_>,
    ) -> Result<(Duration, Option<Lacking>), Box<Lack>> {
        let (mut wait, mut shadowed) = (Duration::ZERO, None);
        for place in rows {
            let Some(row) = self.rows.get_mut(*place) else {
                continue;
            };
            let ends = match row.meter.room(need, (at.now, at.wall), self.sharing) {
                Room::In(Duration::ZERO) => continue,
                room if asked.asks_again && row.is_of_share(room, need, (at.now, self.sharing)) => {
                    let ends = match room {
                        Room::In(span) => Ends::In(span),
                        _ => Ends::WithOthers,
                    };
                    let lack = row.lack(row.lacking(), ends);
                    return Err(Box::new(Lack {
                        is_of_share: true,
                        ..*lack
                    }));
                }
                Room::In(span) if span <= asked.patience && !row.shadow => {
                    wait = wait.max(span);
                    continue;
                }
                Room::In(span) => Ends::In(span),
                Room::WhenOthersEnd => Ends::WithOthers,
                Room::Never => Ends::Never,
                Room::From(moment) => Ends::In(moment.since(at.wall)),
            };
            if row.shadow {
                shadowed = Some(row.lacking());
            } else if !row.is_soft() {
                return Err(row.lack(row.lacking(), ends));
            }
        }
        Ok((wait, shadowed))
    }

    /// Takes `need` of all of `rows`. A budget among them that is spent and only warns.
    fn take(&mut self, at: Moment, rows: &[u32], need: &Taken) -> Option<Overspent> {
        let mut over = None;
        for place in rows {
            let Some(row) = self.rows.get_mut(*place) else {
                continue;
            };
            row.meter.take(need, at.now, self.sharing);
            row.open += 1;
            if let Meter::Budget(spending) = &row.meter
                && spending.soft
                && spending.is_spent(self.sharing)
            {
                over = Some(overspent(&row.owner, spending, self.sharing));
            }
        }
        over
    }

    fn left(&self, at: Moment, rows: &[u32]) -> AllLeft {
        let mut all = AllLeft::default();
        for row in rows.iter().filter_map(|row| self.rows.get(*row)) {
            if let Meter::Rate {
                dimension, bucket, ..
            } = &row.meter
                && !row.shadow
            {
                let left = Left {
                    limit: bucket.limit(),
                    remaining: bucket.remaining(at.now),
                    reset: bucket.until_full(at.now),
                };
                all.add(*dimension, left);
            }
        }
        all
    }

    /// What counts of a request that has ended.
    fn taken(&self, used: Used, cost: &Cost, dialect: Dialect) -> Taken {
        let usage = &cost.usage;
        if matches!(used, Used::Nothing) {
            return Taken::default();
        }
        let read = usage.cache_read.unwrap_or_default();
        let within = match dialect {
            Dialect::Anthropic => 0,
            _ => read,
        };
        let fresh = usage.input.unwrap_or_default().saturating_sub(within);
        let weighed = u128::from(read) * u128::from(self.cache_read_weight) / u128::from(WHOLE);
        Taken {
            requests: 1,
            input: fresh.saturating_add(u64::try_from(weighed).unwrap_or(u64::MAX)),
            output: usage.output.unwrap_or_default(),
            money: cost.money,
        }
    }

    fn give_back(&mut self, at: Moment, reserved: &Reserved, taken: &Taken) {
        for place in &reserved.rows {
            if let Some(row) = self.rows.get_mut(*place) {
                row.open = row.open.saturating_sub(1);
                let both = (&reserved.need, taken);
                row.meter.settle(both, (at.now, at.wall), self.sharing);
                row.used(at.now);
            }
        }
    }
}

#[cfg(test)]
mod tests;
