//! `/evidence`: what an account carried, from the ledger.

use http::{Response, StatusCode};

use super::answer::{json, no_ledger, text};
use super::query::Query;
use crate::runtime::gateway::Gateway;
use crate::runtime::ledger::{Question, evidence, nothing};
use crate::runtime::loads::hour_of;
use crate::runtime::tenancy::wall;

/// The first day that counts, unless it is said.
const SINCE: &str = "30d";

/// The page, as `query` (`account=…&since=…`) asks.
pub(super) fn page(gateway: &Gateway, query: &str) -> Response<Vec<u8>> {
    let Some(ledger) = gateway.ledger.get() else {
        return no_ledger();
    };
    let question = Query::read(query, &["account", "since"]).and_then(|query| {
        let account = query.get("account").unwrap_or_default();
        Question::read(
            account,
            query.get("since").unwrap_or(SINCE),
            hour_of(wall()),
        )
    });
    let question = match question {
        Ok(question) => question,
        Err(why) => return text(StatusCode::BAD_REQUEST, format!("{why}\n")),
    };
    let unreadable = |error: Box<redb::Error>| {
        let why = format!("the ledger cannot be read: {error}\n");
        text(StatusCode::INTERNAL_SERVER_ERROR, why)
    };
    let store = &ledger.store;
    match tokio::task::block_in_place(|| evidence(store, &question)) {
        Ok(Some(found)) => {
            let found = serde_json::to_value(found).unwrap_or_default();
            json(StatusCode::OK, &found)
        }
        Ok(None) => {
            let kept = tokio::task::block_in_place(|| store.loaded_accounts().map_err(Box::new));
            let kept = match kept {
                Ok(kept) => kept,
                Err(error) => return unreadable(error),
            };
            let live = gateway.live();
            let known: Vec<&str> = live
                .policy
                .accounts()
                .map(|(_, it)| it.id.as_str())
                .collect();
            let why = nothing(&question, &known, &kept);
            text(StatusCode::NOT_FOUND, format!("{why}\n"))
        }
        Err(error) => unreadable(error),
    }
}
