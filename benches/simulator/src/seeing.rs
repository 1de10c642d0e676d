//! A scheduler that sees: the same arrivals, served by someone who looks into the provider's buckets before
//! each request and never sends one that is refused, but knows nothing of what is to come.
//!
//! It obeys the provider to the letter, which the all-knowing scheduler does not where output is scarce:
//! that one lets output overdraw its bucket by what flows in while it is produced. So what this one does not
//! reach is hardly to be reached. It goes by arrival: the first in line is sent as soon as any account would
//! admit it, to the one with the most left. One provider and one group of models.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use keyweir_policy::terms::amount::Dimension;

use crate::account::StrictBucket;
use crate::course::PIECES;
use crate::oracle::Reached;
use crate::scenario::Scenario;
use crate::site::Site;
use crate::traffic::Arrival;

/// What rounding leaves of a wait that is over, and the least that one is slept for, in seconds.
const GRAIN_SECS: f64 = 1e-9;
const SLEEP_SECS: f64 = 1e-4;

/// Serves `arrivals`, seeing what is.
pub fn serve(scenario: &Scenario, arrivals: &[Arrival]) -> Reached {
    let mut seeing = Seeing::new(scenario, arrivals);
    while let Some(Reverse(scheduled)) = seeing.events.pop() {
        seeing.happen(scheduled);
    }
    let mut reached = seeing.reached;
    reached.waits.sort_by(f64::total_cmp);
    reached
}

#[derive(Clone, Copy, PartialEq)]
enum Event {
    Arrive(usize),
    /// A piece of a request's output is produced at an account.
    Produce {
        request: usize,
        piece: usize,
        account: usize,
    },
    /// Some account may admit the first in line.
    Look,
}

/// An event, its time and its place among those of the same time.
#[derive(PartialEq)]
struct Scheduled(f64, u64, Event);

impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

struct Seeing<'a> {
    scenario: &'a Scenario,
    arrivals: &'a [Arrival],
    /// By account; without those that no key serves.
    buckets: Vec<[StrictBucket; Dimension::COUNT]>,
    limits: Vec<[f64; Dimension::COUNT]>,
    events: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    looks_at: f64,
    line: VecDeque<usize>,
    draws: fastrand::Rng,
    reached: Reached,
}

impl<'a> Seeing<'a> {
    fn new(scenario: &'a Scenario, arrivals: &'a [Arrival]) -> Self {
        let site = Site::all(scenario)[0];
        let serving = site.accounts.iter().enumerate();
        let serving: Vec<_> = serving
            .filter(|(account, _)| crate::oracle::serves(site, *account, 0.0))
            .map(|(_, account)| account)
            .collect();
        let buckets = serving.iter().map(|account| {
            let limits = account.limits();
            limits.map(|limit| StrictBucket::new(limit, account.burst_secs, account.foreign))
        });
        let mut seeing = Self {
            scenario,
            arrivals,
            buckets: buckets.collect(),
            limits: serving.iter().map(|account| account.limits()).collect(),
            events: BinaryHeap::new(),
            scheduled: 0,
            looks_at: f64::INFINITY,
            line: VecDeque::new(),
            draws: fastrand::Rng::with_seed(scenario.seed),
            reached: Reached::default(),
        };
        for (request, arrival) in arrivals.iter().enumerate() {
            seeing.schedule(arrival.at, Event::Arrive(request));
        }
        seeing
    }

    fn schedule(&mut self, at: f64, event: Event) {
        self.scheduled += 1;
        self.events
            .push(Reverse(Scheduled(at, self.scheduled, event)));
    }

    fn happen(&mut self, Scheduled(now, _, event): Scheduled) {
        match event {
            Event::Arrive(request) => self.line.push_back(request),
            Event::Produce {
                request,
                piece,
                account,
            } => self.produce(now, request, (piece, account)),
            Event::Look if now == self.looks_at => self.looks_at = f64::INFINITY,
            // Another look was set since.
            Event::Look => return,
        }
        self.send(now);
    }

    fn produce(&mut self, now: f64, request: usize, (piece, account): (usize, usize)) {
        let arrival = &self.arrivals[request];
        let taken = self.scenario.taken_by(arrival).by_and_by;
        for (bucket, amount) in self.buckets[account].iter_mut().zip(taken) {
            bucket.take(now, amount / PIECES as f64);
        }
        if piece + 1 < PIECES {
            let pace = self.scenario.latency.per_token * arrival.output / PIECES as f64;
            let piece = piece + 1;
            self.schedule(
                now + pace,
                Event::Produce {
                    request,
                    piece,
                    account,
                },
            );
        }
    }

    /// Sends whom it can of the line, in their order, and looks again when the next can be sent.
    fn send(&mut self, now: f64) {
        while let Some(&request) = self.line.front() {
            let arrival = &self.arrivals[request];
            if now - arrival.at > self.scenario.patience_of(arrival.tenant) {
                self.line.pop_front();
                continue;
            }
            let Some((wait, account)) = self.first_to_admit(now, arrival) else {
                return;
            };
            if wait > GRAIN_SECS {
                self.looks_at = now + wait.max(SLEEP_SECS);
                return self.schedule(self.looks_at, Event::Look);
            }
            self.line.pop_front();
            let taken = self.scenario.taken_by(arrival).at_once;
            for (bucket, amount) in self.buckets[account].iter_mut().zip(taken) {
                bucket.take(now, amount);
            }
            self.reached.served += 1;
            self.reached.waits.push(now - arrival.at);
            let (least, most) = self.scenario.latency.first_token;
            let first_token = least + (most - least) * self.draws.f64();
            self.schedule(
                now + first_token,
                Event::Produce {
                    request,
                    piece: 0,
                    account,
                },
            );
        }
    }

    /// The account that admits a request first, and in how many seconds; of several the one that has the
    /// largest share of its scarcest limit left.
    fn first_to_admit(&mut self, now: f64, arrival: &Arrival) -> Option<(f64, usize)> {
        let taken = self.scenario.taken_by(arrival);
        let mut best: Option<(f64, f64, usize)> = None;
        for (account, buckets) in self.buckets.iter_mut().enumerate() {
            let (mut wait, mut left) = (0.0_f64, f64::INFINITY);
            for (d, bucket) in buckets.iter_mut().enumerate() {
                let least = taken.at_once[d].max(taken.by_and_by[d].min(1.0));
                wait = wait.max(bucket.wait_for(now, least));
                let limit = self.limits[account][d];
                if limit > 0.0 {
                    let spent = taken.at_once[d] + taken.by_and_by[d];
                    left = left.min((bucket.level(now) - spent) / limit);
                }
            }
            let is_better = best.is_none_or(|(least, most, _)| {
                wait < least - GRAIN_SECS || (wait <= least + GRAIN_SECS && left > most)
            });
            if is_better {
                best = Some((wait, left, account));
            }
        }
        best.map(|(wait, _, account)| (wait, account))
    }
}
