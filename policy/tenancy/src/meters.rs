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
//! *Cost:* a tenant without limits costs one look at a table.

use std::collections::HashMap;
use std::time::Duration;

use keyweir_terms::amount::{Dimension, Need};
use keyweir_terms::dialect::Dialect;
use keyweir_terms::ids::{ProviderId, TenantId};
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::request::{RequestSize, Usage};
use keyweir_terms::table::Table;
use keyweir_terms::time::Time;

use crate::allowance::{Allowance, Amount};
use crate::bucket::Bucket;
use crate::expected::Expected;
use crate::lack::{Ends, Lack, Lacking, Overspent, Owner};
use crate::meter::{Meter, Room, Spending, Taken};
use crate::money::Money;
use crate::period::Wall;
use crate::prices::{PriceBook, Prices, Unpriced};

/// What is gone from the policy and still counted, in case that it comes back.
const GONE_MAX: usize = 10_000;

/// Parts of a whole, in which the weight of cache reads is told.
pub const WHOLE: u64 = 1_000;

/// Who is bounded by what.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Groups, by their place in this list.
    pub groups: Vec<Member>,
    /// Tenants.
    pub tenants: Table<TenantId, Member>,
    /// What tokens cost.
    pub prices: Prices,
    /// Providers' names, and what they speak.
    pub providers: Table<ProviderId, (String, Dialect)>,
    /// How much of a token that was read from the prompt cache counts as input, in [`WHOLE`] parts.
    pub cache_read_weight: u64,
}

/// A tenant, or a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What bounds it.
    pub allowance: Allowance,
    /// The group that it is in.
    pub group: Option<usize>,
}

/// Two clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The one that only goes forward.
    pub now: Time,
    /// The one that has a calendar.
    pub wall: Wall,
}

/// A request that may be bounded.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub tenant: TenantId,
    /// Whom.
    pub provider: ProviderId,
    /// For which model; empty if it names none.
    pub model: &'a str,
    /// How large it is.
    pub size: &'a RequestSize,
    /// How long it may wait.
    pub patience: Duration,
}

/// What a request holds of its tenant's limits. Not `Clone`: it is settled exactly once.
#[derive(Debug)]
#[must_use = "what is reserved is held until it is settled"]
pub struct Reserved {
    rows: Vec<u32>,
    need: Taken,
    tenant: TenantId,
    model: Box<str>,
    size: RequestSize,
    /// How long it has to wait for its turn.
    pub wait: Duration,
    /// What is left of the tenant's limits per minute, by [`Dimension::index`].
    pub left: [Option<Left>; Dimension::COUNT],
    /// A budget that is spent and only warns.
    pub overspent: Option<Overspent>,
    /// What would have refused it, where that is only counted.
    pub shadowed: Option<Lacking>,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Per minute.
    pub limit: u64,
    /// Of that.
    pub remaining: u64,
    /// Until it is whole again.
    pub reset: Duration,
}

/// What a request came to.
#[derive(Clone, Copy, Debug)]
pub enum Used {
    /// Nothing was sent for it.
    Nothing,
    /// It was sent, and the provider charged so much.
    Told(Usage),
    /// It was answered, at least in part, and the provider did not say what it charged: what was
    /// expected stands.
    Untold,
}

/// What a request cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// By the prices; nothing where none is known.
    pub money: Money,
    /// What metrics call the model.
    pub model: String,
    /// There is no price for the model.
    pub unlisted: bool,
    /// The usage that was reckoned with.
    pub usage: Usage,
}

/// One thing that is counted, and for whom.
#[derive(Debug)]
struct Row {
    key: String,
    owner: Owner,
    models: ModelPatterns,
    shadow: bool,
    meter: Meter,
    /// Requests that hold some of it.
    open: u32,
    is_gone: bool,
}

/// A budget, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetView<'a> {
    /// Names it over restarts.
    pub key: &'a str,
    /// Whose.
    pub owner: &'a Owner,
    /// For which models.
    pub models: &'a ModelPatterns,
    /// How much.
    pub amount: Amount,
    /// The period's word.
    pub period: &'static str,
    /// When the period began.
    pub begin: Wall,
    /// When it ends.
    pub end: Wall,
    /// Tokens or picodollars that are spent.
    pub spent: u128,
    /// It only warns.
    pub soft: bool,
}

/// All that is counted.
#[derive(Debug, Default)]
pub struct Meters {
    rows: Vec<Option<Row>>,
    places: HashMap<String, u32>,
    of_tenant: Table<TenantId, Vec<u32>>,
    prices: PriceBook,
    cache_read_weight: u64,
    expected: Expected,
    /// What was spent before the process began, of budgets that were not there yet.
    remembered: HashMap<String, (Wall, u128)>,
}

impl Meters {
    /// What was spent by budgets with these keys in periods that began then, before the process did.
    pub fn remember(&mut self, spent: impl IntoIterator<Item = (String, Wall, u128)>) {
        let spent = spent.into_iter();
        self.remembered
            .extend(spent.map(|(key, begin, spent)| (key, (begin, spent))));
    }

    /// From now on `spec` holds; what was used stays used.
    pub fn configure(&mut self, at: Moment, spec: &Spec) {
        self.prices = PriceBook::new(spec.prices.clone(), &spec.providers);
        self.cache_read_weight = spec.cache_read_weight;
        for row in self.rows.iter_mut().flatten() {
            row.is_gone = true;
        }
        let groups = spec.groups.iter();
        let of_group: Vec<Vec<u32>> = groups.map(|group| self.rows_of(at, group, true)).collect();
        self.of_tenant = Table::default();
        for (id, tenant) in spec.tenants.iter() {
            let mut rows = self.rows_of(at, tenant, false);
            let mut group = tenant.group;
            // Circles are refused where the policy is read; a chain is never longer than the list.
            for _ in 0..spec.groups.len() {
                let Some(place) = group else { break };
                rows.extend(of_group.get(place).into_iter().flatten());
                group = spec.groups.get(place).and_then(|group| group.group);
            }
            self.of_tenant.insert(id, rows);
        }
        self.evict();
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
    pub fn reserve(&mut self, at: Moment, asked: &Asked<'_>) -> Result<Option<Reserved>, Lack> {
        let of_tenant = self.of_tenant.get(asked.tenant);
        let Some(of_tenant) = of_tenant.filter(|rows| !rows.is_empty()) else {
            return Ok(None);
        };
        let holds = |place: &&u32| {
            let row = self.rows[**place as usize].as_ref();
            row.is_some_and(|row| row.models.matches(asked.model))
        };
        let rows: Vec<u32> = of_tenant.iter().filter(holds).copied().collect();
        let need = self.expected.need(asked.tenant, asked.model, asked.size);
        let need = self.priced(&rows, asked, &need)?;
        let (wait, shadowed) = self.room(at, &rows, &need, asked.patience)?;
        let mut reserved = Reserved {
            need,
            tenant: asked.tenant,
            model: asked.model.into(),
            size: *asked.size,
            wait,
            left: Default::default(),
            overspent: None,
            shadowed,
            rows,
        };
        self.take(at, &mut reserved);
        Ok(Some(reserved))
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
            (Used::Told(usage), _) => usage,
            (Used::Untold, Some(reserved)) => Usage {
                input: Some(reserved.need.input),
                output: Some(reserved.need.output),
                ..Usage::default()
            },
            (Used::Nothing, _) | (Used::Untold, None) => Usage::default(),
        };
        let dialect = self.prices.dialect(provider);
        let found = self.prices.find(provider, model);
        let price = found.price();
        let cost = Cost {
            money: price.map_or(Money::ZERO, |price| price.cost(&usage, dialect)),
            model: found.label().to_owned(),
            unlisted: found.label() == "other",
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

    /// Budgets that something was spent of since the last call: key, begin of the period, spent.
    pub fn take_changed(&mut self) -> Vec<(String, Wall, u128)> {
        let mut changed = Vec::new();
        for row in self.rows.iter_mut().flatten() {
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
        let rows = self.rows.iter_mut().flatten();
        rows.filter(|row| !row.is_gone).filter_map(move |row| {
            let Meter::Budget(spending) = &mut row.meter else {
                return None;
            };
            spending.roll(wall);
            Some(BudgetView {
                key: &row.key,
                owner: &row.owner,
                models: &row.models,
                amount: spending.amount,
                period: spending.period.word(),
                begin: spending.begin,
                end: spending.end,
                spent: spending.spent,
                soft: spending.soft,
            })
        })
    }

    fn rows_of(&mut self, at: Moment, member: &Member, is_group: bool) -> Vec<u32> {
        let owner = Owner {
            name: member.name.clone(),
            is_group,
        };
        let mut places = Vec::new();
        for limit in &member.allowance.limits {
            for dimension in Dimension::ALL {
                if let Some(max) = limit.per_minute[dimension.index()] {
                    let meter = Meter::Rate {
                        dimension,
                        bucket: Bucket::full(max, at.now),
                    };
                    places.push(self.row(at, &owner, &limit.models, meter));
                }
            }
            if let Some(max) = limit.concurrency {
                let meter = Meter::Concurrency { max, running: 0 };
                places.push(self.row(at, &owner, &limit.models, meter));
            }
        }
        for budget in &member.allowance.budgets {
            let period = budget.period.clone();
            let spending = Spending::new(budget.amount, budget.soft, period, at.wall);
            places.push(self.row(at, &owner, &budget.models, Meter::Budget(spending)));
        }
        for place in &places {
            if let Some(row) = &mut self.rows[*place as usize] {
                row.shadow = member.allowance.shadow;
            }
        }
        places
    }

    /// The place of a row: the one that it had, with what was used of it, or a new one.
    fn row(&mut self, at: Moment, owner: &Owner, models: &ModelPatterns, meter: Meter) -> u32 {
        let key = key(owner, models, &meter);
        if let Some(place) = self.places.get(&key)
            && let Some(row) = &mut self.rows[*place as usize]
        {
            row.is_gone = false;
            follow(&mut row.meter, meter, at.now);
            return *place;
        }
        let mut meter = meter;
        if let Meter::Budget(spending) = &mut meter
            && let Some((begin, spent)) = self.remembered.remove(&key)
            && begin == spending.begin
        {
            spending.spent = spent;
        }
        let row = Some(Row {
            key: key.clone(),
            owner: owner.clone(),
            models: models.clone(),
            shadow: false,
            meter,
            open: 0,
            is_gone: false,
        });
        let free = self.rows.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.rows.push(None);
            self.rows.len() - 1
        });
        self.rows[place] = row;
        let place = u32::try_from(place).expect("policies are bounded far below 2³² limits");
        self.places.insert(key, place);
        place
    }

    /// Takes out what has been gone, once that is a lot; what requests hold stays.
    fn evict(&mut self) {
        let is_free = |row: &Row| row.is_gone && row.open == 0;
        if self
            .rows
            .iter()
            .flatten()
            .filter(|row| is_free(row))
            .count()
            <= GONE_MAX
        {
            return;
        }
        for slot in &mut self.rows {
            if slot.as_ref().is_some_and(is_free)
                && let Some(row) = slot.take()
            {
                self.places.remove(&row.key);
            }
        }
    }

    /// `need`, with what it costs.
    fn priced(&mut self, rows: &[u32], asked: &Asked<'_>, need: &Need) -> Result<Taken, Lack> {
        let is_money = |row: &&Row| matches!(&row.meter, Meter::Budget(it) if matches!(it.amount, Amount::Money(_)));
        let refuses = self.prices.unpriced() == Unpriced::Refuse;
        let price = self.prices.find(asked.provider, asked.model).price();
        let money = price.map_or(Money::ZERO, |price| price.expected(need));
        let taken = Taken {
            requests: 1,
            input: need.input,
            output: need.output,
            money,
        };
        if price.is_some() || !refuses {
            return Ok(taken);
        }
        let rows = rows
            .iter()
            .filter_map(|row| self.rows[*row as usize].as_ref());
        match rows.filter(|row| !row.shadow).find(is_money) {
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
        patience: Duration,
    ) -> Result<(Duration, Option<Lacking>), Lack> {
        let (mut wait, mut shadowed) = (Duration::ZERO, None);
        for place in rows {
            let Some(row) = &mut self.rows[*place as usize] else {
                continue;
            };
            let room = row.meter.room(need, at.now, at.wall);
            let ends = match room {
                Room::In(span) if span <= patience => {
                    if !row.shadow {
                        wait = wait.max(span);
                        continue;
                    }
                    if span.is_zero() {
                        continue;
                    }
                    Ends::In(span)
                }
                Room::In(span) => Ends::In(span),
                Room::WhenOthersEnd => Ends::WithOthers,
                Room::Never => Ends::Never,
                Room::From(moment) => {
                    let micros = moment.0.saturating_sub(at.wall.0);
                    Ends::In(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
                }
            };
            let is_soft = matches!(&row.meter, Meter::Budget(spending) if spending.soft);
            if is_soft {
                continue;
            }
            if row.shadow {
                shadowed = Some(row.lacking());
                continue;
            }
            return Err(row.lack(row.lacking(), ends));
        }
        Ok((wait, shadowed))
    }

    fn take(&mut self, at: Moment, reserved: &mut Reserved) {
        for place in &reserved.rows {
            let Some(row) = &mut self.rows[*place as usize] else {
                continue;
            };
            row.meter.take(&reserved.need, at.now);
            row.open += 1;
            match &mut row.meter {
                Meter::Rate { dimension, bucket } if !row.shadow => {
                    let left = Left {
                        limit: bucket.limit(),
                        remaining: bucket.remaining(at.now),
                        reset: bucket.until_full(at.now),
                    };
                    let told = &mut reserved.left[dimension.index()];
                    if told.is_none_or(|told| told.share() > left.share()) {
                        *told = Some(left);
                    }
                }
                Meter::Budget(spending) if spending.soft && spending.is_spent() => {
                    reserved.overspent = Some(overspent(&row.owner, spending));
                }
                _ => {}
            }
        }
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
            let Some(row) = &mut self.rows[*place as usize] else {
                continue;
            };
            row.open = row.open.saturating_sub(1);
            row.meter.settle((&reserved.need, taken), at.now, at.wall);
        }
    }

    /// Budgets that have just been spent and only warn; each is told once in its period.
    pub fn next_overspent(&mut self, of: TenantId) -> Option<Overspent> {
        let rows = self.of_tenant.get(of)?;
        rows.iter().find_map(|place| {
            let row = self.rows[*place as usize].as_mut()?;
            let Meter::Budget(spending) = &mut row.meter else {
                return None;
            };
            if spending.warned || !spending.is_spent() {
                return None;
            }
            spending.warned = true;
            Some(overspent(&row.owner, spending))
        })
    }
}

impl Left {
    fn share(&self) -> u128 {
        u128::from(self.remaining) * 1_000_000 / u128::from(self.limit.max(1))
    }
}

impl Row {
    const fn lacking(&self) -> Lacking {
        match &self.meter {
            Meter::Rate { dimension, bucket } => Lacking::PerMinute(*dimension, bucket.limit()),
            Meter::Concurrency { max, .. } => Lacking::AtATime(*max),
            Meter::Budget(spending) => Lacking::Budget(spending.amount, spending.period.word()),
        }
    }

    fn lack(&self, lacking: Lacking, ends: Ends) -> Lack {
        Lack {
            lacking,
            owner: self.owner.clone(),
            models: (!self.models.is_any()).then(|| patterns(&self.models)),
            ends,
        }
    }
}

fn overspent(owner: &Owner, spending: &Spending) -> Overspent {
    Overspent {
        owner: owner.clone(),
        amount: spending.amount,
        period: spending.period.word(),
        percent: spending.spent.saturating_mul(100) / spending.max().max(1),
    }
}

/// The meter goes on as `next` says, with what was used of it.
fn follow(meter: &mut Meter, next: Meter, now: Time) {
    match (meter, next) {
        (Meter::Rate { bucket, .. }, Meter::Rate { bucket: next, .. }) => {
            bucket.scale(next.limit(), now);
        }
        (Meter::Concurrency { max, .. }, Meter::Concurrency { max: next, .. }) => *max = next,
        (Meter::Budget(spending), Meter::Budget(next)) => {
            if spending.amount != next.amount {
                spending.warned = false;
            }
            (spending.amount, spending.soft) = (next.amount, next.soft);
        }
        // A row's key says which kind it is.
        (meter, next) => *meter = next,
    }
}

/// Whose, for which models, and what: the same in every policy and every process.
fn key(owner: &Owner, models: &ModelPatterns, meter: &Meter) -> String {
    let what = match meter {
        Meter::Rate { dimension, .. } => dimension.as_str().to_owned(),
        Meter::Concurrency { .. } => "concurrency".to_owned(),
        Meter::Budget(spending) => {
            let unit = match spending.amount {
                Amount::Tokens(_) => "tokens",
                Amount::Money(_) => "money",
            };
            format!("{unit} per {}", spending.period)
        }
    };
    format!("{owner}|{}|{what}", patterns(models))
}

fn patterns(models: &ModelPatterns) -> String {
    let names: Vec<&str> = models.iter().map(|pattern| pattern.as_str()).collect();
    names.join(",")
}

#[cfg(test)]
mod tests;
