//! The gateways' half of the world: plans and pools, and what is done because of them.

use keyweir_policy::exchange::holders::Held;
use keyweir_policy::exchange::plan::{Event as Happened, Step};
use keyweir_policy::exchange::seek::Home;
use keyweir_policy::pool::ask::Lease;

use crate::follow_up::{self, FollowUp};
use crate::metered::Place;
use crate::plan::plan_of_follow_up;
use crate::world::{Event, World, request_id};

/// What gateways' clocks are rounded to does not make an attempt too early.
const CLOCK_GRAIN_SECS: f64 = 1e-4;

impl World<'_> {
    /// A request reaches its gateway.
    pub(crate) fn arrive(&mut self, index: usize) {
        if let Some(follow_up) = self.requests[index].follows {
            self.find_home(index, follow_up);
        }
        self.happened(index, Happened::Begin);
    }

    /// The gateway looks up who has what a request follows up on.
    fn find_home(&mut self, index: usize, follow_up: FollowUp) {
        let request = &mut self.requests[index];
        let holders = &mut self.gateways[request.gateway].holders;
        let (provider, home) = match holders.of(&follow_up.id()) {
            Some(Held {
                holder: (provider, account),
                ..
            }) => (provider, Home::Known(account)),
            None => {
                let all = follow_up::holders(self.scenario);
                (all[0].0, Home::sought(all.into_iter()))
            }
        };
        let asked = (request_id(index), &request.arrival);
        request.plan = plan_of_follow_up(self.scenario, asked, provider, home);
    }

    /// Tells a request's plan what happened, does what it says, and what follows of that.
    pub(crate) fn happened(&mut self, index: usize, event: Happened) {
        self.step(index, event);
        self.follow(self.requests[index].gateway);
    }

    fn step(&mut self, index: usize, mut event: Happened) {
        let now = self.time();
        loop {
            let request = &mut self.requests[index];
            let provider = request.plan.provider().index();
            let desk = &mut self.gateways[request.gateway].desks[provider];
            match request.plan.on(&mut desk.pool, now, event) {
                Step::Send(lease) => return self.send(index, lease),
                Step::Wait(ticket) => {
                    desk.tickets.insert(ticket, index);
                    return;
                }
                // Any request can be made to name any model here.
                Step::Reroute => event = Happened::Begin,
                Step::Relay => return self.relay(index),
                Step::Refuse(_) => return self.refuse(index),
            }
        }
    }

    /// Does what a gateway's pools have decided, and sees to it that they are woken.
    pub(crate) fn follow(&mut self, gateway: usize) {
        while self.decisions(gateway) {}
        for provider in 0..self.gateways[gateway].desks.len() {
            self.wind(gateway, provider);
        }
    }

    /// Does what the pools have decided; `false`: nothing.
    fn decisions(&mut self, gateway: usize) -> bool {
        let mut any = false;
        for provider in 0..self.gateways[gateway].desks.len() {
            loop {
                let desk = &mut self.gateways[gateway].desks[provider];
                let Some((ticket, decision)) = desk.pool.next_decision() else {
                    break;
                };
                any = true;
                if let Some(request) = desk.tickets.remove(&ticket) {
                    self.step(request, Happened::Decided(decision));
                }
            }
        }
        any
    }

    /// Hears what a pool has to tell, and sets its timer.
    fn wind(&mut self, gateway: usize, provider: usize) {
        let now = self.time();
        let desk = &mut self.gateways[gateway].desks[provider];
        while let Some(notice) = desk.pool.next_notice() {
            self.report.notices.push((self.now, notice));
        }
        let Some(at) = desk.pool.next_wake(now) else {
            return;
        };
        // Timers of real runtimes are good to a millisecond, and count from now whatever the
        // clock does meanwhile.
        let at = self.now + at.secs_since(now).max(0.001);
        if desk.woken_at.is_none_or(|woken| at < woken) {
            desk.woken_at = Some(at);
            self.schedule(
                at,
                Event::Wake {
                    gateway,
                    provider,
                    at,
                },
            );
        }
    }

    /// A gateway's timer for one of its pools fires.
    pub(crate) fn wake(&mut self, gateway: usize, provider: usize, at: f64) {
        let now = self.time();
        let desk = &mut self.gateways[gateway].desks[provider];
        if desk.woken_at != Some(at) {
            return;
        }
        desk.woken_at = None;
        desk.pool.wake(now);
        self.follow(gateway);
    }

    fn send(&mut self, index: usize, lease: Lease) {
        let request = &mut self.requests[index];
        let provider = request.plan.provider().index();
        let model = match request.follows {
            Some(_) => None,
            None => Some(request.plan.model()),
        };
        request.place = Place {
            provider,
            group: self.metered[provider].group(model),
            account: lease.account.index(),
        };
        let asked = (request.gateway, request.place);
        let until = self.stay_away.get(&asked);
        let is_hasty = |until: &f64| self.now + CLOCK_GRAIN_SECS < *until;
        self.report.hasty += usize::from(until.is_some_and(is_hasty));
        request.sent_at = self.now;
        request.lease = Some(lease);
        let journey = &mut self.report.journeys[index];
        journey.sent = Some(self.now);
        journey.attempts += 1;
        let network = self.between(self.scenario.latency.network);
        self.schedule(self.now + network, Event::Reach(index));
    }
}
