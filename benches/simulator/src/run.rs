//! One run: arrivals, gateways and the provider on one event queue.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use keyweir_policy::exchange::plan::{Event as Happened, Plan, Request as Asked, Step, TimeLimits};
use keyweir_policy::exchange::seek::Home;
use keyweir_policy::pool::Pool;
use keyweir_policy::pool::ask::{Lease, Settlement};
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{ProviderId, TenantId, Ticket};
use keyweir_policy::terms::request::{RequestSize, Usage};
use keyweir_policy::terms::snapshot::Snapshot;
use keyweir_policy::terms::time::Time;

use crate::account::StrictAccount;
use crate::oracle;
use crate::provider::{Course, PIECES};
use crate::report::{Ending, Journey, Report};
use crate::scenario::Scenario;
use crate::traffic::{Arrival, arrivals};
use crate::weather::{Lie, Weather};

/// What a gateway's clock shows at the start: late enough for it to jump back.
const CLOCK_START_SECS: f64 = 1_000.0;
/// Events after which a run is stuck, per request.
const EVENTS_PER_REQUEST_MAX: usize = 2_000;

/// The gateway's default.
const ATTEMPTS_TIME_MAX: Duration = Duration::from_secs(600);

/// A run that comes to no end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stuck {
    /// What it was drawn from.
    pub seed: u64,
    /// Where it got to, in seconds.
    pub at: f64,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: stuck at {} s", self.seed, self.at)
    }
}

impl std::error::Error for Stuck {}

/// Runs a scenario to its end. The same scenario gives the same report.
///
/// # Panics
/// If there is none.
pub fn run(scenario: &Scenario) -> Report {
    try_run(scenario).unwrap_or_else(|stuck| panic!("{stuck}"))
}

/// Runs a scenario that may come to no end.
///
/// # Errors
/// If it does not.
pub fn try_run(scenario: &Scenario) -> Result<Report, Stuck> {
    let arrivals = arrivals(scenario);
    let mut world = World::new(scenario, &arrivals);
    world.run()?;
    let mut report = world.report;
    report.charged = world
        .accounts
        .into_iter()
        .map(StrictAccount::into_charged)
        .collect();
    report.leaked = world
        .gateways
        .iter()
        .map(|gateway| gateway.pool.in_flight() + gateway.pool.waiting())
        .sum();
    report.finish(oracle::serve(scenario, &arrivals));
    Ok(report)
}

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

struct Gateway {
    pool: Pool,
    tickets: HashMap<Ticket, usize>,
    /// When its timer fires, by the world's clock.
    woken_at: Option<f64>,
}

/// A request on its way.
pub(crate) struct Request {
    pub(crate) arrival: Arrival,
    gateway: usize,
    plan: Plan,
    pub(crate) lease: Option<Lease>,
    /// How the provider's answer to its attempt will go.
    pub(crate) course: Course,
    pub(crate) sent_at: f64,
}

/// The gateways' half of the world; the provider's stands in [`crate::provider`].
pub(crate) struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) now: f64,
    queue: BinaryHeap<Reverse<Scheduled>>,
    order: u64,
    pub(crate) draws: fastrand::Rng,
    pub(crate) accounts: Vec<StrictAccount>,
    gateways: Vec<Gateway>,
    pub(crate) requests: Vec<Request>,
    pub(crate) report: Report,
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, arrivals: &[Arrival]) -> Self {
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

    fn run(&mut self) -> Result<(), Stuck> {
        let mut events = 0;
        while let Some(Reverse(next)) = self.queue.pop() {
            events += 1;
            if events >= EVENTS_PER_REQUEST_MAX * (self.requests.len() + 100) {
                return Err(Stuck {
                    seed: self.scenario.seed,
                    at: self.now,
                });
            }
            self.now = next.at;
            match next.event {
                Event::Arrive(request) => self.happened(request, Happened::Begin),
                Event::Reach(request) => self.reach(request),
                Event::Head(request, fault, snapshot) => self.head(request, fault, &snapshot),
                Event::Produce(request, piece) => self.produce(request, piece),
                Event::Piece(request, piece) => self.piece(request, piece),
                Event::Cut(request) => self.cut(request),
                Event::Wake(gateway, at) => self.wake(gateway, at),
            }
        }
        Ok(())
    }

    /// What the gateways' clocks show.
    fn time(&self) -> Time {
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

    /// Tells a request's plan what happened, does what it says, and what follows of that.
    fn happened(&mut self, index: usize, event: Happened) {
        self.step(index, event);
        self.follow(self.requests[index].gateway);
    }

    fn step(&mut self, index: usize, event: Happened) {
        let now = self.time();
        let request = &mut self.requests[index];
        let gateway = &mut self.gateways[request.gateway];
        match request.plan.on(&mut gateway.pool, now, event) {
            Step::Send(lease) => self.send(index, lease),
            Step::Wait(ticket) => {
                gateway.tickets.insert(ticket, index);
            }
            Step::Turn | Step::Relay | Step::Refuse(_) => self.refuse(index),
        }
    }

    /// Does what the pool has decided, and sees to it that it is woken.
    fn follow(&mut self, index: usize) {
        let now = self.time();
        while let Some((ticket, decision)) = self.gateways[index].pool.next_decision() {
            let Some(request) = self.gateways[index].tickets.remove(&ticket) else {
                continue;
            };
            self.step(request, Happened::Decided(decision));
        }
        let gateway = &mut self.gateways[index];
        while let Some(notice) = gateway.pool.next_notice() {
            self.report.notices.push((self.now, notice));
        }
        let Some(at) = gateway.pool.next_wake(now) else {
            return;
        };
        // Timers of real runtimes are good to a millisecond, and count from now whatever the
        // clock does meanwhile.
        let at = self.now + at.secs_since(now).max(0.001);
        if gateway.woken_at.is_none_or(|woken| at < woken) {
            gateway.woken_at = Some(at);
            self.schedule(at, Event::Wake(index, at));
        }
    }

    fn wake(&mut self, index: usize, at: f64) {
        let now = self.time();
        let gateway = &mut self.gateways[index];
        if gateway.woken_at != Some(at) {
            return;
        }
        gateway.woken_at = None;
        gateway.pool.wake(now);
        self.follow(index);
    }

    fn refuse(&mut self, index: usize) {
        let arrived = self.requests[index].arrival.at;
        self.report.refusal_waits.push(self.now - arrived);
        self.end(index, Ending::Refused);
    }

    fn end(&mut self, index: usize, ending: Ending) {
        let journey = &mut self.report.journeys[index];
        journey.ended = self.now;
        journey.ending = ending;
    }

    fn send(&mut self, index: usize, lease: Lease) {
        let request = &mut self.requests[index];
        request.sent_at = self.now;
        request.lease = Some(lease);
        let journey = &mut self.report.journeys[index];
        journey.sent = Some(self.now);
        journey.attempts += 1;
        let network = self.between(self.scenario.latency.network);
        self.schedule(self.now + network, Event::Reach(index));
    }

    fn head(&mut self, index: usize, fault: Fault, snapshot: &Snapshot) {
        let now = self.time();
        let request = &mut self.requests[index];
        let gateway = request.gateway;
        if fault == Fault::None {
            if let Some(lease) = &request.lease {
                self.gateways[gateway].pool.answered(now, lease, snapshot);
            }
            return self.follow(gateway);
        }
        let Some(lease) = request.lease.take() else {
            return;
        };
        let pool = &mut self.gateways[gateway].pool;
        let key = lease.key;
        let settlement = Settlement {
            fault,
            snapshot: *snapshot,
            usage: Usage::default(),
            sent: true,
        };
        pool.settle(now, lease, &settlement);
        let failed = Happened::Failed {
            key,
            fault,
            status: None,
        };
        self.happened(index, failed);
    }

    fn piece(&mut self, index: usize, piece: usize) {
        let now = self.time();
        let request = &mut self.requests[index];
        let gateway = request.gateway;
        let pool = &mut self.gateways[gateway].pool;
        let so_far = request.arrival.output * (piece + 1) as f64 / PIECES as f64;
        if piece + 1 < PIECES {
            if let Some(lease) = &request.lease {
                pool.progressed(now, lease, so_far as u64);
            }
            return;
        }
        let Some(lease) = request.lease.take() else {
            return;
        };
        let settlement = Settlement {
            fault: Fault::None,
            snapshot: Snapshot::default(),
            usage: Usage {
                input: Some(request.arrival.input as u64),
                cache_read: None,
                output: Some(request.arrival.output as u64),
            },
            sent: true,
        };
        pool.settle(now, lease, &settlement);
        self.report.answered += 1;
        self.report.answered_by_tenant[request.arrival.tenant] += 1;
        self.report.waits.push(request.sent_at - request.arrival.at);
        self.end(index, Ending::Answered);
        self.follow(gateway);
    }

    /// The stream broke, or was given up, after content had reached the client.
    fn cut(&mut self, index: usize) {
        let now = self.time();
        let gateway = self.requests[index].gateway;
        let Some(lease) = self.requests[index].lease.take() else {
            return;
        };
        let settlement = Settlement {
            fault: Fault::StreamBroken,
            snapshot: Snapshot::default(),
            usage: Usage::default(),
            sent: true,
        };
        self.gateways[gateway].pool.settle(now, lease, &settlement);
        self.report.cut += 1;
        self.end(index, Ending::Cut);
        self.follow(gateway);
    }
}

/// The plan that a gateway makes for a request.
fn plan(scenario: &Scenario, arrival: &Arrival) -> Plan {
    let tenant = arrival.tenant;
    let request = Asked {
        tenant: TenantId(tenant as u32),
        priority: scenario.tenants[tenant].priority,
        size: RequestSize {
            // The true number of bytes per token is for the pool to learn.
            text_bytes: (arrival.input * 3.6) as u64,
            media_tokens: 0,
            output_max: arrival.output_max,
        },
        endpoint: Endpoint::Inference,
        model: scenario.models[arrival.model].clone(),
        affinity: None,
        creates: false,
        body_bytes: 1000,
        arrived: clock(scenario, arrival.at),
    };
    let limits = TimeLimits {
        patience: Duration::from_secs_f64(scenario.patience_of(tenant).max(0.0)),
        attempts: ATTEMPTS_TIME_MAX,
    };
    Plan::new(request, limits, ProviderId(0), Home::Any, VecDeque::new())
}

/// What the gateways' clocks show at a moment of the world.
fn clock(scenario: &Scenario, now: f64) -> Time {
    let shown = |shown: f64, weather: &Weather| match *weather {
        Weather::ClockJump { at, by } if now >= at => shown + by,
        Weather::ClockDrift { by } => shown + now * by,
        _ => shown,
    };
    let secs = scenario.weather.iter().fold(CLOCK_START_SECS + now, shown);
    Time::ZERO.after_secs(secs)
}
