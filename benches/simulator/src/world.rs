//! The world of one run: everything in it, and what is to happen when.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use keyweir_policy::exchange::plan::Plan;
use keyweir_policy::pool::Pool;
use keyweir_policy::pool::ask::Lease;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::Ticket;
use keyweir_policy::terms::snapshot::Snapshot;
use keyweir_policy::terms::time::Time;

use crate::account::StrictAccount;
use crate::clock::clock;
use crate::course::Course;
use crate::plan::plan;
use crate::report::{Journey, Report};
use crate::scenario::Scenario;
use crate::traffic::Arrival;
use crate::weather::{Lie, Weather};

/// What happens next.
#[derive(Debug)]
pub(crate) enum Event {
    Arrive(usize),
    /// An attempt reaches the provider.
    Reach(usize),
    /// The head of an answer reaches the gateway, with a fault or with content to follow.
    Head(usize, Fault, Box<Snapshot>),
    /// A piece of output is produced at the provider.
    Produce(usize, usize),
    /// A piece of output reaches the gateway.
    Piece(usize, usize),
    /// The gateway learns that a stream has ended before its time.
    Cut(usize),
    /// A gateway's timer fires, if it is still the one that was set last.
    Wake(usize, f64),
}

/// An event and its time; the earliest first, then the one that was made first.
struct Scheduled {
    at: f64,
    order: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at
            .total_cmp(&other.at)
            .then(self.order.cmp(&other.order))
    }
}

/// One gateway.
pub(crate) struct Gateway {
    pub(crate) pool: Pool,
    pub(crate) tickets: HashMap<Ticket, usize>,
    /// When its timer fires, by the world's clock.
    pub(crate) woken_at: Option<f64>,
}

/// A request on its way.
pub(crate) struct Request {
    pub(crate) arrival: Arrival,
    pub(crate) gateway: usize,
    pub(crate) plan: Plan,
    pub(crate) lease: Option<Lease>,
    /// How the provider's answer to its attempt will go.
    pub(crate) course: Course,
    pub(crate) sent_at: f64,
}

/// The world: its clock and queue, and all that is in it. What happens at the gateways stands in
/// [`crate::gateway`], what happens at the provider in [`crate::provider`].
pub(crate) struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) now: f64,
    queue: BinaryHeap<Reverse<Scheduled>>,
    order: u64,
    pub(crate) draws: fastrand::Rng,
    pub(crate) accounts: Vec<StrictAccount>,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) requests: Vec<Request>,
    pub(crate) report: Report,
}

impl<'a> World<'a> {
    /// The world before its first arrival.
    pub(crate) fn new(scenario: &'a Scenario, arrivals: &[Arrival]) -> Self {
        let gateways = (0..scenario.replicas.max(1)).map(|replica| Gateway {
            pool: Pool::new(scenario.pool_spec(replica), clock(scenario, 0.0)),
            tickets: HashMap::new(),
            woken_at: None,
        });
        let shows_minute = scenario.weather.contains(&Weather::Lies(Lie::MinuteScale));
        let account = |world| StrictAccount::new(world, shows_minute);
        let mut world = Self {
            scenario,
            now: 0.0,
            queue: BinaryHeap::new(),
            order: 0,
            draws: fastrand::Rng::with_seed(scenario.seed ^ 0x5eed),
            accounts: scenario.accounts.iter().map(account).collect(),
            gateways: gateways.collect(),
            requests: Vec::with_capacity(arrivals.len()),
            report: Report {
                requests: arrivals.len(),
                answered_by_tenant: vec![0; scenario.tenants.len()],
                requests_by_tenant: vec![0; scenario.tenants.len()],
                ..Report::default()
            },
        };
        for (index, arrival) in arrivals.iter().enumerate() {
            world.report.requests_by_tenant[arrival.tenant] += 1;
            world.report.journeys.push(Journey {
                tenant: arrival.tenant,
                arrived: arrival.at,
                tokens: arrival.input + arrival.output,
                ..Journey::default()
            });
            world.requests.push(Request {
                arrival: *arrival,
                gateway: index % world.gateways.len(),
                plan: plan(scenario, arrival),
                lease: None,
                course: Course::Whole,
                sent_at: 0.0,
            });
            world.schedule(arrival.at, Event::Arrive(index));
        }
        world
    }

    /// What the gateways' clocks show.
    pub(crate) fn time(&self) -> Time {
        clock(self.scenario, self.now)
    }

    pub(crate) fn schedule(&mut self, at: f64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse(Scheduled {
            at,
            order: self.order,
            event,
        }));
    }

    pub(crate) fn between(&mut self, (least, most): (f64, f64)) -> f64 {
        least + (most - least) * self.draws.f64()
    }

    /// What comes next; the world's clock is put there. `None`: nothing.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let Reverse(next) = self.queue.pop()?;
        self.now = next.at;
        Some(next.event)
    }
}
