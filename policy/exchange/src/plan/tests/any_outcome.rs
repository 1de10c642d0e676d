//! What holds of every plan, whatever its attempts meet.

use keyweir_health::retry_budget::RetryLimits;
use keyweir_terms::fault::Attribution;
use proptest::prelude::*;
use proptest::sample::select;

use super::house::{End, GOOD, House, Outcome, UNKNOWN, request};
use super::*;
use crate::retry::ATTEMPTS_FACTOR;
use crate::seek::ASKED_MAX;

/// What is drawn.
#[derive(Clone, Debug)]
struct Case {
    accounts: Vec<usize>,
    retry: RetryLimits,
    creates: bool,
    home: Home,
    fallbacks: Vec<Choice>,
    limits: TimeLimits,
    attempt: Duration,
    is_calm: bool,
    outcomes: Vec<Outcome>,
}

const PROVIDERS: usize = 3;

fn outcomes() -> impl Strategy<Value = Outcome> {
    let wait = |secs: Option<u64>| secs.map(Duration::from_secs);
    let faults = vec![
        GOOD,
        UNKNOWN,
        (Fault::BadRequest, Some(400)),
        (Fault::ModelDenied, Some(404)),
        (Fault::TooLargeForLimit, Some(429)),
        (Fault::RateLimited { wait: None }, Some(429)),
        (
            Fault::RateLimited {
                wait: wait(Some(3)),
            },
            Some(429),
        ),
        (
            Fault::RampLimited {
                wait: wait(Some(1)),
            },
            Some(429),
        ),
        (Fault::KeyRejected, Some(401)),
        (Fault::OutOfMoney { wait: None }, Some(402)),
        (Fault::AccountDisabled, Some(403)),
        (Fault::Overloaded { wait: None }, Some(529)),
        (Fault::Overloaded { wait: None }, Some(200)),
        (Fault::Broken { wait: None }, Some(500)),
        (Fault::Broken { wait: None }, Some(200)),
        (Fault::Broken { wait: None }, Some(302)),
        (Fault::ConnectFailed, None),
        (Fault::ConnectionLost, None),
        (Fault::TimedOut, None),
        (Fault::StreamBroken, Some(200)),
        (Fault::ClientLeft, None),
        (Fault::Aborted, None),
    ];
    select(faults)
}

fn homes() -> impl Strategy<Value = Home> {
    let holders = prop::collection::vec((0..PROVIDERS as u32, 0..4u32), 1..50);
    prop_oneof![
        3 => Just(Home::Any),
        1 => (0..4u32).prop_map(|account| Home::Known(AccountId(account))),
        2 => holders.prop_map(|holders| {
            Home::sought(holders.into_iter().map(|(provider, account)| holder(provider, account)))
        }),
    ]
}

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let model = select(vec![None, Some("other"), Some("unwritable")]);
    let account = prop::option::weighted(0.2, 0..4u32);
    let choice =
        (0..PROVIDERS as u32, account, model).prop_map(|(provider, account, model)| Choice {
            account: account.map(AccountId),
            ..to(provider, model)
        });
    prop::collection::vec(choice, 0..4)
}

fn cases() -> impl Strategy<Value = Case> {
    let world = (
        prop::collection::vec(1..5usize, PROVIDERS),
        (1..6u32, any::<bool>()),
        any::<(bool, bool)>(),
    );
    let asked = (homes(), choices());
    let times = (0..60u64, 1..600u64, 0..20_000u64);
    // One kind of outcome again and again goes further than many kinds.
    let outcomes = prop_oneof![
        prop::collection::vec(outcomes(), 1..3),
        prop::collection::vec(outcomes(), 1..40),
    ];
    (world, asked, times, outcomes).prop_map(|(world, (home, fallbacks), times, outcomes)| {
        let (accounts, (attempts_max, ambiguous), (creates, is_calm)) = world;
        let (patience, attempts, attempt) = times;
        Case {
            accounts,
            retry: RetryLimits {
                attempts_max,
                ambiguous,
                ..RetryLimits::default()
            },
            creates,
            home,
            fallbacks,
            limits: TimeLimits {
                patience: Duration::from_secs(patience),
                fallback: Duration::from_secs(1),
                attempts: Duration::from_secs(attempts),
            },
            attempt: Duration::from_millis(attempt),
            is_calm,
            outcomes,
        }
    })
}

impl Case {
    /// The first provider is the first candidate's, where a thing is sought.
    fn plan(&self) -> Plan {
        let request = Request {
            creates: self.creates,
            ..request(Time::ZERO)
        };
        let first = match &self.home {
            Home::Sought(holders) => holders.front().map_or(FIRST, |(provider, _)| *provider),
            _ => FIRST,
        };
        let fallbacks = self.fallbacks.clone().into();
        Plan::new(request, self.limits, first, self.home.clone(), fallbacks)
    }

    /// Outcomes in turn, again and again.
    fn run(&self) -> (House, Plan, End, Vec<Outcome>) {
        let mut house = House::new(&self.accounts, self.retry);
        house.attempt = self.attempt;
        house.is_calm = self.is_calm;
        house.unwritable = vec!["unwritable"];
        let mut plan = self.plan();
        let mut met = Vec::new();
        let end = house.drive(&mut plan, |_| {
            met.push(self.outcomes[met.len() % self.outcomes.len()]);
            *met.last().expect("one was pushed")
        });
        (house, plan, end, met)
    }

    /// Attempts that one request may make in all.
    fn attempts_max(&self) -> usize {
        let at_one = (self.retry.attempts_max * ATTEMPTS_FACTOR) as usize;
        match &self.home {
            Home::Any => at_one * (1 + self.fallbacks.len()),
            Home::Known(_) => at_one,
            // Beginning anew at each provider, and one attempt for each that does not know.
            Home::Sought(holders) => {
                let anew = holders.iter().zip(holders.iter().skip(1));
                let anew = 1 + anew.filter(|(one, next)| one.0 != next.0).count();
                at_one * anew + holders.len().min(ASKED_MAX)
            }
        }
    }
}

/// Whether an answer may be the client's.
fn may_be_seen((fault, status): Outcome) -> bool {
    let is_ours = matches!(fault, Fault::RateLimited { .. } | Fault::RampLimited { .. })
        || matches!(
            fault.attribution(),
            Attribution::Key | Attribution::Account | Attribution::Us
        );
    status.is_some_and(|status| status >= 400) && !is_ours
}

proptest! {
    #[test]
    fn every_plan_ends_within_its_bounds(case in cases()) {
        let (house, plan, end, met) = case.run();

        prop_assert!(house.sent.len() <= case.attempts_max(), "{} attempts", house.sent.len());
        prop_assert_eq!(house.sent.len(), plan.progress().attempts as usize);
        if let End::Relayed(met) = end {
            prop_assert!(may_be_seen(met), "{met:?} is relayed");
        }
        prop_assert_eq!(end == End::Answered, met.last() == Some(&GOOD));
        let until = Time::ZERO + case.limits.attempts;
        for sent in house.sent.iter().skip(1) {
            // The driver's timer is good to a millisecond.
            prop_assert!(sent.at <= until + Duration::from_millis(1), "sent at {:?}", sent.at);
        }
        let patience = case.limits.patience + Duration::from_millis(100);
        prop_assert!(plan.waited() <= patience, "waited {:?}", plan.waited());
        for pool in &house.pools {
            prop_assert_eq!(pool.in_flight() + pool.waiting(), 0);
        }
    }

    #[test]
    fn what_may_be_done_already_is_repeated_as_often_as_is_allowed(case in cases()) {
        let (_, _, _, met) = case.run();
        let ambiguous = met.iter().filter(|(fault, _)| fault.is_ambiguous()).count();
        if !case.retry.ambiguous {
            prop_assert!(ambiguous <= 1);
            let last = met.iter().position(|(fault, _)| fault.is_ambiguous());
            prop_assert!(last.is_none_or(|at| at + 1 == met.len()));
        }
        if case.creates {
            prop_assert!(ambiguous <= 2);
        }
    }

    #[test]
    fn the_same_events_give_the_same_steps(case in cases()) {
        let (first, _, end, _) = case.run();
        let (second, _, same_end, _) = case.run();
        prop_assert_eq!(first.sent, second.sent);
        prop_assert_eq!(end, same_end);
    }
}
