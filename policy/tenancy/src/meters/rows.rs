//! All that is counted, over policies: what is known by whose it is, for which models, and what it is
//! keeps its place and what was used of it. A budget whose days begin at another moment than before (its
//! hour, its day or the time zone is another) takes over what was spent of it in the period that has been
//! until then; so does one that is said again.

use std::collections::HashMap;

use keyweir_terms::amount::Dimension;
use keyweir_terms::pattern::ModelPatterns;

use crate::bucket::Bucket;
use crate::concurrency::Concurrency;
use crate::lack::Owner;
use crate::meter::Meter;
use crate::period::{Period, Wall};
use crate::rate::{Drawn, Rate};
use crate::request::Moment;
use crate::spec::Member;
use crate::spending::Spending;
use crate::sums::Sums;
use crate::taken::Taken;

use super::peer_state::PeerState;
use super::row::{Row, follow, key, kin, normal};

/// What is gone from the policy and still counted, in case that it comes back.
const GONE_MAX: usize = 10_000;

/// Policies that a request may have seen come, each with another period for its budget.
const SUCCESSORS_MAX: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Rows {
    /// How many policies there were.
    policies: u64,
    rows: Vec<Option<Row>>,
    free: Vec<usize>,
    /// The places of budgets: few, and asked for more often than the rest.
    budgets: Vec<u32>,
    places: HashMap<String, u32>,
    /// Those of the policy that was last begun which were not in the one before.
    fresh: Vec<u32>,
    /// What was spent before the process began, of budgets that have no place: by their kin and key.
    remembered: HashMap<String, HashMap<String, Sums>>,
}

/// Budgets of one kin that are gone.
#[derive(Debug, Default)]
struct Gone {
    /// The most that was spent of one.
    spent: u128,
    places: Vec<u32>,
}

impl Rows {
    pub(super) fn get(&self, place: u32) -> Option<&Row> {
        self.rows.get(place as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Row> {
        self.rows.get_mut(place as usize)?.as_mut()
    }

    /// How many policies there were.
    pub(super) const fn policies(&self) -> u64 {
        self.policies
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Row> {
        self.rows.iter_mut().flatten()
    }

    /// Lets `f` see each budget, with what names it, and whether it refuses.
    pub(super) fn for_each_budget(&mut self, mut f: impl FnMut(&str, &mut Spending, bool)) {
        for place in &self.budgets {
            if let Some(Some(row)) = self.rows.get_mut(*place as usize)
                && let Meter::Budget(spending) = &mut row.meter
            {
                let refuses = !spending.soft && !row.shadow;
                f(&row.key, spending, refuses);
            }
        }
    }

    pub(super) fn remember(&mut self, wall: Wall, spent: impl IntoIterator<Item = (String, Sums)>) {
        for (key, sums) in spent {
            let key = normal(&key);
            let of_kin = self.remembered.entry(kin(&key).0.to_owned()).or_default();
            let sums = match of_kin.remove(&key) {
                Some(other) => other.or(sums),
                None => sums,
            };
            of_kin.insert(key, sums);
        }
        self.fresh.clone_from(&self.budgets);
        self.take_over(wall);
    }

    /// A new policy begins: what it does not name is gone.
    pub(super) fn begin(&mut self) {
        self.policies += 1;
        for row in self.rows.iter_mut().flatten() {
            row.was_gone = std::mem::replace(&mut row.is_gone, true);
        }
        self.fresh.clear();
    }

    /// All of the policy have their places: those that are new take over what was spent.
    pub(super) fn take_over(&mut self, wall: Wall) {
        let fresh = std::mem::take(&mut self.fresh);
        if fresh.is_empty() {
            return;
        }
        let mut gone: HashMap<String, Gone> = HashMap::new();
        for place in &self.budgets {
            if let Some(Some(row)) = self.rows.get_mut(*place as usize)
                && let Meter::Budget(spending) = &mut row.meter
                && row.is_gone
            {
                spending.roll(wall);
                let of_kin = gone.entry(kin(&row.key).0.to_owned()).or_default();
                of_kin.spent = spending.spent.max(of_kin.spent);
                of_kin.places.push(*place);
            }
        }
        for place in fresh {
            self.take_over_one(wall, place, &gone);
        }
    }

    fn take_over_one(&mut self, wall: Wall, place: u32, gone: &HashMap<String, Gone>) {
        let Some(row) = self.get(place).filter(|row| !row.is_gone) else {
            return;
        };
        let (key, kin) = (row.key.clone(), kin(&row.key).0.to_owned());
        let gone = gone.get(&kin);
        let mut most = gone.map_or(0, |gone| gone.spent);
        for gone in gone.into_iter().flat_map(|gone| &gone.places) {
            if let Some(gone) = self.get_mut(*gone) {
                gone.successor = Some(place);
            }
        }
        let mut own = None;
        if let Some(mut of_kin) = self.remembered.remove(&kin) {
            own = of_kin.remove(&key);
            let others = of_kin.iter();
            let others = others.map(|(other, sums)| self.spent_under(other, sums, wall));
            most = others.fold(most, u128::max);
            if !of_kin.is_empty() {
                self.remembered.insert(kin, of_kin);
            }
        }
        if let Some(row) = self.get_mut(place)
            && let Meter::Budget(spending) = &mut row.meter
        {
            if let Some(own) = own {
                spending.recall(own, wall);
            }
            if most > spending.spent {
                (spending.spent, spending.changed) = (most, true);
                spending.nothing_is_ahead();
            }
        }
    }

    /// `used` was settled at `place`: what began under a policy before is charged to the budget that has
    /// taken over, too.
    pub(super) fn charge_successor(&mut self, place: u32, used: &Taken, wall: Wall) {
        let mut at = place;
        // Each was in force after the one before it.
        for _ in 0..SUCCESSORS_MAX {
            let Some(row) = self.get(at).filter(|row| row.is_gone) else {
                break;
            };
            let Some(next) = row.successor else { return };
            at = next;
        }
        let kin_of = |place| self.get(place).map(|row| kin(&row.key).0);
        if at == place || kin_of(at) != kin_of(place) {
            return;
        }
        if let Some(row) = self.get_mut(at).filter(|row| !row.is_gone)
            && let Meter::Budget(spending) = &mut row.meter
        {
            spending.charge(used, wall);
        }
    }

    /// What was spent in the period that `wall` is in, of a budget that had this key and is not in force.
    fn spent_under(&self, other: &str, sums: &Sums, wall: Wall) -> u128 {
        let place = self.places.get(other);
        let row = place.and_then(|place| self.get(*place));
        if row.is_some_and(|row| !row.is_gone) {
            return 0;
        }
        let period = kin(other).1.parse::<Period>();
        period.map_or(0, |period| sums.around(wall, &period))
    }

    /// The places of all that bounds `member`.
    pub(super) fn of(&mut self, at: Moment, member: &Member, is_group: bool) -> Vec<u32> {
        let owner = Owner {
            name: member.name.clone(),
            is_group,
        };
        let mut places = Vec::new();
        for limit in &member.allowance.limits {
            for dimension in Dimension::ALL {
                if let Some(max) = limit.per_minute[dimension.index()] {
                    let meter = Meter::Rate(Rate {
                        dimension,
                        bucket: Bucket::full(max, at.now),
                        drawn: Drawn::default(),
                    });
                    places.push(self.place(at, &owner, &limit.models, meter));
                }
            }
            if let Some(max) = limit.concurrency {
                let meter = Meter::Concurrency(Concurrency {
                    max,
                    running: 0,
                    places: None,
                });
                places.push(self.place(at, &owner, &limit.models, meter));
            }
        }
        for budget in &member.allowance.budgets {
            let spending = Spending::new(budget, at.wall);
            places.push(self.place(
                at,
                &owner,
                &budget.models,
                Meter::Budget(Box::new(spending)),
            ));
        }
        let (policies, shadow) = (self.policies, member.allowance.shadow);
        for place in &places {
            if let Some(row) = self.get_mut(*place)
                && std::mem::replace(&mut row.shadow, shadow) != shadow
            {
                row.changed_by = policies;
            }
        }
        places
    }

    /// The place that it had, with what was used of it, or a new one.
    fn place(&mut self, at: Moment, owner: &Owner, models: &ModelPatterns, meter: Meter) -> u32 {
        let key = key(owner, models, &meter);
        let is_budget = matches!(meter, Meter::Budget(_));
        let policies = self.policies;
        if let Some(place) = self.places.get(&key).copied()
            && let Some(row) = self.get_mut(place)
        {
            let is_fresh = row.is_gone && row.was_gone;
            (row.is_gone, row.successor) = (false, None);
            row.models = models.clone();
            let before = (row.lacking(), row.is_soft());
            follow(&mut row.meter, meter, at.now);
            if before != (row.lacking(), row.is_soft()) {
                row.changed_by = policies;
            }
            if is_fresh && is_budget {
                self.fresh.push(place);
            }
            return place;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.rows.push(None);
            self.rows.len() - 1
        });
        self.rows[place] = Some(Row {
            key: key.clone(),
            owner: owner.clone(),
            models: models.clone(),
            shadow: false,
            meter,
            open: 0,
            beyond: 0,
            is_gone: false,
            was_gone: false,
            successor: None,
            changed_by: policies,
            peer_state: PeerState::of(&key),
        });
        let place = u32::try_from(place).expect("policies are bounded far below 2³² limits");
        if is_budget {
            self.budgets.push(place);
            self.fresh.push(place);
        }
        self.places.insert(key, place);
        place
    }

    /// Takes out what has been gone, once that is a lot; what requests hold stays, and what is yet to be
    /// written down. What was spent of a budget is remembered: a policy that lacks all tenants for a moment
    /// begins nothing anew.
    pub(super) fn evict(&mut self) {
        let is_unwritten =
            |row: &Row| matches!(&row.meter, Meter::Budget(spending) if spending.changed);
        let is_free = |row: &Row| row.is_gone && row.open == 0 && !is_unwritten(row);
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
        for (place, slot) in self.rows.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(is_free)
                && let Some(row) = slot.take()
            {
                self.places.remove(&row.key);
                self.free.push(place);
                if let Meter::Budget(spending) = &row.meter
                    && spending.is_used()
                {
                    let of_kin = self.remembered.entry(kin(&row.key).0.to_owned());
                    of_kin.or_default().insert(row.key, spending.sums());
                }
            }
        }
        let rows = &self.rows;
        self.budgets.retain(|place| rows[*place as usize].is_some());
    }
}
