//! A provider that speaks neither dialect: an endpoint that takes anything.
//!
//! `/generic/…` answers any method and body with a little JSON, by the requests' budget.

use serde_json::json;

use crate::accounts::Purpose;
use crate::body::Outcome;
use crate::budget::Charge;
use crate::exchange::Exchange;

/// Where it stands.
pub(crate) const ROOT: &str = "/generic";

/// Answers a request to `/generic…`.
pub(crate) async fn answer(exchange: Exchange) -> Outcome {
    let purpose = Purpose::Model("generic");
    match exchange.pass(purpose, "generic", Charge::default()).await {
        Ok(passed) => {
            let head = &passed.exchange.head;
            let answer = json!({ "method": head.method.as_str(), "path": head.uri.path() });
            passed.json(answer.to_string())
        }
        Err(outcome) => outcome,
    }
}
