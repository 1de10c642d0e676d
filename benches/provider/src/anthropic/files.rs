//! `/v1/files`.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::errors::{invalid, not_found};
use crate::accounts::Purpose;
use crate::body::Outcome;
use crate::budget::Charge;
use crate::exchange::Exchange;
use crate::http_date::rfc3339_text;
use crate::multipart;
use crate::passing::Passed;
use crate::problem::Problem;
use crate::store::{File, page};

/// Answers a request to `/v1/files…`; `rest` is what follows that.
pub(crate) async fn answer(exchange: Exchange, rest: &str, body: Bytes) -> Outcome {
    let passed = exchange.pass(Purpose::Files, "", Charge::default()).await;
    let passed = match passed {
        Ok(passed) => passed,
        Err(outcome) => return outcome,
    };
    let exchange = &passed.exchange;
    let account = exchange.key.account.name.clone();
    let files = &exchange.state.store.files;
    let mut segments = rest.split('/').filter(|segment| !segment.is_empty());
    let answer = match (
        exchange.head.method.clone(),
        segments.next(),
        segments.next(),
    ) {
        (Method::POST, None, None) => upload(&passed, &account, &body),
        (Method::GET, None, None) => Ok(list(&passed, &account)),
        (Method::GET, Some(id), Some("content")) => match files.get(&account, id) {
            Some(file) => return passed.raw("application/octet-stream", file.content),
            None => Err(missing(id)),
        },
        (Method::GET, Some(id), None) => match files.get(&account, id) {
            Some(file) => Ok(describe(id, &file)),
            None => Err(missing(id)),
        },
        (Method::DELETE, Some(id), None) => {
            if files.remove(&account, id) {
                Ok(json!({ "id": id, "type": "file_deleted" }))
            } else {
                Err(missing(id))
            }
        }
        _ => Err(not_found("Not Found")),
    };
    match answer {
        Ok(value) => passed.json(value.to_string()),
        Err(problem) => passed.problem(&problem),
    }
}

fn upload(passed: &Passed, account: &str, body: &Bytes) -> Result<Value, Problem> {
    let exchange = &passed.exchange;
    let parts = multipart::read(&exchange.head.headers, body)
        .ok_or_else(|| invalid("The body is not multipart/form-data."))?;
    let part = parts.into_iter().find(|part| part.name == "file");
    let part = part.ok_or_else(|| invalid("file: Field required"))?;
    let file = File {
        name: part.file_name.unwrap_or_else(|| "upload".into()),
        media_type: part
            .media_type
            .unwrap_or_else(|| "application/octet-stream".into()),
        purpose: String::new(),
        created_secs: exchange.state.unix_secs(),
        content: part.content,
    };
    let id = exchange.state.new_id("file_01");
    let described = describe(&id, &file);
    exchange.state.store.files.put(account, &id, file);
    Ok(described)
}

fn list(passed: &Passed, account: &str) -> Value {
    let files = passed.exchange.state.store.files.list(account);
    let page = page(files, passed.exchange.head.uri.query());
    let data: Vec<Value> = page
        .items
        .iter()
        .map(|(id, file)| describe(id, file))
        .collect();
    json!({
        "data": data,
        "has_more": page.has_more,
        "first_id": page.items.first().map(|(id, _)| id),
        "last_id": page.items.last().map(|(id, _)| id),
    })
}

fn describe(id: &str, file: &File) -> Value {
    json!({
        "id": id,
        "type": "file",
        "filename": file.name,
        "mime_type": file.media_type,
        "size_bytes": file.content.len(),
        "created_at": rfc3339_text(file.created_secs),
        "downloadable": true,
    })
}

fn missing(id: &str) -> Problem {
    not_found(&format!("File not found: {id}"))
}
