//! What a provider meters: the buckets of each account, for each quota group anew.

use keyweir_policy::pool::spec::PoolSpec;

use crate::account::StrictAccount;
use crate::site::Site;
use crate::taken::Amounts;
use crate::weather::{Lie, Weather};

/// The group of requests that follow up on things, whatever the model.
pub(crate) const FOLLOW_UPS: &str = "follow-ups";

/// The buckets of one provider.
pub(crate) struct Metered {
    rested: Vec<StrictAccount>,
    /// What says which models share buckets.
    spec: PoolSpec,
    groups: Vec<(String, Vec<StrictAccount>)>,
}

/// The buckets that an attempt is charged to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) provider: usize,
    pub(crate) group: usize,
    pub(crate) account: usize,
}

impl Metered {
    pub(crate) fn new(site: Site<'_>) -> Self {
        let shows_minute = site.weather.contains(&Weather::Lies(Lie::MinuteScale));
        let rested = |world| StrictAccount::new(world, shows_minute);
        Self {
            rested: site.accounts.iter().map(rested).collect(),
            spec: site.pool_spec(0),
            groups: Vec::new(),
        }
    }

    /// The group that a model is charged to; `None`: a follow-up, which names no model.
    pub(crate) fn group(&mut self, model: Option<&str>) -> usize {
        let name = model.map_or_else(|| FOLLOW_UPS.to_owned(), |model| self.spec.group(model));
        let known = self.groups.iter().position(|(known, _)| *known == name);
        known.unwrap_or_else(|| {
            // Nobody has used them yet: they are as full as at the beginning.
            self.groups.push((name, self.rested.clone()));
            self.groups.len() - 1
        })
    }

    /// The buckets of one account for one group.
    pub(crate) fn at(&mut self, place: Place) -> &mut StrictAccount {
        &mut self.groups[place.group].1[place.account]
    }

    /// What each account was charged over all groups, by minute of the run.
    pub(crate) fn into_charged(self) -> Vec<Vec<Amounts>> {
        let mut charged: Vec<Vec<Amounts>> = vec![Vec::new(); self.rested.len()];
        for (_, accounts) in self.groups {
            for (sum, account) in charged.iter_mut().zip(accounts) {
                add(sum, account.into_charged());
            }
        }
        charged
    }
}

fn add(sum: &mut Vec<Amounts>, charged: Vec<Amounts>) {
    if sum.len() < charged.len() {
        sum.resize(charged.len(), Amounts::default());
    }
    for (sum, amounts) in sum.iter_mut().zip(charged) {
        for (sum, amount) in sum.iter_mut().zip(amounts) {
            *sum += amount;
        }
    }
}
