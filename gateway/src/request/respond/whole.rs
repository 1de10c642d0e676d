//! A JSON answer that has been read to its end.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::request::Usage;
use keyweir_policy::wire;

use super::head::head;
use super::piece::{begin, write};
use crate::request::answer::Answer;
use crate::request::exchange::Exchange;
use crate::request::lease::HeldLease;
use crate::request::record::Event;
use crate::request::stop::Stop;
use crate::telemetry::outcome::Outcome;

pub(super) async fn deliver(
    exchange: &mut Exchange<'_>,
    mut held: HeldLease,
    mut answer: Answer,
    usage: Usage,
) -> Result<bool, Stop> {
    let mut body = answer.body.joined();
    let facts = &exchange.facts;
    held.charged(usage);
    exchange.record.on(Event::Charged {
        usage,
        is_counted: true,
    });
    let ids = wire::resource_ids(facts.endpoint, facts.makes_things, &body);
    exchange.learn(&ids, held.account());
    if let Some(rewritten) = rewritten(exchange, &body) {
        body = rewritten;
    }
    let mut head = head(exchange, &answer);
    let length = HeaderValue::from(body.len());
    head.headers.insert(header::CONTENT_LENGTH, length);
    let status = answer.status();
    exchange.settle(held, Fault::None);
    answer.release().await;
    begin(exchange, head).await?;
    write(exchange, body, true).await?;
    exchange.record.on(Event::Ended {
        outcome: Outcome::Answered,
        status,
    });
    Ok(true)
}

/// The answer with its results' address in our name, if it names one.
pub(crate) fn rewritten(exchange: &Exchange<'_>, body: &[u8]) -> Option<Bytes> {
    let public = exchange.facts.public_base.as_deref()?;
    let upstream = &exchange.provider().upstream;
    let base = format!("{}{}", upstream.origin, upstream.path_prefix);
    wire::rewrite_results_url(body, &base, public)
        .or_else(|| wire::rewrite_results_url(body, &upstream.origin, public))
        .map(Bytes::from)
}
