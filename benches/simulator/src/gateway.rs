//! The gateways' half of the world: what becomes of a request between its client and the provider.

use keyweir_policy::exchange::plan::{Event as Happened, Failure, Step};
use keyweir_policy::pool::ask::{Lease, Settlement};
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::request::Usage;
use keyweir_policy::terms::snapshot::Snapshot;

use crate::course::PIECES;
use crate::report::Ending;
use crate::world::{Event, World};

impl World<'_> {
    /// Tells a request's plan what happened, does what it says, and what follows of that.
    pub(crate) fn happened(&mut self, index: usize, event: Happened) {
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

    /// A gateway's timer fires.
    pub(crate) fn wake(&mut self, index: usize, at: f64) {
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

    /// The head of an answer arrives.
    pub(crate) fn head(&mut self, index: usize, fault: Fault, snapshot: &Snapshot) {
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
        let failure = Failure {
            key,
            fault,
            status: None,
        };
        self.happened(index, Happened::Failed(failure));
    }

    /// A piece of an answer arrives.
    pub(crate) fn piece(&mut self, index: usize, piece: usize) {
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
    pub(crate) fn cut(&mut self, index: usize) {
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
