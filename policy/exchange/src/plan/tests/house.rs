//! Pools, and a driver that does what a plan says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyweir_health::retry_budget::RetryLimits;
use keyweir_pool::Pool;
use keyweir_pool::access::Access;
use keyweir_pool::ask::{Lease, Refusal, Settlement};
use keyweir_pool::spec::{AccountSpec, PoolSpec};
use keyweir_queue::waiting_room::RoomLimits;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{AccountId, KeyId, ProviderId, RequestId, TenantId, Ticket};
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::replicas::Replicas;
use keyweir_terms::request::{Priority, RequestSize, Usage};
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::table::{Id as _, Table};
use keyweir_terms::time::Time;

use super::{Event, Failure, Plan, Request, Step, TimeLimits, Why};

/// Steps after which a plan comes to no end.
const STEPS_MAX: usize = 10_000;
/// Wake-ups after which nobody decides about a ticket: one a millisecond for the longest patience
/// that is drawn, and some more.
const WAKES_MAX: usize = 100_000;

/// What an attempt meets: a fault, and the status of the answer.
pub(super) type Outcome = (Fault, Option<u16>);
pub(super) const GOOD: Outcome = (Fault::None, Some(200));
pub(super) const UNKNOWN: Outcome = (Fault::BadRequest, Some(404));

/// An attempt that was sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sent {
    pub(super) at: Time,
    pub(super) provider: ProviderId,
    pub(super) account: AccountId,
    pub(super) model: String,
}

/// How a plan ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    Answered,
    Relayed(Outcome),
    Refused(Why),
}

/// The providers' pools, and the time.
pub(super) struct House {
    pub(super) pools: Vec<Pool>,
    pub(super) now: Time,
    /// Pools learn nothing of failures, so that the rules of retrying are seen alone.
    pub(super) is_calm: bool,
    /// How long an attempt takes.
    pub(super) attempt: Duration,
    /// Models that cannot be written into the request.
    pub(super) unwritable: Vec<&'static str>,
    pub(super) sent: Vec<Sent>,
}

impl House {
    /// Providers with so many accounts each, of one key each.
    pub(super) fn new(accounts: &[usize], retry: RetryLimits) -> Self {
        let pool = |accounts: &usize| Pool::new(spec(*accounts, retry), Time::ZERO);
        Self {
            pools: accounts.iter().map(pool).collect(),
            now: Time::ZERO,
            is_calm: false,
            attempt: Duration::ZERO,
            unwritable: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// One provider with plenty of accounts, which learns nothing.
    pub(super) fn calm(retry: RetryLimits) -> Self {
        Self {
            is_calm: true,
            ..Self::new(&[40], retry)
        }
    }

    pub(super) fn pool(&mut self, plan: &Plan) -> &mut Pool {
        &mut self.pools[plan.provider().index()]
    }

    /// Drives `plan` to its end; `outcome` says what each attempt meets.
    pub(super) fn drive(
        &mut self,
        plan: &mut Plan,
        mut outcome: impl FnMut(&Sent) -> Outcome,
    ) -> End {
        let mut event = Event::Begin;
        let mut last = None;
        for _ in 0..STEPS_MAX {
            event = match self.on(plan, event) {
                Step::Send(lease) => {
                    let met = outcome(self.note(plan, &lease));
                    last = Some(met);
                    match self.end(plan, lease, met) {
                        Some(failed) => failed,
                        None => return End::Answered,
                    }
                }
                Step::Wait(ticket) => Event::Decided(self.wait(plan, ticket)),
                Step::Reroute => self.aim(plan),
                Step::Relay => return End::Relayed(last.expect("something was answered")),
                Step::Refuse(why) => return End::Refused(why),
            };
            if !matches!(event, Event::Failed(_)) {
                // Whatever was answered before is let go.
                last = None;
            }
        }
        panic!("the plan comes to no end");
    }

    pub(super) fn on(&mut self, plan: &mut Plan, event: Event) -> Step {
        let now = self.now;
        plan.on(self.pool(plan), now, event)
    }

    fn note(&mut self, plan: &Plan, lease: &Lease) -> &Sent {
        self.sent.push(Sent {
            at: self.now,
            provider: plan.provider(),
            account: lease.account,
            model: plan.model().to_owned(),
        });
        self.sent.last().expect("one was pushed")
    }

    /// Settles an attempt that met `met`; `None`: it is answered.
    pub(super) fn end(&mut self, plan: &Plan, lease: Lease, met: Outcome) -> Option<Event> {
        let key = lease.key;
        let (fault, status) = met;
        self.now = self.now + self.attempt;
        let now = self.now;
        let learned = if self.is_calm && fault != Fault::None {
            Fault::ClientLeft
        } else {
            fault
        };
        self.pool(plan).settle(now, lease, &settlement(learned));
        let has_failed = fault != Fault::None;
        has_failed.then_some(Event::Failed(Failure { key, fault, status }))
    }

    fn wait(&mut self, plan: &Plan, ticket: Ticket) -> Result<Lease, Refusal> {
        for _ in 0..WAKES_MAX {
            let now = self.now;
            let pool = self.pool(plan);
            if let Some((decided, decision)) = pool.next_decision() {
                assert_eq!(decided, ticket, "nobody else waits");
                return decision;
            }
            let next = pool.next_wake(now).expect("somebody waits");
            self.now = next.max(now + Duration::from_millis(1));
            let now = self.now;
            self.pool(plan).wake(now);
        }
        panic!("the ticket is never decided");
    }

    fn aim(&self, plan: &Plan) -> Event {
        match plan.choice().model.as_deref() {
            Some(model) if self.unwritable.contains(&model) => Event::Unusable,
            _ => Event::Begin,
        }
    }

    /// Everybody else's requests fail at one provider until it is overloaded.
    pub(super) fn overload(&mut self, provider: usize) {
        let wait = None;
        while !self.pools[provider].view(self.now).is_overloaded {
            let mut plan = plan_at(self.now, provider);
            let now = self.now;
            match plan.on(&mut self.pools[provider], now, Event::Begin) {
                Step::Send(lease) => {
                    let settlement = settlement(Fault::Overloaded { wait });
                    self.pools[provider].settle(now, lease, &settlement);
                }
                other => panic!("not sent: {other:?}"),
            }
        }
    }
}

fn settlement(fault: Fault) -> Settlement {
    Settlement {
        fault,
        snapshot: Snapshot::default(),
        usage: Usage::default(),
        sent: true,
    }
}

fn spec(accounts: usize, retry: RetryLimits) -> PoolSpec {
    let account = |account: usize| AccountSpec {
        keys: vec![KeyId::from_index(account)],
        models: ModelPatterns::any(),
        limits: Vec::new(),
    };
    PoolSpec {
        dialect: Dialect::Anthropic,
        groups: Vec::new(),
        accounts: (0..accounts).map(account).collect(),
        access: Access::default(),
        reserves: keyweir_pool::reserves::Reserves::default(),
        weights: Table::default(),
        room: RoomLimits {
            requests_max: 100,
            per_tenant_max: 100,
            bytes_max: 1 << 20,
        },
        retry,
        replicas: Replicas::ONE,
        seed: 7,
    }
}

pub(super) const MODEL: &str = "claude-opus-5";

pub(super) fn request(arrived: Time) -> Request {
    Request {
        id: new_id(),
        tenant: TenantId(0),
        priority: Priority::Normal,
        size: RequestSize {
            text_bytes: 400,
            media_tokens: 0,
            output_max: Some(100),
        },
        endpoint: Endpoint::Inference,
        model: MODEL.to_owned(),
        affinity: None,
        creates: false,
        body_bytes: 400,
        arrived,
    }
}

pub(super) fn limits(patience_secs: u64) -> TimeLimits {
    TimeLimits {
        patience: Duration::from_secs(patience_secs),
        fallback: Duration::from_secs(1),
        attempts: Duration::from_secs(600),
    }
}

/// The id of a request that nobody has had.
fn new_id() -> RequestId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    RequestId(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn plan_at(arrived: Time, provider: usize) -> Plan {
    let provider = ProviderId(u32::try_from(provider).expect("few"));
    let home = super::Home::Any;
    Plan::new(request(arrived), limits(0), provider, home, [].into())
}
