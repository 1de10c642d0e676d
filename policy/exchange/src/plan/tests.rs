//! What each outcome leads to, told by driving plans against real pools.

mod any_outcome;
mod attempts;
mod fallbacks;
mod house;
mod seeking;
mod time;

use std::collections::VecDeque;

use keyweir_health::retry_budget::RetryLimits;
use keyweir_pool::ask::RefusalReason;
use keyweir_terms::ids::AccountId;

use self::house::{End, GOOD, House, MODEL, Outcome, UNKNOWN, limits, request};
use super::*;
use crate::fallback::Occasions;

const FIRST: ProviderId = ProviderId(0);
const BROKEN: Outcome = (Fault::Broken { wait: None }, Some(500));
const LOST: Outcome = (Fault::ConnectionLost, None);
const LIMITED: Outcome = (Fault::RateLimited { wait: None }, Some(429));

fn plan(patience_secs: u64, home: Home, fallbacks: VecDeque<Choice>) -> Plan {
    let limits = limits(patience_secs);
    Plan::new(request(Time::ZERO), limits, FIRST, home, fallbacks)
}

fn creating(fallbacks: VecDeque<Choice>) -> Plan {
    let request = Request {
        creates: true,
        ..request(Time::ZERO)
    };
    Plan::new(request, limits(30), FIRST, Home::Any, fallbacks)
}

fn plan_at_present(house: &House, patience_secs: u64, fallbacks: VecDeque<Choice>) -> Plan {
    let limits = limits(patience_secs);
    Plan::new(request(house.now), limits, FIRST, Home::Any, fallbacks)
}

fn to(provider: u32, model: Option<&str>) -> Choice {
    Choice {
        provider: ProviderId(provider),
        account: None,
        model: model.map(str::to_owned),
        on: Occasions::default(),
    }
}

fn holder(provider: u32, account: u32) -> (ProviderId, AccountId) {
    (ProviderId(provider), AccountId(account))
}

fn asked(house: &House) -> Vec<(ProviderId, AccountId)> {
    let sent = house.sent.iter();
    sent.map(|sent| (sent.provider, sent.account)).collect()
}

fn fault(end: End) -> Fault {
    match end {
        End::Refused(Why::Fault { fault, .. }) => fault,
        other => panic!("no fault is told: {other:?}"),
    }
}

fn reason(end: End) -> RefusalReason {
    match end {
        End::Refused(Why::Pool(refusal)) => refusal.reason,
        other => panic!("the pool did not refuse: {other:?}"),
    }
}
