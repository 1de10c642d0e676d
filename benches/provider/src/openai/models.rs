//! `/v1/models`.

use http::Method;
use serde_json::{Value, json};

use super::errors;
use super::read::known_model;
use crate::accounts::Purpose;
use crate::body::Outcome;
use crate::budget::Charge;
use crate::exchange::Exchange;

/// Answers a request to `/v1/models…`; `rest` is what follows that.
pub(crate) async fn answer(exchange: Exchange, rest: &str) -> Outcome {
    let passed = match exchange.pass(Purpose::Free, "", Charge::default()).await {
        Ok(passed) => passed,
        Err(outcome) => return outcome,
    };
    let exchange = &passed.exchange;
    if !exchange.is(&Method::GET) {
        return passed.problem(&errors::not_found("Invalid URL"));
    }
    let answer = match rest.trim_matches('/') {
        "" => {
            let models = exchange
                .state
                .world
                .listed_models(&["gpt-sim", "gpt-sim-mini"]);
            let data: Vec<Value> = models.iter().map(|model| describe(model)).collect();
            json!({ "object": "list", "data": data })
        }
        model => match known_model(exchange, Some(model)) {
            Ok(model) => describe(&model),
            Err(problem) => return passed.problem(&problem),
        },
    };
    passed.json(answer.to_string())
}

fn describe(id: &str) -> Value {
    json!({ "id": id, "object": "model", "created": 1_767_225_600, "owned_by": "simulated" })
}
