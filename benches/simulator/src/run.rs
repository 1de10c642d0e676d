//! One run: arrivals, gateways and the provider on one event queue.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use keyweir_policy::dialect::Endpoint;
use keyweir_policy::fault::Fault;
use keyweir_policy::ids::TenantId;
use keyweir_policy::pool::{
    Admission, Ask, Lease, Pool, Priority, Refusal, RequestSize, Settlement, Ticket, Usage,
};
use keyweir_policy::retry::{Attempts, Next};
use keyweir_policy::snapshot::Snapshot;
use keyweir_policy::units::Time;

use crate::account::StrictAccount;
use crate::oracle;
use crate::report::Report;
use crate::scenario::{Scenario, SnapshotTaken, Weather};
use crate::traffic::{Arrival, arrivals};

/// Pieces in which an answer's output is produced and reported.
const PIECES: usize = 8;
/// Events after which a run is stuck, per request.
const EVENTS_PER_REQUEST_MAX: usize = 2_000;

/// Runs a scenario to its end. The same scenario gives the same report.
pub fn run(scenario: &Scenario) -> Report {
    let arrivals = arrivals(scenario);
    let mut world = World::new(scenario, &arrivals);
    world.run();
    let mut report = world.report;
    report.leaked = world
        .gateways
        .iter()
        .map(|gateway| gateway.pool.in_flight() + gateway.pool.waiting())
        .sum();
    report.finish(oracle::serve(scenario, &arrivals));
    report
}

/// What happens next.
#[derive(Debug)]
enum Event {
    Arrive(usize),
    /// An attempt reaches the provider.
    Reach(usize),
    /// The head of an answer reaches the gateway, with a fault or with content to follow.
    Head(usize, Fault, Box<Snapshot>),
    /// A piece of output is produced at the provider.
    Produce(usize, usize),
    /// A piece of output reaches the gateway.
    Piece(usize, usize),
    /// A gateway's timer fires, if it is still the one that was set last.
    Wake(usize, Time),
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
    woken_at: Option<Time>,
}

/// A request on its way.
struct Request {
    arrival: Arrival,
    gateway: usize,
    attempts: Attempts,
    lease: Option<Lease>,
    waited: f64,
    waits_since: f64,
    sent_at: f64,
}

struct World<'a> {
    scenario: &'a Scenario,
    now: f64,
    queue: BinaryHeap<Reverse<Scheduled>>,
    order: u64,
    draws: fastrand::Rng,
    accounts: Vec<StrictAccount>,
    gateways: Vec<Gateway>,
    requests: Vec<Request>,
    report: Report,
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, arrivals: &[Arrival]) -> Self {
        let gateways = (0..scenario.replicas.max(1)).map(|replica| Gateway {
            pool: Pool::new(scenario.pool_spec(replica), Time::ZERO),
            tickets: HashMap::new(),
            woken_at: None,
        });
        let mut world = Self {
            scenario,
            now: 0.0,
            queue: BinaryHeap::new(),
            order: 0,
            draws: fastrand::Rng::with_seed(scenario.seed ^ 0x5eed),
            accounts: scenario.accounts.iter().map(StrictAccount::new).collect(),
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
            world.requests.push(Request {
                arrival: *arrival,
                gateway: index % world.gateways.len(),
                attempts: Attempts::default(),
                lease: None,
                waited: 0.0,
                waits_since: arrival.at,
                sent_at: 0.0,
            });
            world.schedule(arrival.at, Event::Arrive(index));
        }
        world
    }

    fn run(&mut self) {
        let mut events = 0;
        while let Some(Reverse(next)) = self.queue.pop() {
            events += 1;
            assert!(
                events < EVENTS_PER_REQUEST_MAX * (self.requests.len() + 100),
                "seed {}: stuck at {} s",
                self.scenario.seed,
                self.now
            );
            self.now = next.at;
            match next.event {
                Event::Arrive(request) => self.ask(request),
                Event::Reach(request) => self.reach(request),
                Event::Head(request, fault, snapshot) => self.head(request, fault, &snapshot),
                Event::Produce(request, piece) => self.produce(request, piece),
                Event::Piece(request, piece) => self.piece(request, piece),
                Event::Wake(gateway, at) => self.wake(gateway, at),
            }
        }
    }

    fn time(&self) -> Time {
        Time::ZERO.after_secs(self.now)
    }

    fn schedule(&mut self, at: f64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse(Scheduled {
            at,
            order: self.order,
            event,
        }));
    }

    fn between(&mut self, (least, most): (f64, f64)) -> f64 {
        least + (most - least) * self.draws.f64()
    }

    fn ask(&mut self, index: usize) {
        let now = self.time();
        let request = &mut self.requests[index];
        request.waits_since = self.now;
        let patience = (self.scenario.patience_secs - request.waited).max(0.0);
        let gateway = &mut self.gateways[request.gateway];
        let model = gateway
            .pool
            .model(now, "claude-sonnet-4-5", Endpoint::Inference);
        let ask = Ask {
            tenant: TenantId(request.arrival.tenant as u32),
            model,
            priority: Priority::Normal,
            size: RequestSize {
                // The true number of bytes per token is for the pool to learn.
                text_bytes: (request.arrival.input * 3.6) as u64,
                media_tokens: 0,
                output_max: Some(4096),
            },
            affinity: None,
            account: None,
            arrived: Time::ZERO.after_secs(request.arrival.at),
            deadline: now.after_secs(patience),
            body_bytes: 1000,
        };
        match gateway.pool.admit(now, ask, &request.attempts) {
            Admission::Granted(lease) => self.send(index, lease),
            Admission::Refused(refusal) => self.refuse(index, &refusal),
            Admission::Waiting(ticket) => {
                gateway.tickets.insert(ticket, index);
            }
        }
        self.follow(self.requests[index].gateway);
    }

    /// Does what the pool has decided, and sees to it that it is woken.
    fn follow(&mut self, index: usize) {
        let now = self.time();
        while let Some((ticket, decision)) = self.gateways[index].pool.next_decision() {
            let Some(request) = self.gateways[index].tickets.remove(&ticket) else {
                continue;
            };
            match decision {
                Ok(lease) => self.send(request, lease),
                Err(refusal) => self.refuse(request, &refusal),
            }
        }
        let gateway = &mut self.gateways[index];
        while let Some(notice) = gateway.pool.next_notice() {
            self.report.notices.push((self.now, notice));
        }
        let Some(at) = gateway.pool.next_wake(now) else {
            return;
        };
        // Timers of real runtimes are good to a millisecond.
        let at = at.max(now + Duration::from_millis(1));
        if gateway.woken_at.is_none_or(|woken| at < woken) {
            gateway.woken_at = Some(at);
            self.schedule(at.as_secs_f64(), Event::Wake(index, at));
        }
    }

    fn wake(&mut self, index: usize, at: Time) {
        let gateway = &mut self.gateways[index];
        if gateway.woken_at != Some(at) {
            return;
        }
        gateway.woken_at = None;
        gateway.pool.wake(at);
        self.follow(index);
    }

    fn refuse(&mut self, index: usize, _refusal: &Refusal) {
        let request = &self.requests[index];
        self.report
            .refusal_waits
            .push(self.now - request.arrival.at);
    }

    fn send(&mut self, index: usize, lease: Lease) {
        let request = &mut self.requests[index];
        request.waited += self.now - request.waits_since;
        request.sent_at = self.now;
        request.lease = Some(lease);
        let network = self.between(self.scenario.latency.network);
        self.schedule(self.now + network, Event::Reach(index));
    }

    fn reach(&mut self, index: usize) {
        self.report.upstream += 1;
        let Some(lease) = &self.requests[index].lease else {
            return;
        };
        let (key, account) = (
            lease.key.index(),
            self.scenario.account_of(lease.key.index()),
        );
        let back = self.between(self.scenario.latency.network);
        if let Some(fault) = self.weather(key, account) {
            let is_overload = matches!(fault, Fault::Overloaded { .. });
            self.report.overloaded_upstream += usize::from(is_overload);
            self.schedule(
                self.now + back,
                Event::Head(index, fault, Box::default()),
            );
            return;
        }
        let input = self.requests[index].arrival.input;
        match self.accounts[account].admit(self.now, input) {
            Err(wait) => {
                self.report.refused_upstream += 1;
                let wait = Some(Duration::from_secs(wait.ceil() as u64));
                let snapshot = self.snapshot(account);
                let fault = Fault::RateLimited { wait };
                self.schedule(self.now + back, Event::Head(index, fault, Box::new(snapshot)));
            }
            Ok(()) => {
                let at_admission = self.snapshot(account);
                let first_token = self.between(self.scenario.latency.first_token);
                let snapshot = match self.scenario.snapshot_taken {
                    SnapshotTaken::AtAdmission => at_admission,
                    // Read when the first piece is produced; see `produce`.
                    SnapshotTaken::AtHead | SnapshotTaken::Never => Snapshot::default(),
                };
                if self.scenario.snapshot_taken == SnapshotTaken::AtAdmission {
                    let head = self.now + first_token + back;
                    self.schedule(head, Event::Head(index, Fault::None, Box::new(snapshot)));
                }
                self.schedule(self.now + first_token, Event::Produce(index, 0));
            }
        }
    }

    fn snapshot(&mut self, account: usize) -> Snapshot {
        match self.scenario.snapshot_taken {
            SnapshotTaken::Never => Snapshot::default(),
            _ => self.accounts[account].snapshot(self.now),
        }
    }

    fn weather(&mut self, key: usize, account: usize) -> Option<Fault> {
        for weather in &self.scenario.weather {
            let fault = match *weather {
                Weather::Revoked { key: it, from } if it == key && self.now >= from => {
                    Fault::KeyRejected
                }
                Weather::OutOfMoney { account: it, from } if it == account && self.now >= from => {
                    Fault::OutOfMoney { wait: None }
                }
                Weather::AlwaysRefused { key: it } if it == key => {
                    Fault::RateLimited { wait: None }
                }
                Weather::Overloaded { share, from, until }
                    if (from..until).contains(&self.now) && self.draws.f64() < share =>
                {
                    Fault::Overloaded { wait: None }
                }
                Weather::Reset { share } if self.draws.f64() < share => Fault::ConnectionLost,
                _ => continue,
            };
            return Some(fault);
        }
        None
    }

    fn produce(&mut self, index: usize, piece: usize) {
        let back = self.between(self.scenario.latency.network);
        let Some(lease) = &self.requests[index].lease else {
            return;
        };
        let account = self.scenario.account_of(lease.key.index());
        let output = self.requests[index].arrival.output;
        if piece == 0 && self.scenario.snapshot_taken != SnapshotTaken::AtAdmission {
            let snapshot = self.snapshot(account);
            self.schedule(self.now + back, Event::Head(index, Fault::None, Box::new(snapshot)));
        }
        self.accounts[account].produce(self.now, output / PIECES as f64);
        self.schedule(self.now + back, Event::Piece(index, piece));
        if piece + 1 < PIECES {
            let pace = self.scenario.latency.per_token * output / PIECES as f64;
            self.schedule(self.now + pace, Event::Produce(index, piece + 1));
        }
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
        match pool.next(now, &mut request.attempts, key, &fault) {
            Next::Again => self.ask(index),
            Next::PassThrough | Next::Refuse => {
                self.report
                    .refusal_waits
                    .push(self.now - request.arrival.at);
            }
        }
        self.follow(gateway);
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
        self.report.sent_at.push(request.sent_at);
        self.follow(gateway);
    }
}
