//! `/v1/batches`: made out of an uploaded file, processed by the clock, their results a file.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::{invalid, not_found};
use super::read::read;
use crate::accounts::Purpose;
use crate::body::Outcome;
use crate::budget::Charge;
use crate::clock::Micros;
use crate::exchange::Exchange;
use crate::passing::Passed;
use crate::problem::Problem;
use crate::state::State;
use crate::store::{Batch, File, page};

/// Answers a request to `/v1/batches…`; `rest` is what follows that.
pub(crate) async fn answer(exchange: Exchange, rest: &str, body: Bytes) -> Outcome {
    let passed = match exchange.pass(Purpose::Batches, "", Charge::default()).await {
        Ok(passed) => passed,
        Err(outcome) => return outcome,
    };
    let mut segments = rest.split('/').filter(|segment| !segment.is_empty());
    let method = passed.exchange.head.method.clone();
    let answer = match (method, segments.next(), segments.next()) {
        (Method::POST, None, None) => create(&passed, &body),
        (Method::GET, None, None) => Ok(list(&passed)),
        (Method::GET, Some(id), None) => look_at(&passed, id, false),
        (Method::POST, Some(id), Some("cancel")) => look_at(&passed, id, true),
        _ => Err(not_found("Invalid URL")),
    };
    match answer {
        Ok(value) => passed.json(value.to_string()),
        Err(problem) => passed.problem(&problem),
    }
}

fn create(passed: &Passed, body: &Bytes) -> Result<Value, Problem> {
    #[derive(Deserialize)]
    struct Create {
        input_file_id: String,
        endpoint: String,
    }
    let Create {
        input_file_id,
        endpoint,
    } = read(body)?;
    let exchange = &passed.exchange;
    let (state, account) = (&exchange.state, &exchange.key.account.name);
    let Some(file) = state.store.files.get(account, &input_file_id) else {
        let problem = invalid(format!("No such File object: {input_file_id}"));
        return Err(problem.param("input_file_id"));
    };
    let batch = Batch {
        created: state.now(),
        cancelled: None,
        requests: requests(&file),
        input_file: input_file_id,
        endpoint,
        output_file: None,
    };
    let id = state.new_id("batch_");
    state.store.batches.put(account, &id, batch);
    look_at(passed, &id, false)
}

/// The requests of a file: a line each, with a name of its own.
fn requests(file: &File) -> Vec<(String, Value)> {
    let text = String::from_utf8_lossy(&file.content);
    let lines = text.lines().filter_map(|line| {
        let mut line: Value = serde_json::from_str(line).ok()?;
        let custom_id = line["custom_id"].as_str()?.to_owned();
        Some((custom_id, line["body"].take()))
    });
    lines.collect()
}

fn look_at(passed: &Passed, id: &str, cancel: bool) -> Result<Value, Problem> {
    let exchange = &passed.exchange;
    let (state, account) = (&exchange.state, &exchange.key.account.name);
    let now = state.now();
    let batch = state.store.batches.change(account, id, |batch| {
        if cancel && !has_ended(state, batch, now) {
            batch.cancelled.get_or_insert(now);
        }
        if batch.cancelled.is_none() && has_ended(state, batch, now) && batch.output_file.is_none()
        {
            batch.output_file = Some(write_results(state, account, batch));
        }
        batch.clone()
    });
    let batch = batch.ok_or_else(|| not_found(format!("No batch found with id '{id}'.")))?;
    Ok(describe(state, id, &batch))
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
        "object": "list",
        "data": data,
        "has_more": page.has_more,
        "first_id": page.items.first().map(|(id, _)| id),
        "last_id": page.items.last().map(|(id, _)| id),
    })
}

fn write_results(state: &State, account: &str, batch: &Batch) -> String {
    let mut lines = String::new();
    for (custom_id, body) in &batch.requests {
        let answer = json!({
            "id": state.new_id("chatcmpl-"),
            "object": "chat.completion",
            "created": state.unix_secs(),
            "model": body["model"],
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": "The mill turns." },
                "finish_reason": "stop",
            }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14 },
        });
        let line = json!({
            "id": state.new_id("batch_req_"),
            "custom_id": custom_id,
            "response": { "status_code": 200, "request_id": state.new_id("req_"), "body": answer },
            "error": null,
        });
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    let id = state.new_id("file-");
    let file = File {
        name: "output.jsonl".into(),
        media_type: "application/jsonl".into(),
        purpose: "batch_output".into(),
        created_secs: state.unix_secs(),
        content: Bytes::from(lines),
    };
    state.store.files.put(account, &id, file);
    id
}

/// A batch ends when its time is over; a cancelled one at once after it was cancelled.
fn has_ended(state: &State, batch: &Batch, now: Micros) -> bool {
    let due = batch.created + (state.world.batch_secs * 1e6) as Micros;
    now >= due || batch.cancelled.is_some_and(|at| now > at)
}

fn describe(state: &State, id: &str, batch: &Batch) -> Value {
    let has_ended = has_ended(state, batch, state.now());
    let status = match (has_ended, batch.cancelled) {
        (true, Some(_)) => "cancelled",
        (true, None) => "completed",
        (false, Some(_)) => "cancelling",
        (false, None) => "in_progress",
    };
    let created = state.clock.unix_micros(batch.created) / 1_000_000;
    let all = batch.requests.len();
    let done = if batch.output_file.is_some() { all } else { 0 };
    json!({
        "id": id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": null,
        "input_file_id": batch.input_file,
        "completion_window": "24h",
        "status": status,
        "output_file_id": batch.output_file,
        "error_file_id": null,
        "created_at": created,
        "expires_at": created + 86_400,
        "request_counts": { "total": all, "completed": done, "failed": 0 },
        "metadata": null,
    })
}
