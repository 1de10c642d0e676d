//! Whom outcomes charge: what one request meets is one piece of evidence, and no pool goes dark on it.

use std::time::Duration;

use keyweir_health::breaker::BreakerState;
use keyweir_health::retry_budget::RetryLimits;
use keyweir_queue::waiting_room::RoomLimits;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{KeyId, RequestId, TenantId};
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::replicas::Replicas;
use keyweir_terms::request::{Priority, RequestSize, Usage};
use keyweir_terms::snapshot::Snapshot;
use keyweir_terms::table::Table;
use keyweir_terms::time::Time;

use crate::Pool;
use crate::access::Access;
use crate::ask::{Admission, Ask, Lease, Notice, Settlement};
use crate::attempts::Attempts;
use crate::spec::{AccountSpec, PoolSpec};

const BROKEN: Fault = Fault::Broken { wait: None };
const REFUSED: Fault = Fault::RateLimited { wait: None };
const MODEL: &str = "claude-sonnet-4-5";

/// A pool, its time, and the number of the next request.
struct World {
    pool: Pool,
    now: Time,
    next: u64,
}

/// A request, and what it met so far.
struct Tried {
    id: RequestId,
    attempts: Attempts,
}

impl World {
    /// Accounts with so many keys each, each of which has served.
    fn proven(accounts: &[usize]) -> Self {
        let mut world = Self::new(accounts);
        let keys = accounts.iter().sum();
        for _ in 0..keys {
            let mut served = world.request();
            let leases: Vec<Lease> = (0..keys).map(|_| world.sent(&mut served)).collect();
            for lease in leases {
                world.settle(lease, Fault::None);
            }
        }
        world
    }

    fn new(accounts: &[usize]) -> Self {
        let mut keys = (0..).map(KeyId);
        let account = |of_account: &usize| AccountSpec {
            keys: keys.by_ref().take(*of_account).collect(),
            models: ModelPatterns::any(),
            limits: Vec::new(),
        };
        let spec = PoolSpec {
            dialect: Dialect::Anthropic,
            groups: Vec::new(),
            accounts: accounts.iter().map(account).collect(),
            access: Access::default(),
            reserves: crate::reserves::Reserves::default(),
            weights: Table::default(),
            room: RoomLimits {
                requests_max: 100,
                per_tenant_max: 100,
                bytes_max: 1 << 20,
            },
            retry: RetryLimits::default(),
            replicas: Replicas::ONE,
            seed: 7,
        };
        Self {
            pool: Pool::new(spec, Time::ZERO),
            now: Time::ZERO,
            next: 0,
        }
    }

    fn request(&mut self) -> Tried {
        self.next += 1;
        Tried {
            id: RequestId(self.next),
            attempts: Attempts::default(),
        }
    }

    fn pass(&mut self, secs: f64) {
        self.now = self.now.after_secs(secs);
    }

    fn try_model(&mut self, tried: &Tried, model: &str) -> Option<Lease> {
        let ask = Ask {
            request: tried.id,
            tenant: TenantId(0),
            model: self
                .pool
                .model(self.now, TenantId(0), model, Endpoint::Inference),
            priority: Priority::Normal,
            size: RequestSize::default(),
            affinity: None,
            account: None,
            arrived: self.now,
            deadline: self.now,
            body_bytes: 0,
        };
        match self.pool.admit(self.now, ask, &tried.attempts) {
            Admission::Granted(lease) => Some(lease),
            _ => None,
        }
    }

    fn sent(&mut self, tried: &mut Tried) -> Lease {
        self.try_model(tried, MODEL).expect("somebody can serve")
    }

    fn settle(&mut self, lease: Lease, fault: Fault) {
        let settlement = Settlement {
            fault,
            snapshot: Snapshot::default(),
            usage: Usage::default(),
            sent: true,
        };
        self.pool.settle(self.now, lease, &settlement);
    }

    /// A request is answered, or not.
    fn serves(&mut self) -> bool {
        let request = self.request();
        let lease = self.try_model(&request, MODEL);
        let served = lease.is_some();
        if let Some(lease) = lease {
            self.settle(lease, Fault::None);
        }
        served
    }

    /// A request is told `fault` by every key it is sent with.
    fn poison(&mut self, fault: Fault, attempts: usize) -> Vec<KeyId> {
        let mut poison = self.request();
        let mut keys = Vec::new();
        for _ in 0..attempts {
            let Some(lease) = self.try_model(&poison, MODEL) else {
                break;
            };
            let (key, account) = (lease.key, lease.account);
            keys.push(key);
            self.settle(lease, fault);
            poison.attempts.count();
            match fault {
                BROKEN => poison.attempts.broke_down(self.now, key, self.now),
                Fault::KeyRejected => poison.attempts.rejected(self.now, (key, self.now), None),
                Fault::OutOfMoney { .. } => {
                    let sent = (key, self.now);
                    poison.attempts.rejected(self.now, sent, Some(account));
                }
                _ => poison.attempts.refused(self.now, key, account),
            }
        }
        keys
    }

    /// The same, with others served in between.
    fn poison_among_others(&mut self, fault: Fault, attempts: usize) {
        let mut poison = self.request();
        for _ in 0..attempts {
            let lease = self.sent(&mut poison);
            let key = lease.key;
            self.settle(lease, fault);
            poison.attempts.count();
            poison.attempts.broke_down(self.now, key, self.now);
            for _ in 0..2 {
                self.pass(0.05);
                assert!(self.serves());
            }
        }
    }

    fn breakers(&self) -> Vec<BreakerState> {
        let view = self.pool.view(self.now);
        view.groups[0].keys.iter().map(|key| key.breaker).collect()
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::iter::from_fn(|| self.pool.next_notice()).collect()
    }
}

#[test]
fn a_poison_request_opens_no_breaker_and_no_gate() {
    for accounts in [&[4][..], &[1, 1, 1, 1], &[1], &[1, 1]] {
        let mut world = World::proven(accounts);
        for _ in 0..10 {
            world.poison_among_others(BROKEN, 4);
        }
        assert!(
            world
                .breakers()
                .iter()
                .all(|it| *it == BreakerState::Closed)
        );
        assert!(!world.pool.view(world.now).is_overloaded);
        assert_eq!(world.notices(), []);
    }
}

#[test]
fn a_sick_key_is_found_by_several_requests() {
    let mut world = World::proven(&[1, 1]);
    let mut charged = 0;
    while world.breakers()[0] == BreakerState::Closed && charged < 50 {
        let mut request = world.request();
        let lease = world.sent(&mut request);
        let (key, at) = (lease.key, world.now);
        if key == KeyId(0) {
            charged += 1;
            world.settle(lease, BROKEN);
            request.attempts.count();
            request.attempts.broke_down(at, key, at.after_secs(1.0));
            let lease = world.sent(&mut request);
            world.settle(lease, Fault::None);
        } else {
            world.settle(lease, Fault::None);
        }
        world.pass(0.01);
    }
    assert_eq!(charged, 3);
    assert!(!world.pool.view(world.now).is_overloaded);
}

#[test]
fn a_fault_that_follows_a_request_is_taken_back_from_the_first_key() {
    let mut world = World::proven(&[1, 1]);
    // Two of three that it takes, each by a request that fails with the other key too.
    for _ in 0..20 {
        let mut poison = world.request();
        let lease = world.sent(&mut poison);
        let first = lease.key;
        world.settle(lease, BROKEN);
        poison.attempts.count();
        poison
            .attempts
            .broke_down(world.now, first, world.now.after_secs(1.0));
        world.pass(0.01);
        for _ in 0..2 {
            let request = world.request();
            let mut others = Attempts::default();
            others.count();
            others.broke_down(world.now, first, world.now.after_secs(1.0));
            // Nobody is served with the first key meanwhile.
            let tried = Tried {
                attempts: others,
                ..request
            };
            let lease = world.try_model(&tried, MODEL).expect("the other serves");
            world.settle(lease, Fault::None);
        }
        let lease = world.sent(&mut poison);
        assert_ne!(lease.key, first);
        world.settle(lease, BROKEN);
    }
    assert!(
        world
            .breakers()
            .iter()
            .all(|it| *it == BreakerState::Closed)
    );
}

#[test]
fn no_pool_goes_dark_on_one_requests_word() {
    let wait = None;
    for fault in [
        Fault::KeyRejected,
        Fault::OutOfMoney { wait },
        Fault::AccountDisabled,
        Fault::ModelDenied,
        Fault::ScopeMissing,
        REFUSED,
        BROKEN,
    ] {
        for accounts in [&[1][..], &[3], &[1, 1, 1], &[2, 1, 1]] {
            for proven in [false, true] {
                let mut world = match proven {
                    true => World::proven(accounts),
                    false => World::new(accounts),
                };
                world.poison(fault, 8);
                // An account that refuses, and is the only one, is believed.
                if fault == REFUSED {
                    world.pass(1.0);
                }
                assert!(world.serves(), "{fault:?} {accounts:?} {proven}");
                world.pass(0.1);
                assert!(
                    world.serves(),
                    "{fault:?} {accounts:?} {proven}, and after it"
                );
            }
        }
    }
}

#[test]
fn two_requests_take_a_key_out_and_others_come_first_meanwhile() {
    let mut world = World::proven(&[1, 1]);
    let first = world.poison(Fault::KeyRejected, 1)[0];
    assert_eq!(world.notices(), [Notice::KeySuspected(first)]);
    for _ in 0..20 {
        let mut request = world.request();
        let lease = world.sent(&mut request);
        assert_ne!(lease.key, first);
        world.settle(lease, Fault::None);
    }
    world.pass(3.0);
    // It is probed by another request then.
    while world.notices() != [Notice::KeyOut(first)] {
        let mut request = world.request();
        let lease = world.sent(&mut request);
        let fault = match lease.key == first {
            true => Fault::KeyRejected,
            false => Fault::None,
        };
        world.settle(lease, fault);
        assert!(world.next < 200);
    }
}

#[test]
fn a_request_that_another_key_serves_takes_out_the_key_that_rejected_it() {
    let mut world = World::proven(&[1, 1, 1]);
    world.pass(1.0);
    let mut request = world.request();
    let lease = world.sent(&mut request);
    let rejected = lease.key;
    world.settle(lease, Fault::KeyRejected);
    request.attempts.count();
    request
        .attempts
        .rejected(world.now, (rejected, world.now), None);
    assert_eq!(world.notices(), [Notice::KeySuspected(rejected)]);
    let lease = world.sent(&mut request);
    assert_ne!(lease.key, rejected);
    world.settle(lease, Fault::None);
    assert_eq!(world.notices(), [Notice::KeyOut(rejected)]);
}

#[test]
fn what_is_out_is_probed_every_few_seconds_where_nobody_else_serves() {
    let mut world = World::proven(&[1]);
    world.poison(Fault::KeyRejected, 1);
    world.poison(Fault::KeyRejected, 1);
    assert!(world.notices().contains(&Notice::KeyOut(KeyId(0))));
    let mut probes = 0;
    for _ in 0..600 {
        probes += world.poison(Fault::KeyRejected, 1).len();
        world.pass(0.1);
    }
    assert!((9..=12).contains(&probes), "{probes}");
    world.pass(5.0);
    assert!(world.serves());
    assert!(world.notices().contains(&Notice::KeyBack(KeyId(0))));
}

#[test]
fn the_breaker_of_the_last_key_is_probed_early_however_often_it_failed() {
    let mut world = World::proven(&[1]);
    let mut longest = 0.0f64;
    let mut last = world.now;
    for _ in 0..2_000 {
        if !world.poison(BROKEN, 1).is_empty() {
            longest = longest.max(world.now.secs_since(last));
            last = world.now;
        }
        world.pass(0.1);
    }
    assert!((2.0..=3.2).contains(&longest), "{longest}");
}

#[test]
fn an_unexplained_refusal_charges_the_key_while_the_accounts_others_serve() {
    let mut world = World::proven(&[3, 1]);
    let sick = KeyId(1);
    let mut refused = 0;
    let mut waited = 0;
    for _ in 0..3_000 {
        let mut request = world.request();
        match world.try_model(&request, MODEL) {
            Some(lease) if lease.key == sick => {
                refused += 1;
                let account = lease.account;
                world.settle(lease, REFUSED);
                request.attempts.count();
                request.attempts.refused(world.now, sick, account);
                let lease = world.sent(&mut request);
                assert_ne!(lease.key, sick);
                world.settle(lease, Fault::None);
            }
            Some(lease) => world.settle(lease, Fault::None),
            None => waited += 1,
        }
        world.pass(0.02);
    }
    assert_eq!(waited, 0);
    assert!(refused <= 8, "{refused}");
    let cooldown = world.pool.view(world.now).groups[0].accounts[0].cooldown;
    assert_eq!(cooldown, Duration::ZERO);
}

#[test]
fn unexplained_refusals_of_two_keys_are_the_accounts() {
    let mut world = World::proven(&[2]);
    for _ in 0..2 {
        world.poison(REFUSED, 1);
    }
    let view = world.pool.view(world.now);
    assert!(view.groups[0].accounts[0].cooldown > Duration::ZERO);
    assert!(
        world
            .breakers()
            .iter()
            .all(|it| *it == BreakerState::Closed)
    );
    world.pass(1.1);
    assert!(world.serves());
}

#[test]
fn a_key_that_serves_other_models_is_denied_the_one_it_is_rejected_for() {
    let mut world = World::proven(&[1, 1]);
    for _ in 0..20 {
        let mut image = world.request();
        for _ in 0..2 {
            let Some(lease) = world.try_model(&image, "claude-opus-4-1") else {
                break;
            };
            let key = lease.key;
            world.settle(lease, Fault::KeyRejected);
            image.attempts.count();
            image.attempts.rejected(world.now, (key, world.now), None);
        }
        assert!(world.serves());
        world.pass(0.1);
    }
    assert_eq!(world.notices(), []);
}
