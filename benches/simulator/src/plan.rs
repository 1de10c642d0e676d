//! The plan that a gateway makes for a request.

use std::collections::VecDeque;
use std::time::Duration;

use keyweir_policy::exchange::plan::{Plan, Request as Asked, TimeLimits};
use keyweir_policy::exchange::seek::Home;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::ids::{ProviderId, TenantId};
use keyweir_policy::terms::request::RequestSize;

use crate::clock::clock;
use crate::scenario::Scenario;
use crate::traffic::Arrival;

/// The gateway's default.
const ATTEMPTS_TIME_MAX: Duration = Duration::from_secs(600);

/// The plan that a gateway makes for a request.
pub(crate) fn plan(scenario: &Scenario, arrival: &Arrival) -> Plan {
    let tenant = arrival.tenant;
    let request = Asked {
        tenant: TenantId(tenant as u32),
        priority: scenario.tenants[tenant].priority,
        size: RequestSize {
            // The true number of bytes per token is for the pool to learn.
            text_bytes: (arrival.input * 3.6) as u64,
            media_tokens: 0,
            output_max: arrival.output_max,
        },
        endpoint: Endpoint::Inference,
        model: scenario.models[arrival.model].clone(),
        affinity: None,
        creates: false,
        body_bytes: 1000,
        arrived: clock(scenario, arrival.at),
    };
    let limits = TimeLimits {
        patience: Duration::from_secs_f64(scenario.patience_of(tenant).max(0.0)),
        attempts: ATTEMPTS_TIME_MAX,
    };
    Plan::new(request, limits, ProviderId(0), Home::Any, VecDeque::new())
}
