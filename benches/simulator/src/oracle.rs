//! The all-knowing scheduler: the same arrivals, served by someone who sees every bucket as the
//! provider keeps it, knows each request's tokens beforehand and when every fault begins and ends.
//!
//! It goes by arrival: each request starts at the earliest moment at which some account has room,
//! at its first choice or at any other, on that account, and is refused if that is beyond its
//! patience. What follows up on a thing starts where that is. Output is charged over the time it
//! is produced in, so the output bucket may be overdrawn at admission by what flows in meanwhile.

use std::collections::HashMap;
use std::rc::Rc;

use keyweir_policy::terms::amount::Dimension;

use crate::account::{AccountWorld, StrictBucket};
use crate::follow_up::{self, FollowUp};
use crate::metered::FOLLOW_UPS;
use crate::plan::fallbacks;
use crate::scenario::Scenario;
use crate::site::Site;
use crate::taken::Amounts;
use crate::traffic::Arrival;
use crate::weather::Weather;

/// What was to be had.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    /// Requests served.
    pub served: usize,
    /// Seconds each of them waited, sorted.
    pub waits: Vec<f64>,
}

/// Serves `arrivals` knowing everything.
pub fn serve(scenario: &Scenario, arrivals: &[Arrival]) -> Reached {
    let mut books = Books::new(scenario);
    let mut reached = Reached::default();
    let follow_ups = follow_up::draw(scenario, arrivals.len()).follow_ups;
    for (arrival, follows) in arrivals.iter().zip(follow_ups) {
        let needs = match follows {
            Some(_) => scenario.taken(0.0, 0.0),
            None => scenario.taken_by(arrival),
        };
        let needs = needs.total();
        let offers = match follows {
            Some(follow_up) => books.of_follow_up(follow_up),
            None => books.offers(arrival),
        };
        let Some((start, offer, account)) = books.earliest(arrival.at, &offers, &needs) else {
            continue;
        };
        if start - arrival.at > scenario.patience_of(arrival.tenant) {
            continue;
        }
        books.buckets[offers[offer].buckets][account].take(start, &needs);
        reached.served += 1;
        reached.waits.push(start - arrival.at);
    }
    reached.waits.sort_by(f64::total_cmp);
    reached
}

/// Where a request may be served.
#[derive(Clone, Debug)]
struct Offer {
    /// The provider, by its position.
    site: usize,
    /// The position of its accounts' buckets for what is asked for.
    buckets: usize,
    /// By account: whether it could.
    serving: Vec<bool>,
}

/// Every bucket of every provider.
struct Books<'a> {
    scenario: &'a Scenario,
    sites: Vec<Site<'a>>,
    /// Each a provider's accounts' for one group.
    buckets: Vec<Vec<Buckets>>,
    /// Where they are, by provider and group.
    places: HashMap<(usize, String), usize>,
    /// What is known of arrivals of a tenant and model.
    known: HashMap<(usize, usize), Rc<[Offer]>>,
}

impl<'a> Books<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        Self {
            scenario,
            sites: Site::all(scenario),
            buckets: Vec::new(),
            places: HashMap::new(),
            known: HashMap::new(),
        }
    }

    /// Where `arrival` may be served: at its first choice, then at the others.
    fn offers(&mut self, arrival: &Arrival) -> Rc<[Offer]> {
        let key = (arrival.tenant, arrival.model);
        if let Some(known) = self.known.get(&key) {
            return Rc::clone(known);
        }
        let mut model = self.scenario.models[arrival.model].clone();
        let mut offers = vec![self.offer(0, &model)];
        for choice in fallbacks(self.scenario, arrival) {
            // A choice without a model asks for the one before.
            model = choice.model.unwrap_or(model);
            let mut offer = self.offer(choice.provider.index(), &model);
            if let Some(only) = choice.account {
                let serving = offer.serving.iter_mut().enumerate();
                serving.for_each(|(at, serves)| *serves &= at == only.index());
            }
            offers.push(offer);
        }
        let offers: Rc<[Offer]> = offers.into();
        self.known.insert(key, Rc::clone(&offers));
        offers
    }

    fn offer(&mut self, site: usize, model: &str) -> Offer {
        let of = self.sites[site];
        let serving = (0..of.accounts.len()).map(|at| of.serves(at, model));
        Offer {
            site,
            serving: serving.collect(),
            buckets: self.place(site, &of.pool_spec(0).group(model)),
        }
    }

    /// Where a follow-up may be served: where the thing is.
    fn of_follow_up(&mut self, follow_up: FollowUp) -> Rc<[Offer]> {
        let Some((provider, account)) = follow_up.holder else {
            return Rc::default();
        };
        let site = provider.index();
        let accounts = 0..self.sites[site].accounts.len();
        Rc::new([Offer {
            site,
            serving: accounts.map(|at| at == account.index()).collect(),
            buckets: self.place(site, FOLLOW_UPS),
        }])
    }

    fn place(&mut self, site: usize, group: &str) -> usize {
        let key = (site, group.to_owned());
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        let accounts = self.sites[site].accounts.iter();
        let buckets = accounts.map(|account| Buckets::of(self.scenario, account));
        self.buckets.push(buckets.collect());
        self.places.insert(key, self.buckets.len() - 1);
        self.buckets.len() - 1
    }

    /// The earliest start, with its offer and account.
    fn earliest(
        &mut self,
        arrived: f64,
        offers: &[Offer],
        needs: &Amounts,
    ) -> Option<(f64, usize, usize)> {
        let mut best: Option<(f64, usize, usize)> = None;
        for (number, offer) in offers.iter().enumerate() {
            let site = self.sites[offer.site];
            let from = after_storms(site, arrived);
            let buckets = self.buckets[offer.buckets].iter_mut().enumerate();
            for (account, buckets) in buckets {
                if !offer.serving[account] || !serves(site, account, from) {
                    continue;
                }
                let start = buckets.earliest(from, needs);
                // Of two that start together, the latter.
                if best.is_none_or(|(least, ..)| start <= least) {
                    best = Some((start, number, account));
                }
            }
        }
        best
    }
}

/// Buckets of one account, from which the future may be taken: levels are kept as of the latest
/// start.
struct Buckets([StrictBucket; Dimension::COUNT]);

impl Buckets {
    fn of(scenario: &Scenario, account: &AccountWorld) -> Self {
        let sizes = &scenario.sizes;
        let taken = scenario.taken(sizes.input, sizes.output);
        let production = scenario.latency.first_token.1
            + scenario.latency.per_token * scenario.sizes.output / 2.0;
        let limits = account.limits();
        Self(std::array::from_fn(|index| {
            // Half of the mean output is produced after half of the time that production takes.
            let is_produced = taken.by_and_by[index] > 0.0;
            let slack = if is_produced { production } else { 0.0 };
            StrictBucket::new(limits[index], account.burst_secs + slack, account.foreign)
        }))
    }

    fn earliest(&mut self, from: f64, needs: &Amounts) -> f64 {
        let wait = |(bucket, need): (&mut StrictBucket, &f64)| bucket.start_for(from, *need);
        self.0.iter_mut().zip(needs).map(wait).fold(from, f64::max)
    }

    fn take(&mut self, at: f64, needs: &Amounts) {
        for (bucket, need) in self.0.iter_mut().zip(needs) {
            bucket.take(at, *need);
        }
    }
}

/// Whether any key of the account works at `at`.
pub(crate) fn serves(site: Site<'_>, account: usize, at: f64) -> bool {
    if site.weather.is_empty() {
        // Spares counting keys, which takes long where accounts are many.
        return site.accounts[account].keys > 0;
    }
    let dead = |key: usize| {
        site.weather.iter().any(|weather| match *weather {
            Weather::Revoked { key: it, from } => it == key && at >= from,
            Weather::AlwaysRefused { key: it } => it == key,
            _ => false,
        })
    };
    let broke = site.weather.iter().any(|weather| {
        matches!(*weather, Weather::OutOfMoney { account: it, from } if it == account && at >= from)
    });
    let first: usize = site.accounts[..account].iter().map(|it| it.keys).sum();
    !broke && (first..first + site.accounts[account].keys).any(|key| !dead(key))
}

/// It waits out what it knows will fail.
fn after_storms(site: Site<'_>, at: f64) -> f64 {
    let weather = site.weather.iter();
    weather.fold(at, |at, weather| match *weather {
        Weather::Overloaded { share, from, until } | Weather::Broken { share, from, until }
            if share > 0.5 && (from..until).contains(&at) =>
        {
            until
        }
        Weather::Unreachable { from, until } if (from..until).contains(&at) => until,
        _ => at,
    })
}
