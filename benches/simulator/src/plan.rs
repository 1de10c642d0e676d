//! The plan that a gateway makes for a request.

use std::collections::VecDeque;
use std::time::Duration;

use keyweir_policy::exchange::fallback::Choice;
use keyweir_policy::exchange::plan::{Plan, Request as Asked, TimeLimits};
use keyweir_policy::exchange::seek::Home;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::ids::{ProviderId, RequestId, TenantId};
use keyweir_policy::terms::request::RequestSize;

use crate::clock::clock;
use crate::scenario::Scenario;
use crate::traffic::Arrival;

/// The gateway's defaults.
const FALLBACK_AFTER: Duration = Duration::from_secs(1);
const ATTEMPTS_TIME_MAX: Duration = Duration::from_secs(600);

/// The plan of a request that any account may serve.
pub(crate) fn plan(scenario: &Scenario, id: RequestId, arrival: &Arrival) -> Plan {
    let model = scenario.models[arrival.model].clone();
    let asked = Asked {
        id,
        ..asked(scenario, arrival, Endpoint::Inference, model)
    };
    let fallbacks = fallbacks(scenario, arrival);
    let limits = limits(scenario, arrival);
    Plan::new(asked, limits, ProviderId(0), Home::Any, fallbacks)
}

/// The plan of a request that follows up on a thing. `provider`: whom to ask first.
pub(crate) fn plan_of_follow_up(
    scenario: &Scenario,
    (id, arrival): (RequestId, &Arrival),
    provider: ProviderId,
    home: Home,
) -> Plan {
    let asked = Asked {
        id,
        ..asked(scenario, arrival, Endpoint::Batches, String::new())
    };
    let limits = limits(scenario, arrival);
    Plan::new(asked, limits, provider, home, VecDeque::new())
}

fn asked(scenario: &Scenario, arrival: &Arrival, endpoint: Endpoint, model: String) -> Asked {
    Asked {
        id: RequestId(0),
        tenant: TenantId(arrival.tenant as u32),
        priority: scenario.tenants[arrival.tenant].priority,
        size: RequestSize {
            // The true number of bytes per token is for the pool to learn.
            text_bytes: (arrival.input * 3.6) as u64,
            media_tokens: 0,
            output_max: arrival.output_max,
        },
        endpoint,
        model,
        affinity: None,
        creates: false,
        body_bytes: 1000,
        arrived: clock(scenario, arrival.at),
    }
}

fn limits(scenario: &Scenario, arrival: &Arrival) -> TimeLimits {
    let patience = scenario.patience_of(arrival.tenant).max(0.0);
    TimeLimits {
        patience: Duration::from_secs_f64(patience),
        fallback: FALLBACK_AFTER,
        attempts: ATTEMPTS_TIME_MAX,
    }
}

/// Who is asked for `arrival` where its first choice cannot serve it.
pub(crate) fn fallbacks(scenario: &Scenario, arrival: &Arrival) -> VecDeque<Choice> {
    let mut rules = scenario.beyond.fallbacks.iter();
    let rule = rules.find(|rule| {
        rule.tenant.is_none_or(|tenant| tenant == arrival.tenant)
            && rule.model.is_none_or(|model| model == arrival.model)
    });
    rule.map(|rule| rule.choices.iter().cloned().collect())
        .unwrap_or_default()
}
