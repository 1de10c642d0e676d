//! The control over HTTP, in JSON, under `/_control/`: for programs that run the binary.
//!
//! It needs no key, is not counted and not recorded. [`HELP`] lists what it does.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Response};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::body::{AnswerBody, Outcome};
use crate::control::Control;
use crate::exchange::{JSON, status};
use crate::fault::FaultRule;
use crate::gone::Gone;
use crate::request::{NoBody, read_body};
use crate::state::State;

/// Where it stands.
pub(crate) const ROOT: &str = "/_control/";

/// What `GET /_control/help` says.
const HELP: &str = "\
GET    /_control/counters                      what happened so far, and what is open now
DELETE /_control/counters                      sums to zero
GET    /_control/requests                      the last requests as they arrived (see record_requests)
DELETE /_control/requests                      forget them
GET    /_control/faults                        the faults that are set, and how often each struck
POST   /_control/faults                        set one: {\"fault\":{\"kind\":\"overloaded\"},\"probability\":0.9,\"secs\":10}
DELETE /_control/faults[/ID]                   take one back, or all
PUT    /_control/latency                       {\"first_token_ms\":200,\"tokens_per_sec\":80}
GET    /_control/accounts/NAME/levels          what is left in its buckets
PUT    /_control/accounts/NAME/limits          {\"requests_per_minute\":60,\"group\":null}
PUT    /_control/accounts/NAME/foreign_share   0.5
PUT    /_control/accounts/NAME/lies            [\"reset_past\"]
PUT    /_control/accounts/NAME/clock_skew_secs -3600
POST   /_control/accounts/NAME/keys            \"sk-new\"
DELETE /_control/keys/KEY                      revoke it for good
";

/// Bodies are small here.
const BODY_BYTES_MAX: u64 = 1 << 20;

/// An answer: its status and its JSON.
type Reply = (u16, Value);

pub(crate) async fn serve(state: &Arc<State>, head: &Parts, path: &str, body: Incoming) -> Outcome {
    let body = match read_body(state, body, BODY_BYTES_MAX, None).await {
        Ok(body) => body,
        Err(NoBody::TooLarge) => return Ok(reply((413, json!("too large")))),
        Err(NoBody::ClientLeft) => return Err(Gone),
    };
    let control = Control {
        state: Arc::clone(state),
    };
    let rest = path.strip_prefix(ROOT).unwrap_or_default();
    let segments: Vec<&str> = rest.split('/').collect();
    if segments == ["help"] {
        return Ok(Response::new(AnswerBody::from(HELP.to_owned())));
    }
    Ok(reply(command(&control, &head.method, &segments, &body)))
}

fn command(control: &Control, method: &Method, segments: &[&str], body: &[u8]) -> Reply {
    match (method.as_str(), segments) {
        ("GET", ["counters"]) => show(&control.counters()),
        ("DELETE", ["counters"]) => done(|| control.clear_counters()),
        ("GET", ["requests"]) => show(&control.requests()),
        ("DELETE", ["requests"]) => done(|| control.clear_requests()),
        ("GET", ["faults"]) => show(&control.faults()),
        ("POST", ["faults"]) => with(body, |rule: FaultRule| {
            (200, json!({ "id": control.fault(rule) }))
        }),
        ("DELETE", ["faults"]) => done(|| control.clear_faults()),
        ("DELETE", ["faults", id]) => {
            match id.parse().ok().and_then(|id| control.clear_fault(id)) {
                Some(struck) => (200, json!({ "struck": struck })),
                None => nothing(),
            }
        }
        ("PUT", ["latency"]) => with(body, |latency| done(|| control.set_latency(latency))),
        ("DELETE", ["keys", key]) => found(control.remove_key(key)),
        (_, ["accounts", account, what]) => on_account(control, method, account, what, body),
        _ => nothing(),
    }
}

fn on_account(control: &Control, method: &Method, account: &str, what: &str, body: &[u8]) -> Reply {
    match (method.as_str(), what) {
        ("GET", "levels") => show(&control.levels(account)),
        ("PUT", "limits") => with(body, |limits| found(control.set_limits(account, limits))),
        ("PUT", "foreign_share") => with(body, |share| {
            found(control.set_foreign_share(account, share))
        }),
        ("PUT", "lies") => with(body, |lies: Vec<_>| found(control.set_lies(account, &lies))),
        ("PUT", "clock_skew_secs") => with(body, |secs| {
            found(control.set_clock_skew_secs(account, secs))
        }),
        ("POST", "keys") => with(body, |key: String| found(control.add_key(account, &key))),
        _ => nothing(),
    }
}

fn with<T: DeserializeOwned>(body: &[u8], act: impl FnOnce(T) -> Reply) -> Reply {
    match serde_json::from_slice(body) {
        Ok(value) => act(value),
        Err(error) => (400, json!({ "error": error.to_string() })),
    }
}

fn show(value: &impl Serialize) -> Reply {
    match serde_json::to_value(value) {
        Ok(value) => (200, value),
        Err(error) => (500, json!({ "error": error.to_string() })),
    }
}

fn done(act: impl FnOnce()) -> Reply {
    act();
    (200, json!({ "done": true }))
}

fn found(is_there: bool) -> Reply {
    if is_there { done(|| ()) } else { nothing() }
}

fn nothing() -> Reply {
    (
        404,
        json!({ "error": "there is no such thing; see GET /_control/help" }),
    )
}

fn reply((code, value): Reply) -> crate::body::Answer {
    let mut answer = Response::new(AnswerBody::from(value.to_string()));
    *answer.status_mut() = status(code);
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}
