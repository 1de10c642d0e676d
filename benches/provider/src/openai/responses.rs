//! `/v1/responses`: made, stored, found again by the account that made them; and counted.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::errors::{invalid, not_found};
use super::read::{known_model, read};
use super::response_events::{Spoken, StoreAs};
use crate::accounts::Purpose;
use crate::body::Outcome;
use crate::budget::Charge;
use crate::exchange::Exchange;
use crate::generation::{Ask, generate};
use crate::problem::Problem;
use crate::text::Weight;
use crate::tools::{self, TOOL_TOKENS, ToolCall};

/// The fields of a request that matter.
#[derive(Debug, Deserialize)]
struct ResponseRequest<'a> {
    model: Option<String>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    instructions: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    stream: Option<bool>,
    store: Option<bool>,
    max_output_tokens: Option<u64>,
    previous_response_id: Option<String>,
}

/// Answers a request to `/v1/responses…`; `rest` is what follows that.
pub(crate) async fn answer(exchange: Exchange, rest: &str, body: Bytes) -> Outcome {
    let id = rest.trim_matches('/').to_owned();
    match (exchange.head.method.clone(), id.is_empty()) {
        (Method::POST, true) => create(exchange, body).await,
        (Method::POST, false) if id == "input_tokens" => count(exchange, &body).await,
        (Method::GET | Method::DELETE, false) => find(exchange, &id).await,
        _ => {
            let problem = not_found("Invalid URL");
            exchange.problem(&problem, None)
        }
    }
}

async fn create(exchange: Exchange, body: Bytes) -> Outcome {
    let (request, model) = match check(&exchange, &body) {
        Ok(checked) => checked,
        Err(problem) => return exchange.problem(&problem, None),
    };
    let weight = request.weight();
    let call = tools::response_call(request.tools, request.tool_choice, request.input);
    let ask = Ask {
        streamed: request.stream.unwrap_or(false),
        output_max: request.max_output_tokens,
        tool_tokens: if call.is_some() { TOOL_TOKENS } else { 0 },
        weight,
        model,
    };
    let model = json!(ask.model).to_string();
    let stores = request.store.unwrap_or(true);
    let previous = json!(request.previous_response_id).to_string();
    // It may be large, and the answer may take long.
    drop(body);
    generate(exchange, ask, move |exchange, plan, input| {
        let state = &exchange.state;
        let call = call.filter(|_| plan.tool_tokens > 0);
        Spoken {
            id: state.new_id("resp_"),
            message_id: state.new_id("msg_"),
            created: state.unix_secs(),
            model,
            previous,
            input,
            tool: call.map(|call| ToolCall::new(call, state.new_id("call_"))),
            cut: plan.cut,
            store: stores.then(|| StoreAs {
                state: state.clone(),
                account: exchange.key.account.name.clone(),
            }),
            sequence: 0,
            text: String::new(),
        }
    })
    .await
}

/// Counts a response's input tokens, and makes none.
async fn count(exchange: Exchange, body: &Bytes) -> Outcome {
    let (request, model) = match check(&exchange, body) {
        Ok(checked) => checked,
        Err(problem) => return exchange.problem(&problem, None),
    };
    let weight = request.weight();
    let passed = exchange
        .pass(Purpose::CountTokens, &model, Charge::default())
        .await;
    let passed = match passed {
        Ok(passed) => passed,
        Err(outcome) => return outcome,
    };
    let tokens = &passed.exchange.state.world.tokens;
    let count = tokens.truth(weight.bytes, weight.media) + tokens.per_request;
    let counted = json!({ "object": "response.input_tokens", "input_tokens": count });
    passed.json(counted.to_string())
}

impl ResponseRequest<'_> {
    fn weight(&self) -> Weight {
        let mut weight = Weight::default();
        let parts = [self.tools, self.instructions, self.input];
        for part in parts.into_iter().flatten() {
            weight.add(part);
        }
        weight
    }
}

fn check<'a>(
    exchange: &Exchange,
    body: &'a Bytes,
) -> Result<(ResponseRequest<'a>, String), Problem> {
    let request: ResponseRequest<'_> = read(body)?;
    let model = known_model(exchange, request.model.as_deref())?;
    if request.input.is_none() && request.previous_response_id.is_none() {
        let problem = invalid("Missing required parameter: 'input'.").param("input");
        return Err(problem.code("missing_required_parameter"));
    }
    if let Some(id) = &request.previous_response_id {
        let account = &exchange.key.account.name;
        if exchange.state.store.responses.get(account, id).is_none() {
            let problem = invalid(format!("Previous response with id '{id}' not found."));
            let problem = problem.param("previous_response_id");
            return Err(problem.code("previous_response_not_found"));
        }
    }
    Ok((request, model))
}

/// Shows a stored response, or deletes it.
async fn find(exchange: Exchange, id: &str) -> Outcome {
    let passed = match exchange.pass(Purpose::Free, "", Charge::default()).await {
        Ok(passed) => passed,
        Err(outcome) => return outcome,
    };
    let account = &passed.exchange.key.account.name;
    let responses = &passed.exchange.state.store.responses;
    let missing = not_found(format!("Response with id '{id}' not found."));
    if passed.exchange.head.method == Method::DELETE {
        return if responses.remove(account, id) {
            let gone = json!({ "id": id, "object": "response", "deleted": true });
            passed.json(gone.to_string())
        } else {
            passed.problem(&missing)
        };
    }
    match responses.get(account, id) {
        Some(response) => passed.json(response),
        None => passed.problem(&missing),
    }
}
