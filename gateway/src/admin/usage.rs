//! `/usage`: what was spent, from the ledger.

use http::{Response, StatusCode};

use super::answer::{answer, no_ledger};
use crate::runtime::gateway::Gateway;
use crate::runtime::ledger::{Query, report};
use crate::runtime::tenancy::wall;

/// The page, as `query` (`by=…&since=…&format=…`) asks.
pub(super) fn page(gateway: &Gateway, query: Option<&str>) -> Response<Vec<u8>> {
    let Some(ledger) = gateway.ledger.get() else {
        return no_ledger();
    };
    let field = |name: &str| {
        let fields = query.unwrap_or_default().split('&');
        let mut found = fields.filter_map(|field| field.split_once('='));
        found
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    };
    let today = wall().day();
    let query = match Query::read(field("by"), field("since"), field("format"), today) {
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
