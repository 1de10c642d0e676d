//! All that is counted, over policies: what is known by whose it is, for which models, and what it is
//! keeps its place and what was used of it.

use std::collections::HashMap;

use keyweir_terms::amount::Dimension;
use keyweir_terms::pattern::ModelPatterns;

use crate::bucket::Bucket;
use crate::lack::Owner;
use crate::meter::{Drawn, Meter, Spending};
use crate::period::Wall;
use crate::request::Moment;
use crate::spec::Member;

use super::known::Known;
use super::row::{Row, follow, key};

/// What is gone from the policy and still counted, in case that it comes back.
const GONE_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Rows {
    /// How many policies there were.
    policies: u64,
    rows: Vec<Option<Row>>,
    free: Vec<usize>,
    /// The places of budgets: few, and asked for more often than the rest.
    budgets: Vec<u32>,
    places: HashMap<String, u32>,
    /// What was spent before the process began, of budgets that were not there yet.
    remembered: HashMap<String, (Wall, u128)>,
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

    /// Lets `f` see each budget, with what names it.
    pub(super) fn for_each_budget(&mut self, mut f: impl FnMut(&str, &mut Spending)) {
        for place in &self.budgets {
            if let Some(Some(row)) = self.rows.get_mut(*place as usize)
                && let Meter::Budget(spending) = &mut row.meter
            {
                f(&row.key, spending);
            }
        }
    }

    pub(super) fn remember(&mut self, spent: impl IntoIterator<Item = (String, Wall, u128)>) {
        for (key, begin, spent) in spent {
            let place = self.places.get(&key).copied();
            let row = place.and_then(|place| self.get_mut(place));
            match row.map(|row| &mut row.meter) {
                Some(Meter::Budget(spending)) if spending.begin == begin => {
                    spending.spent = spending.spent.saturating_add(spent);
                }
                Some(_) => {}
                None => {
                    self.remembered.insert(key, (begin, spent));
                }
            }
        }
    }

    /// A new policy begins: what it does not name is gone.
    pub(super) fn begin(&mut self) {
        self.policies += 1;
        for row in self.rows.iter_mut().flatten() {
            row.is_gone = true;
        }
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
                    let bucket = Bucket::full(max, at.now);
                    let drawn = Drawn::default();
                    let meter = Meter::Rate {
                        dimension,
                        bucket,
                        drawn,
                    };
                    places.push(self.place(at, &owner, &limit.models, meter));
                }
            }
            if let Some(max) = limit.concurrency {
                let meter = Meter::Concurrency {
                    max,
                    running: 0,
                    places: None,
                };
                places.push(self.place(at, &owner, &limit.models, meter));
            }
        }
        for budget in &member.allowance.budgets {
            let period = budget.period.clone();
            let spending = Spending::new(budget.amount, budget.soft, period, at.wall);
            places.push(self.place(at, &owner, &budget.models, Meter::Budget(spending)));
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
    fn place(
        &mut self,
        at: Moment,
        owner: &Owner,
        models: &ModelPatterns,
        mut meter: Meter,
    ) -> u32 {
        let key = key(owner, models, &meter);
        let policies = self.policies;
        if let Some(place) = self.places.get(&key).copied()
            && let Some(row) = self.get_mut(place)
        {
            row.is_gone = false;
            let before = (row.lacking(), row.is_soft());
            follow(&mut row.meter, meter, at.now);
            if before != (row.lacking(), row.is_soft()) {
                row.changed_by = policies;
            }
            return place;
        }
        if let Meter::Budget(spending) = &mut meter
            && let Some((begin, spent)) = self.remembered.remove(&key)
            && begin == spending.begin
        {
            spending.spent = spent;
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.rows.push(None);
            self.rows.len() - 1
        });
        let is_budget = matches!(meter, Meter::Budget(_));
        self.rows[place] = Some(Row {
            key: key.clone(),
            owner: owner.clone(),
            models: models.clone(),
            shadow: false,
            meter,
            open: 0,
            is_gone: false,
            changed_by: policies,
            known: Known::of(&key),
        });
        let place = u32::try_from(place).expect("policies are bounded far below 2³² limits");
        if is_budget {
            self.budgets.push(place);
        }
        self.places.insert(key, place);
        place
    }

    /// Takes out what has been gone, once that is a lot; what requests hold stays.
    pub(super) fn evict(&mut self) {
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
        for (place, slot) in self.rows.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(is_free)
                && let Some(row) = slot.take()
            {
                self.places.remove(&row.key);
                self.free.push(place);
            }
        }
        let rows = &self.rows;
        self.budgets.retain(|place| rows[*place as usize].is_some());
    }
}
