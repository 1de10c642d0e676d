//! `/usage`: what was spent, from the ledger.

use http::{Response, StatusCode};

use super::answer::{answer, no_ledger};
use super::query::Query as Fields;
use crate::runtime::gateway::Gateway;
use crate::runtime::ledger::{Query, report};
use crate::runtime::tenancy::wall;

/// The page, as `query` (`by=…&since=…&format=…`) asks.
pub(super) fn page(gateway: &Gateway, query: &str) -> Response<Vec<u8>> {
    let Some(ledger) = gateway.ledger.get() else {
        return no_ledger();
    };
    let today = wall().day();
    let asked = Fields::read(query, &["by", "since", "format"])
        .and_then(|it| Query::read(it.get("by"), it.get("since"), it.get("format"), today));
    let query = match asked {
        Ok(query) => query,
        Err(why) => return said(StatusCode::BAD_REQUEST, &why),
    };
    let read = || ledger.store.usage(query.since).map_err(Box::new);
    match tokio::task::block_in_place(read) {
        Ok(usage) => {
            let body = report(&query, &usage);
            answer(StatusCode::OK, query.content_type(), body.into_bytes())
        }
        Err(error) => {
            let why = format!("the ledger cannot be read: {error}");
            said(StatusCode::INTERNAL_SERVER_ERROR, &why)
        }
    }
}

fn said(status: StatusCode, why: &str) -> Response<Vec<u8>> {
    let line = format!("{why}\n");
    answer(status, "text/plain; charset=utf-8", line.into_bytes())
}
