//! `/v1/messages/batches`: made, processed by the clock, read as JSON lines.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::{invalid, not_found};
use crate::accounts::Purpose;
use crate::body::Outcome;
use crate::budget::Charge;
use crate::clock::Micros;
use crate::exchange::Exchange;
use crate::http_date::rfc3339_text;
use crate::passing::Passed;
use crate::problem::Problem;
use crate::state::State;
use crate::store::{Batch, page};

/// Answers a request to `/v1/messages/batches…`; `rest` is what follows that.
pub(crate) async fn answer(exchange: Exchange, rest: &str, body: Bytes) -> Outcome {
    let passed = exchange.pass(Purpose::Batches, "", Charge::default()).await;
    let passed = match passed {
        Ok(passed) => passed,
        Err(outcome) => return outcome,
    };
    let mut segments = rest.split('/').filter(|segment| !segment.is_empty());
    let method = passed.exchange.head.method.clone();
    let answer = match (method, segments.next(), segments.next()) {
        (Method::POST, None, None) => create(&passed, &body),
        (Method::GET, None, None) => Ok(list(&passed)),
        (Method::GET, Some(id), None) => get(&passed, id),
        (Method::POST, Some(id), Some("cancel")) => cancel(&passed, id),
        (Method::DELETE, Some(id), None) => delete(&passed, id),
        (Method::GET, Some(id), Some("results")) => match results(&passed, id) {
            Ok(lines) => return passed.raw("application/x-jsonl", Bytes::from(lines)),
            Err(problem) => Err(problem),
        },
        _ => Err(not_found("Not Found")),
    };
    match answer {
        Ok(value) => passed.json(value.to_string()),
        Err(problem) => passed.problem(&problem),
    }
}

fn create(passed: &Passed, body: &Bytes) -> Result<Value, Problem> {
    #[derive(Deserialize)]
    struct Create {
        requests: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        custom_id: String,
        params: Value,
    }
    let Create { requests } =
        serde_json::from_slice(body).map_err(|error| invalid(format!("requests: {error}")))?;
    if requests.is_empty() {
        return Err(invalid("requests: at least one request is required"));
    }
    let exchange = &passed.exchange;
    let state = &exchange.state;
    let batch = Batch {
        created: state.now(),
        cancelled: None,
        requests: requests
            .into_iter()
            .map(|one| (one.custom_id, one.params))
            .collect(),
        input_file: String::new(),
        endpoint: String::new(),
        output_file: None,
    };
    let id = state.new_id("msgbatch_01");
    let described = describe(state, &id, &batch);
    state
        .store
        .batches
        .put(&exchange.key.account.name, &id, batch);
    Ok(described)
}

fn get(passed: &Passed, id: &str) -> Result<Value, Problem> {
    let exchange = &passed.exchange;
    let batch = exchange
        .state
        .store
        .batches
        .get(&exchange.key.account.name, id);
    let batch = batch.ok_or_else(|| missing(id))?;
    Ok(describe(&exchange.state, id, &batch))
}

fn cancel(passed: &Passed, id: &str) -> Result<Value, Problem> {
    let exchange = &passed.exchange;
    let (state, account) = (&exchange.state, &exchange.key.account.name);
    let now = state.now();
    let batch = state.store.batches.change(account, id, |batch| {
        if !has_ended(state, batch, now) {
            batch.cancelled.get_or_insert(now);
        }
        batch.clone()
    });
    let batch = batch.ok_or_else(|| missing(id))?;
    Ok(describe(state, id, &batch))
}

fn delete(passed: &Passed, id: &str) -> Result<Value, Problem> {
    let exchange = &passed.exchange;
    if exchange
        .state
        .store
        .batches
        .remove(&exchange.key.account.name, id)
    {
        Ok(json!({ "id": id, "type": "message_batch_deleted" }))
    } else {
        Err(missing(id))
    }
}

fn list(passed: &Passed) -> Value {
    let exchange = &passed.exchange;
    let batches = exchange
        .state
        .store
        .batches
        .list(&exchange.key.account.name);
    let page = page(batches, exchange.head.uri.query());
    let describe = |(id, batch): &(String, Batch)| describe(&exchange.state, id, batch);
    let data: Vec<Value> = page.items.iter().map(describe).collect();
    json!({
        "data": data,
        "has_more": page.has_more,
        "first_id": page.items.first().map(|(id, _)| id),
        "last_id": page.items.last().map(|(id, _)| id),
    })
}

fn results(passed: &Passed, id: &str) -> Result<String, Problem> {
    let exchange = &passed.exchange;
    let state = &exchange.state;
    let batch = state.store.batches.get(&exchange.key.account.name, id);
    let batch = batch.ok_or_else(|| missing(id))?;
    if !has_ended(state, &batch, state.now()) {
        return Err(not_found(&format!("Batch {id} has no available results.")));
    }
    let mut lines = String::new();
    for (custom_id, params) in &batch.requests {
        let result = if batch.cancelled.is_some() {
            json!({ "type": "canceled" })
        } else {
            json!({ "type": "succeeded", "message": message(state, params) })
        };
        lines.push_str(&json!({ "custom_id": custom_id, "result": result }).to_string());
        lines.push('\n');
    }
    Ok(lines)
}

fn message(state: &State, params: &Value) -> Value {
    json!({
        "id": state.new_id("msg_01"),
        "type": "message",
        "role": "assistant",
        "model": params["model"],
        "content": [{ "type": "text", "text": "The mill turns." }],
        "stop_reason": "end_turn",
        "stop_sequence": null,
        "usage": { "input_tokens": 10, "output_tokens": 4 },
    })
}

/// A batch ends when its time is over; a cancelled one at once after it was cancelled.
fn has_ended(state: &State, batch: &Batch, now: Micros) -> bool {
    let due = batch.created + (state.world.batch_secs * 1e6) as Micros;
    now >= due || batch.cancelled.is_some_and(|at| now > at)
}

fn describe(state: &State, id: &str, batch: &Batch) -> Value {
    let now = state.now();
    let secs = |at: Micros| rfc3339_text(state.clock.unix_micros(at) / 1_000_000);
    let has_ended = has_ended(state, batch, now);
    let status = match (has_ended, batch.cancelled) {
        (true, _) => "ended",
        (false, Some(_)) => "canceling",
        (false, None) => "in_progress",
    };
    let all = batch.requests.len();
    let count = |is: bool| if is { all } else { 0 };
    let results_url = format!("{}/v1/messages/batches/{id}/results", state.base_url());
    json!({
        "id": id,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": {
            "processing": count(!has_ended),
            "succeeded": count(has_ended && batch.cancelled.is_none()),
            "errored": 0,
            "canceled": count(has_ended && batch.cancelled.is_some()),
            "expired": 0,
        },
        "created_at": secs(batch.created),
        "expires_at": secs(batch.created + DAY),
        "ended_at": has_ended.then(|| secs(now)),
        "cancel_initiated_at": batch.cancelled.map(secs),
        "archived_at": null,
        "results_url": has_ended.then_some(results_url),
    })
}

/// A batch expires after a day.
const DAY: Micros = 86_400_000_000;

fn missing(id: &str) -> Problem {
    not_found(&format!("Message batch not found: {id}"))
}
