//! A driver that does anything a driver may do to a pool, in any order.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;
use crate::ask::ChosenBy;
use crate::explain::Held;
use crate::reserves::{ReserveSpec, Reserves};

pub(super) const MODELS: [&str; 3] = ["claude-sonnet-4-5", "claude-opus-4-1", "claude-haiku-4-5"];
/// Accounts of [`policy`], each with two keys.
pub(super) const ACCOUNTS: u32 = 4;

/// Something a driver may do.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Admit(Admit),
    Leave(usize),
    Answer(usize, Box<Snapshot>),
    Progress(usize, u64),
    Settle(usize, Fault),
    Pass(f64),
    JumpBack(f64),
    Reconfigure(Policy),
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Admit {
    patience: f64,
    is_retry: bool,
    model: usize,
    affinity: Option<u64>,
    account: Option<u32>,
}

/// A policy, drawn from few accounts, so that they come, go and come back.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// What each of the accounts has; `None`: it is not there.
    accounts: Vec<Option<PolicyAccount>>,
}

#[derive(Clone, Debug)]
struct PolicyAccount {
    keys: usize,
    limit: Option<u64>,
    serves_all: bool,
}

pub(super) fn steps(with_policies: bool) -> impl Strategy<Value = Vec<Step>> {
    let fault = prop_oneof![
        4 => Just(Fault::None),
        1 => Just(Fault::RateLimited { wait: None }),
        1 => Just(Fault::RateLimited { wait: Some(Duration::from_secs(2)) }),
        1 => Just(Fault::Overloaded { wait: None }),
        1 => Just(Fault::ConnectionLost),
        1 => Just(Fault::KeyRejected),
        1 => Just(Fault::ClientLeft),
        1 => Just(Fault::ModelDenied),
        1 => Just(Fault::RampLimited { wait: None }),
        1 => Just(Fault::OutOfMoney { wait: None }),
        1 => Just(Fault::OutOfMoney { wait: Some(Duration::from_secs(1)) }),
    ];
    let admit = (
        0.0..5.0f64,
        any::<bool>(),
        0..MODELS.len(),
        proptest::option::of(0..3u64),
        proptest::option::weighted(0.2, 0..ACCOUNTS + 1),
    );
    let admit = admit.prop_map(|(patience, is_retry, model, affinity, account)| {
        Step::Admit(Admit {
            patience,
            is_retry,
            model,
            affinity,
            account,
        })
    });
    let step = prop_oneof![
        6 => admit,
        1 => any::<usize>().prop_map(Step::Leave),
        1 => (any::<usize>(), snapshot()).prop_map(|(at, told)| Step::Answer(at, Box::new(told))),
        1 => (any::<usize>(), 0u64..5000).prop_map(|(at, n)| Step::Progress(at, n)),
        4 => (any::<usize>(), fault).prop_map(|(at, fault)| Step::Settle(at, fault)),
        2 => (0.0..3.0f64).prop_map(Step::Pass),
        1 => (0.0..200.0f64).prop_map(Step::Pass),
        1 => (0.0..1.0f64).prop_map(Step::JumpBack),
        if with_policies { 2 } else { 0 } => policy().prop_map(Step::Reconfigure),
    ];
    prop::collection::vec(step, 1..120)
}

/// What headers may be read as, however absurd they are: nothing, or any figures that a reader lets
/// through, each with or without the others.
fn snapshot() -> impl Strategy<Value = Snapshot> {
    let amount = || prop_oneof![Just(0), Just(1), 0..2_000u64, Just(1_000_000_000_000_000)];
    let secs = prop_oneof![Just(0.0), 0.0..90.0f64, Just(32.0 * 86_400.0)];
    let window = prop_oneof![Just(60.0), Just(1e-9), Just(86_400.0)];
    let grain = prop_oneof![Just(0), Just(500u64)];
    let reading = (
        proptest::option::of(amount()),
        proptest::option::of(amount()),
        proptest::option::of(secs),
        window,
        grain,
    );
    let reading = reading.prop_map(
        |(limit, remaining, reset, window, remaining_grain)| Reading {
            // A limit of zero is read as none.
            limit: limit.filter(|limit| *limit > 0),
            remaining: remaining
                .map(|it: u64| limit.filter(|it| *it > 0).map_or(it, |most| it.min(most))),
            reset: reset.map(Duration::from_secs_f64),
            reset_grain: Duration::from_secs(1),
            window: Duration::from_secs_f64(window),
            remaining_grain,
        },
    );
    let readings = prop::array::uniform4(proptest::option::of(reading));
    let short_of = proptest::option::of(proptest::sample::select(&Dimension::ALL[..]));
    (readings, short_of).prop_map(|(readings, short_of)| Snapshot {
        readings,
        account_fingerprint: None,
        short_of,
    })
}

pub(super) fn policy() -> impl Strategy<Value = Policy> {
    let limit = prop_oneof![Just(None), Just(Some(0)), Just(Some(30)), Just(Some(60))];
    let account =
        (1..=2usize, limit, any::<bool>()).prop_map(|(keys, limit, serves_all)| PolicyAccount {
            keys,
            limit,
            serves_all,
        });
    let accounts = prop::collection::vec(proptest::option::of(account), ACCOUNTS as usize);
    accounts.prop_map(|accounts| Policy { accounts })
}

impl Policy {
    pub(super) fn spec(&self) -> PoolSpec {
        let mut accounts = Table::default();
        for (id, account) in (0..).zip(&self.accounts) {
            let Some(account) = account else { continue };
            let keys = (0..account.keys as u32).map(|key| KeyId(2 * id + key));
            let models = match account.serves_all {
                true => ModelPatterns::any(),
                false => {
                    let sonnet = "claude-sonnet-*".parse().expect("a pattern");
                    ModelPatterns::new(vec![sonnet]).expect("one")
                }
            };
            let of_account = AccountSpec {
                keys: keys.collect(),
                models,
                limits: account.limit.map(every_group).into_iter().collect(),
            };
            accounts.insert(AccountId(id), of_account);
        }
        // Of the second account a part is kept for whom the driver asks for.
        let part = ReserveSpec {
            account: AccountId(1),
            share: 0.4,
            owners: vec![TenantId(0)],
        };
        PoolSpec {
            accounts,
            reserves: Reserves::new([part]),
            ..spec(&[])
        }
    }
}

/// A pool that is driven.
pub(super) struct Driver {
    pub(super) pool: Pool,
    now: f64,
    leases: Vec<Lease>,
    tickets: Vec<Ticket>,
}

impl Driver {
    pub(super) fn of(pool: Pool) -> Self {
        Self {
            pool,
            now: 10.0,
            leases: Vec::new(),
            tickets: Vec::new(),
        }
    }

    /// Takes one step, and holds the pool to what must be true after it.
    pub(super) fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let now = at(self.now);
        match step {
            Step::Admit(admit) => self.admit(&admit)?,
            Step::Leave(n) if !self.tickets.is_empty() => {
                let ticket = self.tickets.swap_remove(n % self.tickets.len());
                self.pool.cancel(now, ticket);
                self.pool.cancel(now, ticket);
            }
            Step::Answer(n, told) if !self.leases.is_empty() => {
                let lease = &self.leases[n % self.leases.len()];
                self.pool.answered(now, lease, &told);
            }
            Step::Progress(n, output) if !self.leases.is_empty() => {
                let lease = &self.leases[n % self.leases.len()];
                self.pool.progressed(now, lease, output);
            }
            Step::Settle(n, fault) if !self.leases.is_empty() => {
                let lease = self.leases.swap_remove(n % self.leases.len());
                self.pool.settle(now, lease, &outcome(fault));
            }
            Step::Pass(secs) => {
                self.now += secs;
                self.pool.wake(at(self.now));
                self.look()?;
            }
            Step::JumpBack(secs) => self.now = (self.now - secs).max(0.0),
            Step::Reconfigure(policy) => self.pool.reconfigure(now, policy.spec()),
            _ => {}
        }
        self.fetch()
    }

    /// Looks at what accounts have carried: at each once, whatever the clock did.
    fn look(&mut self) -> Result<(), TestCaseError> {
        let (now, mut rows, mut looked_at) = (at(self.now), Vec::new(), 0);
        loop {
            match self.pool.take_loads(now, now, 3, &mut rows) {
                0 => break,
                some => looked_at += some,
            }
            prop_assert!(looked_at <= 100, "it comes to an end");
        }
        for load in rows.iter().flat_map(|row| &row.loads) {
            prop_assert!(load.is_possible(), "{:?}", load);
        }
        Ok(())
    }

    /// Asks what would become of a request, and sees what does.
    fn admit(&mut self, admit: &Admit) -> Result<(), TestCaseError> {
        let now = at(self.now);
        let mut ask = ask(&mut self.pool, now, admit.patience);
        ask.model = self
            .pool
            .model(now, TenantId(0), MODELS[admit.model], Endpoint::Inference);
        ask.affinity = admit.affinity;
        ask.account = admit.account.map(AccountId);
        let mut attempts = Attempts::default();
        if admit.is_retry {
            attempts.count();
        }
        let explained = self.pool.explain(now, &ask);
        let would = self.pool.would_admit(now, &ask, &attempts);
        let admission = self.pool.admit(now, ask, &attempts);
        let is_any_in = explained.accounts.iter().any(|it| it.out.is_none());
        let is_in = explained.chosen.is_some() && explained.by != Some(ChosenBy::Probe);
        prop_assert_eq!(is_any_in, is_in, "{:?}", explained);
        let granted = match &admission {
            Admission::Granted(lease) => Some((lease.account, lease.key)),
            _ => None,
        };
        match explained.held {
            None => prop_assert_eq!(granted, explained.chosen, "{:?}", explained),
            Some(Held::Overloaded { .. }) => prop_assert_eq!(granted, None),
            Some(Held::BehindOthers { .. }) => {}
        }
        if granted.is_some() && explained.held.is_none() {
            // The clock stands after a small step back.
            let present = self.pool.clock.outward(self.pool.clock.peek(now));
            prop_assert_eq!(would, Some(present), "{:?}", explained);
        }
        match admission {
            Admission::Granted(lease) => self.leases.push(lease),
            Admission::Waiting(ticket) => self.tickets.push(ticket),
            Admission::Refused(_) => {}
        }
        Ok(())
    }

    /// Fetches decisions; every ticket is decided once at most.
    fn fetch(&mut self) -> Result<(), TestCaseError> {
        while let Some((ticket, decision)) = self.pool.next_decision() {
            let known = self.tickets.iter().position(|it| *it == ticket);
            let Some(known) = known else {
                return Err(TestCaseError::fail(format!("{ticket:?} decided in vain")));
            };
            self.tickets.swap_remove(known);
            self.leases.extend(decision.ok());
        }
        prop_assert_eq!(self.pool.in_flight(), self.leases.len());
        prop_assert_eq!(self.pool.waiting(), self.tickets.len());
        Ok(())
    }

    /// Ends all that is under way; nothing may be held afterwards.
    pub(super) fn end(mut self) -> Result<Pool, TestCaseError> {
        let now = at(self.now);
        for ticket in self.tickets.drain(..) {
            self.pool.cancel(now, ticket);
        }
        for lease in self.leases.drain(..) {
            self.pool.settle(now, lease, &outcome(Fault::ClientLeft));
        }
        while let Some((_, decision)) = self.pool.next_decision() {
            prop_assert!(decision.is_err(), "granted to someone who left");
        }
        prop_assert_eq!((self.pool.in_flight(), self.pool.waiting()), (0, 0));
        let view = self.pool.view(now);
        for account in view.groups.iter().flat_map(|group| &group.accounts) {
            prop_assert_eq!(account.in_flight, 0);
            for bucket in &account.buckets {
                prop_assert_eq!(bucket.pending, 0.0);
            }
        }
        for key in &view.keys {
            prop_assert_eq!(key.in_flight, 0);
        }
        Ok(self.pool)
    }
}
