//! A request's spans: one of the server's side for the request, one of the client's side for each
//! attempt. No content, and no secrets: keys and tenants by their names.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keyweir_policy::pool::ask::Notice;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::terms::request::Usage;

use crate::runtime::live::Live;
use crate::runtime::parts::Parts;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::recent::Attempt;
use crate::telemetry::trace_context::Traced;
use crate::telemetry::traces::names;
use crate::telemetry::traces::span::{Event, Kind, Span, Value};

/// A request that has ended, as far as its trace tells of it.
pub(super) struct TracedRequest<'a> {
    pub(super) id: &'a str,
    pub(super) started: Instant,
    pub(super) duration: Duration,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) tenant: Option<TenantId>,
    pub(super) model: Option<&'a str>,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<&'static str>,
    pub(super) status: u16,
    pub(super) limit_waited: Duration,
    pub(super) waited: Duration,
    pub(super) behind: Option<usize>,
    pub(super) fell_back: bool,
    pub(super) attempts: &'a [Attempt],
    pub(super) usage: Usage,
}

/// Its spans.
pub(super) fn of(live: &Live, traced: Traced, request: &TracedRequest<'_>) -> Vec<Span> {
    let began = SystemTime::now() - request.started.elapsed();
    let began = began.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut spans = vec![of_request(live, traced, request, began)];
    let last = request.attempts.len();
    for (number, attempt) in request.attempts.iter().enumerate() {
        let usage = (number + 1 == last).then_some(request.usage);
        spans.push(of_attempt(live, (traced, attempt), (request, usage), began));
    }
    spans
}

fn of_request(live: &Live, traced: Traced, request: &TracedRequest<'_>, began: Duration) -> Span {
    let endpoint = request.endpoint.map_or("unknown", Endpoint::as_str);
    let mut attributes: Vec<(&'static str, Value)> = vec![
        (names::METHOD, request.method.into()),
        (names::PATH, request.path.into()),
        (names::STATUS, u64::from(request.status).into()),
        (names::REQUEST_ID, request.id.into()),
        (names::OUTCOME, request.outcome.as_str().into()),
        (names::ATTEMPTS, (request.attempts.len() as u64).into()),
        (names::FELL_BACK, request.fell_back.into()),
    ];
    let tenant = request.tenant.and_then(|tenant| live.tenant(tenant));
    attributes.extend(tenant.map(|it| (names::TENANT, it.id.as_str().into())));
    attributes.extend(request.model.map(|it| (names::MODEL, it.into())));
    let is_error = matches!(request.outcome, Outcome::Refused | Outcome::Broken);
    if is_error {
        let reason = request.reason.unwrap_or("unknown");
        attributes.push((names::ERROR, reason.into()));
    }
    Span {
        trace: traced.trace,
        id: traced.span,
        parent: traced.parent,
        kind: Kind::Server,
        name: format!("{} {endpoint}", request.method),
        start: nanos(began),
        end: nanos(began + request.duration),
        attributes,
        events: waits(request, began),
        is_error,
    }
}

/// That it waited, for its tenant's limits and then in the waiting room; told at the ends of the waits, as
/// far as they are known.
fn waits(request: &TracedRequest<'_>, began: Duration) -> Vec<Event> {
    let first = request.attempts.first();
    let until = first.map_or(request.duration, |attempt| attempt.began);
    let mut events = Vec::new();
    if !request.limit_waited.is_zero() {
        events.push(Event {
            name: names::LIMIT_WAITED,
            at: nanos(began + until.saturating_sub(request.waited)),
            attributes: vec![(names::WAITED_MS, millis(request.limit_waited).into())],
        });
    }
    if let Some(behind) = request.behind {
        events.push(Event {
            name: names::WAITED,
            at: nanos(began + until),
            attributes: vec![
                (names::WAITED_MS, millis(request.waited).into()),
                (names::WAITED_BEHIND, (behind as u64).into()),
            ],
        });
    }
    events
}

fn of_attempt(
    live: &Live,
    (traced, attempt): (Traced, &Attempt),
    (request, usage): (&TracedRequest<'_>, Option<Usage>),
    began: Duration,
) -> Span {
    let provider = live.provider(attempt.provider);
    let parts = provider.pool.parts.load();
    let operation = operation(request);
    let mut attributes: Vec<(&'static str, Value)> = vec![
        (names::OPERATION, operation.into()),
        (names::PROVIDER_NAME, provider_name(provider.dialect).into()),
        (names::PROVIDER, provider.id.as_str().into()),
        (names::ACCOUNT, parts.account(attempt.account).into()),
        (names::KEY, parts.key(attempt.key).into()),
        (names::CHOSEN_BY, attempt.by.as_str().into()),
    ];
    let host = &live.policy.provider(attempt.provider).base_url.host;
    attributes.push((names::SERVER, Value::Text(host.to_string())));
    attributes.extend(request.model.map(|it| (names::MODEL, it.into())));
    let is_error = !matches!(attempt.fault, "none" | "client_left");
    if is_error {
        attributes.push((names::ERROR, attempt.fault.into()));
    }
    if let Some(usage) = usage {
        attributes.extend(used(usage));
    }
    let name = match request.model {
        Some(model) => format!("{operation} {model}"),
        None => operation.to_owned(),
    };
    let start = began + attempt.began;
    let left = request.duration.saturating_sub(attempt.began);
    let end = start + attempt.took.unwrap_or(left);
    let hidden = attempt.is_hidden.then(|| Event {
        name: names::FAULT_HIDDEN,
        at: nanos(end),
        attributes: Vec::new(),
    });
    let changed = attempt.changed.map(|notice| Event {
        name: names::HEALTH_CHANGED,
        at: nanos(end),
        attributes: changed(notice, &parts),
    });
    Span {
        trace: traced.trace,
        id: attempt.span,
        parent: Some(traced.span),
        kind: Kind::Client,
        name,
        start: nanos(start),
        end: nanos(end),
        attributes,
        events: hidden.into_iter().chain(changed).collect(),
        is_error,
    }
}

/// What changed, and whose: it need not be the attempt's own key.
fn changed(notice: Notice, parts: &Parts) -> Vec<(&'static str, Value)> {
    let key = notice.key().map(|key| (names::KEY, parts.key(key).into()));
    let account = notice.account();
    let account = account.map(|account| (names::ACCOUNT, parts.account(account).into()));
    let change = (names::CHANGE, notice.as_str().into());
    [Some(change), account, key].into_iter().flatten().collect()
}

/// The convention counts what was read from the cache among the input.
fn used(usage: Usage) -> Vec<(&'static str, Value)> {
    let input = usage
        .input
        .map(|input| input + usage.cache_read.unwrap_or(0));
    let said = [
        (names::INPUT_TOKENS, input),
        (names::CACHE_READ_TOKENS, usage.cache_read),
        (names::OUTPUT_TOKENS, usage.output),
    ];
    let said = said.into_iter();
    said.filter_map(|(name, tokens)| Some((name, tokens?.into())))
        .collect()
}

/// The operation, as the convention names it where it does.
fn operation(request: &TracedRequest<'_>) -> &'static str {
    match request.endpoint {
        Some(Endpoint::Inference) if request.path.ends_with("/embeddings") => "embeddings",
        Some(Endpoint::Inference) if request.path.ends_with("/chat/completions") => "chat",
        Some(Endpoint::Inference) if request.path.ends_with("/completions") => "text_completion",
        Some(Endpoint::Inference) => "chat",
        Some(other) => other.as_str(),
        None => "unknown",
    }
}

const fn provider_name(dialect: Dialect) -> &'static str {
    dialect.as_str()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn nanos(since_epoch: Duration) -> u64 {
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
