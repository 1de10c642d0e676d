//! `/v1/models`.

use http::Method;
use serde_json::{Value, json};

use super::errors::not_found;
use super::messages::unknown;
use crate::accounts::Purpose;
use crate::body::Outcome;
use crate::budget::Charge;
use crate::exchange::Exchange;
use crate::store::page;
use crate::world::World;

/// Answers a request to `/v1/models…`; `rest` is what follows that.
pub(crate) async fn answer(exchange: Exchange, rest: &str) -> Outcome {
    let passed = match exchange.pass(Purpose::Free, "", Charge::default()).await {
        Ok(passed) => passed,
        Err(outcome) => return outcome,
    };
    let exchange = &passed.exchange;
    if !exchange.is(&Method::GET) {
        return passed.problem(&not_found("Not Found"));
    }
    let answer = match rest.trim_matches('/') {
        "" => list(&exchange.state.world, exchange.head.uri.query()),
        model => match unknown(exchange, model) {
            Some(problem) => return passed.problem(&problem),
            None => describe(model),
        },
    };
    passed.json(answer.to_string())
}

fn list(world: &World, query: Option<&str>) -> Value {
    let models = world.listed_models(&["claude-sim-large", "claude-sim-small"]);
    let models = models.into_iter().map(|model| (model, ())).collect();
    let page = page(models, query);
    let data: Vec<Value> = page.items.iter().map(|(id, ())| describe(id)).collect();
    json!({
        "data": data,
        "has_more": page.has_more,
        "first_id": page.items.first().map(|(id, ())| id),
        "last_id": page.items.last().map(|(id, ())| id),
    })
}

fn describe(id: &str) -> Value {
    json!({
        "type": "model",
        "id": id,
        "display_name": id,
        "created_at": "2026-01-01T00:00:00Z",
    })
}
