//! What comes back to a gateway, and how requests end.

use keyweir_policy::exchange::plan::{Event as Happened, Failure};
use keyweir_policy::pool::Pool;
use keyweir_policy::pool::ask::{Lease, Settlement};
use keyweir_policy::terms::fault::{Attribution, Fault};
use keyweir_policy::terms::request::Usage;
use keyweir_policy::terms::snapshot::Snapshot;

use crate::course::{Head, PIECES};
use crate::report::Ending;
use crate::world::World;

impl World<'_> {
    /// The head of an answer arrives, or the news that there will be none.
    pub(crate) fn head(&mut self, index: usize, head: &Head) {
        let now = self.time();
        if head.fault == Fault::None {
            let (pool, lease) = self.asked(index);
            if let Some(lease) = lease {
                pool.answered(now, lease, &head.snapshot);
            }
            return self.follow(self.requests[index].gateway);
        }
        let Some(lease) = self.requests[index].lease.take() else {
            return;
        };
        let failure = Failure {
            key: lease.key,
            fault: head.fault,
            status: head.status,
        };
        self.requests[index].failure = Some(failure);
        if let Fault::RateLimited { wait: Some(wait) } = head.fault {
            let request = &self.requests[index];
            let asked = (request.gateway, request.place);
            let until = self.stay_away.entry(asked).or_default();
            *until = until.max(self.now + wait.as_secs_f64());
        }
        let settlement = Settlement {
            snapshot: head.snapshot,
            sent: head.fault != Fault::ConnectFailed,
            ..settlement(head.fault)
        };
        self.asked(index).0.settle(now, lease, &settlement);
        self.happened(index, Happened::Failed(failure));
    }

    /// A piece of an answer arrives.
    pub(crate) fn piece(&mut self, index: usize, piece: usize) {
        let now = self.time();
        let arrival = self.requests[index].arrival;
        let so_far = arrival.output * (piece + 1) as f64 / PIECES as f64;
        if piece + 1 < PIECES {
            let (pool, lease) = self.asked(index);
            if let Some(lease) = lease {
                pool.progressed(now, lease, so_far as u64);
            }
            return;
        }
        let Some(lease) = self.requests[index].lease.take() else {
            return;
        };
        let settlement = Settlement {
            usage: Usage {
                input: Some(arrival.input as u64),
                output: Some(arrival.output as u64),
                ..Usage::default()
            },
            ..settlement(Fault::None)
        };
        self.learn_holder(index, &lease);
        self.asked(index).0.settle(now, lease, &settlement);
        self.report.answered += 1;
        self.report.answered_by_tenant[arrival.tenant] += 1;
        let waited = self.requests[index].sent_at - arrival.at;
        self.report.waits.push(waited);
        self.end(index, Ending::Answered);
        self.follow(self.requests[index].gateway);
    }

    /// The stream broke, or was given up, after content had reached the client.
    pub(crate) fn cut(&mut self, index: usize) {
        let now = self.time();
        let Some(lease) = self.requests[index].lease.take() else {
            return;
        };
        let settlement = settlement(Fault::StreamBroken);
        self.asked(index).0.settle(now, lease, &settlement);
        self.report.cut += 1;
        self.end(index, Ending::Cut);
        self.follow(self.requests[index].gateway);
    }

    /// The pool whose lease a request holds, and that lease.
    fn asked(&mut self, index: usize) -> (&mut Pool, Option<&Lease>) {
        let request = &self.requests[index];
        let desk = &mut self.gateways[request.gateway].desks[request.place.provider];
        (&mut desk.pool, request.lease.as_ref())
    }

    /// Where a thing was sought, the gateway remembers who had it.
    fn learn_holder(&mut self, index: usize, lease: &Lease) {
        let request = &self.requests[index];
        if let Some(follow_up) = request.follows
            && request.plan.is_sought()
        {
            let holder = (request.plan.provider(), lease.account);
            let holders = &mut self.gateways[request.gateway].holders;
            holders.learn(&follow_up.id(), holder, None);
        }
    }

    /// The client gets the provider's last word.
    pub(crate) fn relay(&mut self, index: usize) {
        let request = &self.requests[index];
        let failure = request.failure.expect("what is relayed has failed");
        let exists = request.follows.is_some_and(|it| it.holder.is_some());
        if failure.fault.attribution() != Attribution::Request {
            self.report.relayed += 1;
            return self.end(index, Ending::Relayed);
        }
        self.report.misled += usize::from(exists && failure.status == Some(404));
        self.report.told += 1;
        self.end(index, Ending::Told);
    }

    /// The client is told no.
    pub(crate) fn refuse(&mut self, index: usize) {
        let arrived = self.requests[index].arrival.at;
        self.report.refusal_waits.push(self.now - arrived);
        self.end(index, Ending::Refused);
    }

    fn end(&mut self, index: usize, ending: Ending) {
        let journey = &mut self.report.journeys[index];
        journey.ended = self.now;
        journey.ending = ending;
        journey.fell_back = self.requests[index].plan.progress().fell_back;
    }
}

/// The end of an attempt of which nothing more is known.
fn settlement(fault: Fault) -> Settlement {
    Settlement {
        fault,
        snapshot: Snapshot::default(),
        usage: Usage::default(),
        sent: true,
    }
}
