//! A pool under way: accounts of different sizes of which something is known, and requests of
//! different tenants, sizes and conversations to choose keys for.
//!
//! What the policy engine decides over sockets it decides here without them, on a clock of its
//! own; so the cost of a decision can be seen alone.

use std::time::Duration;

use keyweir_policy::health::retry_budget::RetryLimits;
use keyweir_policy::pool::Pool;
use keyweir_policy::pool::access::Access;
use keyweir_policy::pool::ask::{Admission, Ask, Lease, Settlement};
use keyweir_policy::pool::attempts::Attempts;
use keyweir_policy::pool::spec::{AccountSpec, LimitScope, LimitSpec, PoolSpec};
use keyweir_policy::queue::waiting_room::RoomLimits;
use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{KeyId, ModelId, RequestId, TenantId, Ticket};
use keyweir_policy::terms::pattern::ModelPatterns;
use keyweir_policy::terms::replicas::Replicas;
use keyweir_policy::terms::request::{Priority, RequestSize, Usage};
use keyweir_policy::terms::snapshot::{Reading, Snapshot};
use keyweir_policy::terms::time::Time;

use crate::canned::MODEL;
use crate::failure::Failure;

const TENANTS: u32 = 100;
const CONVERSATIONS: u64 = 10_000;
/// Nobody's patience ends during a measurement.
const PATIENCE: Duration = Duration::from_secs(100_000);

/// What a pool is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrowdSpec {
    /// Accounts.
    pub(crate) accounts: usize,
    /// Keys of each.
    pub(crate) keys_each: usize,
    /// Requests per minute of the smallest account; the largest has ten times as many.
    pub(crate) requests_per_minute: u64,
}

/// A pool and its clock.
pub(crate) struct Crowd {
    /// The pool.
    pub(crate) pool: Pool,
    /// What time it is there.
    pub(crate) now: Time,
    model: ModelId,
    limits: Vec<[Option<u64>; Dimension::COUNT]>,
    draws: fastrand::Rng,
}

impl Crowd {
    /// A pool of which nothing is known yet but what is declared.
    pub(crate) fn new(spec: CrowdSpec) -> Self {
        let mut draws = fastrand::Rng::with_seed(1);
        let limits: Vec<_> = (0..spec.accounts)
            .map(|_| per_minute(spec.requests_per_minute * draws.u64(1..=10)))
            .collect();
        let now = Time::from_micros(1_000_000);
        let mut pool = Pool::new(pool_spec(spec, &limits), now);
        let model = pool.model(now, TenantId(0), MODEL, Endpoint::Inference);
        Self {
            pool,
            now,
            model,
            limits,
            draws,
        }
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.now = self.now + by;
    }

    /// A request as any other.
    pub(crate) fn ask(&mut self) -> Ask {
        Ask {
            request: RequestId(self.draws.u64(..)),
            tenant: TenantId(self.draws.u32(..TENANTS)),
            model: self.model,
            priority: Priority::Normal,
            size: RequestSize {
                text_bytes: self.draws.u64(500..8_000),
                media_tokens: 0,
                output_max: Some(1_024),
            },
            affinity: Some(self.draws.u64(..CONVERSATIONS)),
            account: None,
            arrived: self.now,
            deadline: self.now + PATIENCE,
            body_bytes: 1_024,
        }
    }

    /// A lease for `ask`, where there must be room for it.
    pub(crate) fn grant(&mut self, ask: Ask) -> Result<Lease, Failure> {
        match self.pool.admit(self.now, ask, &Attempts::default()) {
            Admission::Granted(lease) => Ok(lease),
            other => Err(Failure::new(format!("not granted: {other:?}"))),
        }
    }

    /// A place in the waiting room for `ask`, where there must be no room for it on any key.
    pub(crate) fn wait(&mut self, ask: Ask) -> Result<Ticket, Failure> {
        match self.pool.admit(self.now, ask, &Attempts::default()) {
            Admission::Waiting(ticket) => Ok(ticket),
            other => Err(Failure::new(format!("does not wait: {other:?}"))),
        }
    }

    /// The outcome of a request that went well, with the headers of its account.
    pub(crate) fn settlement(&mut self, lease: &Lease) -> Settlement {
        let mut snapshot = Snapshot::default();
        for dimension in [
            Dimension::Requests,
            Dimension::InputTokens,
            Dimension::OutputTokens,
        ] {
            let limit = self.limits[lease.account.index()][dimension.index()];
            // Between half full and nearly full: enough for everybody, and no two alike.
            let remaining = limit.map(|limit| limit / 2 + self.draws.u64(..limit / 2));
            snapshot.readings[dimension.index()] = Some(Reading {
                limit,
                remaining,
                reset: Some(Duration::from_secs(1)),
                reset_grain: Duration::from_secs(1),
                window: Duration::from_secs(60),
                remaining_grain: 0,
            });
        }
        let usage = Usage {
            input: Some(800),
            cache_read: Some(0),
            output: Some(200),
            ..Usage::default()
        };
        Settlement {
            fault: Fault::None,
            snapshot,
            usage,
            sent: true,
        }
    }

    /// Sends requests until something is known of most accounts.
    pub(crate) fn warm_up(&mut self) -> Result<(), Failure> {
        for _ in 0..4 * self.limits.len().max(1_000) {
            let ask = self.ask();
            let lease = self.grant(ask)?;
            let settlement = self.settlement(&lease);
            self.advance(Duration::from_micros(100));
            self.pool.settle(self.now, lease, &settlement);
            self.advance(Duration::from_micros(100));
        }
        Ok(())
    }
}

fn per_minute(requests: u64) -> [Option<u64>; Dimension::COUNT] {
    let mut limits = [None; Dimension::COUNT];
    limits[Dimension::Requests.index()] = Some(requests);
    limits[Dimension::InputTokens.index()] = Some(requests * 2_000);
    limits[Dimension::OutputTokens.index()] = Some(requests * 500);
    limits
}

fn pool_spec(spec: CrowdSpec, limits: &[[Option<u64>; Dimension::COUNT]]) -> PoolSpec {
    let mut keys = (0..).map(KeyId);
    let account = |per_minute: &[Option<u64>; Dimension::COUNT]| AccountSpec {
        keys: keys.by_ref().take(spec.keys_each).collect(),
        models: ModelPatterns::any(),
        limits: vec![LimitSpec {
            scope: LimitScope::EveryGroup,
            per_minute: *per_minute,
            burst_secs: None,
        }],
    };
    PoolSpec {
        dialect: Dialect::Anthropic,
        groups: Vec::new(),
        accounts: limits.iter().map(account).collect(),
        access: Access::default(),
        reserves: keyweir_policy::pool::reserves::Reserves::default(),
        weights: std::iter::repeat_n(1.0, TENANTS as usize).collect(),
        room: RoomLimits {
            requests_max: 10_000,
            per_tenant_max: 2_000,
            bytes_max: 1 << 30,
        },
        retry: RetryLimits::default(),
        replicas: Replicas::ONE,
        seed: 1,
    }
}
