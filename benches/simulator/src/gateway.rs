//! The gateways' half of the world: what becomes of a request between its client and the provider.

use keyweir_policy::dialect::Endpoint;
use keyweir_policy::fault::Fault;
use keyweir_policy::ids::TenantId;
use keyweir_policy::pool::{Admission, Ask, Lease, RequestSize, Settlement, Usage};
use keyweir_policy::retry::Next;
use keyweir_policy::snapshot::Snapshot;

use crate::course::PIECES;
use crate::report::Ending;
use crate::world::{Event, World, clock};

impl World<'_> {
    /// A request asks its gateway's pool for a key.
    pub(crate) fn ask(&mut self, index: usize) {
        let now = self.time();
        let request = &mut self.requests[index];
        request.waits_since = self.now;
        let tenant = request.arrival.tenant;
        let patience = (self.scenario.patience_of(tenant) - request.waited).max(0.0);
        let gateway = &mut self.gateways[request.gateway];
        let name = &self.scenario.models[request.arrival.model];
        let model = gateway.pool.model(now, name, Endpoint::Inference);
        let ask = Ask {
            tenant: TenantId(tenant as u32),
            model,
            priority: self.scenario.tenants[tenant].priority,
            size: RequestSize {
                // The true number of bytes per token is for the pool to learn.
                text_bytes: (request.arrival.input * 3.6) as u64,
                media_tokens: 0,
                output_max: request.arrival.output_max,
            },
            affinity: None,
            account: None,
            arrived: clock(self.scenario, request.arrival.at),
            deadline: now.after_secs(patience),
            body_bytes: 1000,
        };
        match gateway.pool.admit(now, ask, &request.attempts) {
            Admission::Granted(lease) => self.send(index, lease),
            Admission::Refused(_) => self.refuse(index),
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
                Err(_) => self.refuse(request),
            }
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
        request.waited += self.now - request.waits_since;
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
        match pool.next(now, &mut request.attempts, key, &fault) {
            Next::Again => self.ask(index),
            Next::PassThrough | Next::Refuse => self.refuse(index),
        }
        self.follow(gateway);
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
