//! The world of one run: everything in it, and what is to happen when.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use keyweir_policy::exchange::holders::Holders;
use keyweir_policy::exchange::plan::{Failure, Plan};
use keyweir_policy::pool::Pool;
use keyweir_policy::pool::ask::Lease;
use keyweir_policy::pool::report::PoolReport;
use keyweir_policy::terms::ids::{RequestId, Ticket};
use keyweir_policy::terms::time::Time;

use crate::clock::clock;
use crate::course::{Course, Head};
use crate::follow_up::{self, FollowUp, Thing};
use crate::metered::{Metered, Place};
use crate::plan::plan;
use crate::report::{Journey, Report};
use crate::scenario::Scenario;
use crate::site::Site;
use crate::traffic::Arrival;

/// What happens next.
#[derive(Debug)]
pub(crate) enum Event {
    /// A request reaches its gateway.
    Arrive(usize),
    /// An attempt reaches the provider.
    Reach(usize),
    /// The gateway learns how an attempt went, or that an answer begins.
    Head(usize, Box<Head>),
    /// A piece of output is produced at the provider.
    Produce(usize, usize),
    /// A piece of output reaches the gateway.
    Piece(usize, usize),
    /// The gateway learns that a stream has ended before its time.
    Cut(usize),
    /// A gateway's word reaches the store.
    Say(usize),
    /// A gateway hears what the others have said.
    Hear(usize),
    /// A gateway's timer for one of its pools fires, if it is still the one that was set last.
    Wake {
        gateway: usize,
        provider: usize,
        at: f64,
    },
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

/// What a gateway has said last of each provider, and when.
pub(crate) struct Word {
    pub(crate) at: f64,
    pub(crate) reports: Vec<PoolReport>,
}

/// One gateway.
pub(crate) struct Gateway {
    /// One for each provider.
    pub(crate) desks: Vec<Desk>,
    /// Who has what, as far as it knows.
    pub(crate) holders: Holders,
}

/// A gateway's pool of one provider, and who waits there.
pub(crate) struct Desk {
    pub(crate) pool: Pool,
    pub(crate) tickets: HashMap<Ticket, usize>,
    /// When its timer fires, by the world's clock.
    pub(crate) woken_at: Option<f64>,
}

/// A request on its way.
pub(crate) struct Request {
    pub(crate) arrival: Arrival,
    pub(crate) gateway: usize,
    /// The thing that it follows up on.
    pub(crate) follows: Option<FollowUp>,
    pub(crate) plan: Plan,
    pub(crate) lease: Option<Lease>,
    /// Where its last attempt is metered.
    pub(crate) place: Place,
    /// How the provider's answer to its attempt will go.
    pub(crate) course: Course,
    /// How its last attempt failed.
    pub(crate) failure: Option<Failure>,
    pub(crate) sent_at: f64,
}

/// The world: its clock and queue, and all that is in it. What happens at the gateways stands in
/// [`crate::gateway`] and [`crate::answer`], what happens at the providers in [`crate::provider`].
pub(crate) struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) sites: Vec<Site<'a>>,
    pub(crate) now: f64,
    queue: BinaryHeap<Reverse<Scheduled>>,
    order: u64,
    pub(crate) draws: fastrand::Rng,
    /// What each provider meters.
    pub(crate) metered: Vec<Metered>,
    pub(crate) gateways: Vec<Gateway>,
    /// What each of them has said last.
    pub(crate) words: Vec<Option<Word>>,
    pub(crate) requests: Vec<Request>,
    /// Until when an account has asked a gateway to stay away.
    pub(crate) stay_away: HashMap<(usize, Place), f64>,
    pub(crate) report: Report,
}

impl<'a> World<'a> {
    /// The world before its first arrival.
    pub(crate) fn new(scenario: &'a Scenario, arrivals: &[Arrival]) -> Self {
        let sites = Site::all(scenario);
        let follow_up::Drawn { things, follow_ups } = follow_up::draw(scenario, arrivals.len());
        let gateways = 0..scenario.replicas.max(1);
        let gateways = gateways.map(|replica| gateway(scenario, &sites, replica, &things));
        let mut world = Self {
            scenario,
            now: 0.0,
            queue: BinaryHeap::new(),
            order: 0,
            draws: fastrand::Rng::with_seed(scenario.seed ^ 0x5eed),
            metered: sites.iter().copied().map(Metered::new).collect(),
            words: (0..scenario.replicas.max(1)).map(|_| None).collect(),
            gateways: gateways.collect(),
            sites,
            requests: Vec::with_capacity(arrivals.len()),
            stay_away: HashMap::new(),
            report: Report {
                requests: arrivals.len(),
                answered_by_tenant: vec![0; scenario.tenants.len()],
                requests_by_tenant: vec![0; scenario.tenants.len()],
                ..Report::default()
            },
        };
        for (arrival, follows) in arrivals.iter().zip(follow_ups) {
            world.expect(arrival, follows);
        }
        world.begin_exchange();
        world
    }

    /// A request will come.
    fn expect(&mut self, arrival: &Arrival, follows: Option<FollowUp>) {
        let index = self.requests.len();
        let arrival = match follows {
            // It asks for what is there already: no tokens.
            Some(_) => Arrival {
                input: 0.0,
                output: 0.0,
                output_max: None,
                ..*arrival
            },
            None => *arrival,
        };
        self.report.requests_by_tenant[arrival.tenant] += 1;
        self.report.journeys.push(Journey {
            tenant: arrival.tenant,
            arrived: arrival.at,
            tokens: arrival.input + arrival.output,
            ..Journey::default()
        });
        self.requests.push(Request {
            arrival,
            gateway: index % self.gateways.len(),
            follows,
            plan: plan(self.scenario, request_id(index), &arrival),
            lease: None,
            place: Place::default(),
            course: Course::Whole,
            failure: None,
            sent_at: 0.0,
        });
        self.schedule(arrival.at, Event::Arrive(index));
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

    /// Whether more than `count` events are to come.
    pub(crate) fn is_any_expected(&self, count: usize) -> bool {
        self.queue.len() > count
    }

    /// What comes next; the world's clock is put there. `None`: nothing.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let Reverse(next) = self.queue.pop()?;
        self.now = next.at;
        Some(next.event)
    }
}

/// What the pools call a request.
pub(crate) const fn request_id(index: usize) -> RequestId {
    RequestId(index as u64)
}

fn gateway(scenario: &Scenario, sites: &[Site<'_>], replica: usize, things: &[Thing]) -> Gateway {
    let start = clock(scenario, 0.0);
    let desk = |site: &Site<'_>| Desk {
        pool: Pool::new(site.pool_spec(replica), start),
        tickets: HashMap::new(),
        woken_at: None,
    };
    let mut holders = Holders::default();
    for (thing, known) in things.iter().enumerate().filter(|(_, it)| it.is_remembered) {
        let holder = Some(known.holder);
        holders.learn(&FollowUp { thing, holder }.id(), known.holder, None);
    }
    Gateway {
        desks: sites.iter().map(desk).collect(),
        holders,
    }
}
