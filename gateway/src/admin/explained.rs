//! `/explain/{request id}`: why a request got the key it got, how long it waited behind how many, and
//! what each of its attempts met.

use std::time::{Duration, SystemTime};

use http::{Response, StatusCode};
use keyweir_policy::pool::ask::Notice;
use keyweir_policy::tenancy::money::Money;
use keyweir_policy::terms::endpoint::Endpoint;
use serde_json::{Value, json};

use super::answer::{json as answer, text, told};
use super::moments::epoch_of;
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;
use crate::telemetry::escape::beginning;
use crate::telemetry::recent::{Attempt, Row};

/// How much of an id that is none is told, in bytes.
const SHOWN_BYTES_MAX: usize = 64;

/// The page.
pub(super) fn page(gateway: &Gateway, id: &str) -> Response<Vec<u8>> {
    let recent = gateway.recent.load();
    match recent.find(id) {
        Some(row) => answer(StatusCode::OK, &explained(&gateway.live(), &row)),
        None => {
            let id = told(id);
            let kept = recent.len();
            let id = beginning(id, SHOWN_BYTES_MAX);
            let why = format!(
                "none of the last {kept} requests that have ended has the id {id:?} (gateway.limits.\
                 recent_requests_max); its line in the access log is kept for longer\n"
            );
            text(StatusCode::NOT_FOUND, why)
        }
    }
}

fn explained(live: &Live, row: &Row) -> Value {
    let told = &row.told;
    let began = SystemTime::now() - told.started.elapsed();
    let tenant = told.tenant.and_then(|tenant| live.tenant(tenant));
    let attempts = row.attempts.iter().flatten();
    json!({
        "request_id": row.id,
        "began": epoch_of(began),
        "tenant": tenant.map(|tenant| tenant.id.as_str()),
        "endpoint": told.endpoint.map(Endpoint::as_str),
        "model": (!row.model.is_empty()).then_some(&row.model),
        "stream": told.stream,
        "outcome": told.outcome,
        "reason": told.reason,
        "refusal": (!row.refusal.is_empty()).then_some(&row.refusal),
        "status": told.status,
        "limit_waited_ms": millis(told.limit_waited),
        "limit_waited_for": (!row.limit.is_empty()).then_some(&row.limit),
        "waited_ms": millis(told.waited),
        "waited_behind": told.behind,
        "fell_back": told.fell_back,
        "first_byte_ms": told.first_byte.map(millis),
        "duration_ms": millis(told.duration),
        "input_tokens": told.usage.input,
        "cache_read_tokens": told.usage.cache_read,
        "output_tokens": told.usage.output,
        "cost_usd": (told.cost > Money::ZERO).then(|| told.cost.dollars()),
        "attempts_in_all": told.attempts,
        "attempts": attempts.map(|it| attempt(live, it)).collect::<Vec<_>>(),
    })
}

fn attempt(live: &Live, attempt: &Attempt) -> Value {
    let provider = live.providers.get(attempt.provider);
    let parts = provider.map(|provider| provider.pool.parts.load());
    let parts = parts.as_ref();
    json!({
        "provider": provider.map(|provider| provider.id.as_str()),
        "account": parts.map(|parts| parts.account(attempt.account)),
        "key": parts.map(|parts| parts.key(attempt.key)),
        "chosen_by": attempt.by.as_str(),
        "began_ms": millis(attempt.began),
        "took_ms": attempt.took.map(millis),
        "fault": attempt.fault,
        "changed": attempt.changed.map(Notice::as_str),
    })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
