//! A list of what lies on several accounts, or on one that several tenants share: account after
//! account is asked, and the client gets one list of what is there for it.
//!
//! What to ask next, and what of it the client gets, [`keyweir_policy::exchange::listing`] says.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use keyweir_policy::exchange::listing::{Ask, Gathering};
use keyweir_policy::exchange::plan::{Plan, Request, TimeLimits};
use keyweir_policy::exchange::seek::Home;
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::wire::list::Page;

use crate::headers::{self, AnswerHead};
use crate::request::drive::{self, Reached};
use crate::request::exchange::Exchange;
use crate::request::list_page;
use crate::request::record::Event;
use crate::request::respond::piece::{begin, write};
use crate::request::respond::{self, Opened, rewritten};
use crate::request::stop::Stop;
use crate::telemetry::outcome::Outcome;

/// A list that is asked for.
pub(crate) struct Listing {
    pub(crate) gathering: Gathering,
    pub(crate) tenant: TenantId,
    /// The request for each of its pages.
    pub(crate) request: Request,
    pub(crate) limits: TimeLimits,
}

/// Serves the list. `true`: its answer is complete.
///
/// # Errors
/// If there is no answer: nobody gave a page, or the client left.
pub(crate) async fn run(mut exchange: Box<Exchange<'_>>, listing: Listing) -> Result<bool, Stop> {
    let Listing {
        mut gathering,
        tenant,
        request,
        limits,
    } = listing;
    let (mut attempts, mut has_page) = (0, false);
    let mut refused = None;
    while let Some(ask) = gathering.next() {
        aim(&mut exchange, &ask, &request, limits);
        let page = match drive::reach(&mut exchange).await {
            Ok(Reached::Opened(opened)) => page(&mut exchange, opened).await,
            Ok(Reached::Refused(answer)) => {
                refused = Some(Ok(answer));
                None
            }
            Err(Stop::Refuse(refuse)) => {
                refused = Some(Err(refuse));
                None
            }
            Err(Stop::ClientLeft) => return Err(Stop::ClientLeft),
        };
        attempts += exchange.plan.progress().attempts;
        has_page |= page.is_some();
        let live = exchange.live;
        gathering.came(page, |id| live.shows(tenant, id));
    }
    match refused {
        // Nobody gave any: what the last one said is the answer.
        Some(refused) if !has_page => match refused {
            Ok(answer) => respond::relay(&mut exchange, answer).await,
            Err(refuse) => Err(refuse.into()),
        },
        _ => answer(&mut exchange, Bytes::from(gathering.list()), attempts).await,
    }
}

/// Aims the request at the page to ask for.
fn aim(exchange: &mut Exchange<'_>, ask: &Ask, request: &Request, limits: TimeLimits) {
    let (provider, account) = ask.of;
    let home = Home::Known(account);
    let waited = exchange.plan.waited();
    let plan = Plan::new(request.clone(), limits, provider, home, [].into());
    exchange.plan = plan.having_waited(waited);
    if let Some(target) = &mut exchange.outgoing.target {
        target.query = Some(ask.query.clone());
    }
    list_page::aim(exchange, provider);
}

/// The page in a good answer, if there is one in it.
async fn page(exchange: &mut Exchange<'_>, opened: Opened) -> Option<Page> {
    let body = list_page::body(exchange, opened).await?;
    let body = rewritten(exchange, &body).unwrap_or(body);
    Page::read(&body)
}

pub(super) async fn answer(
    exchange: &mut Exchange<'_>,
    list: Bytes,
    attempts: u32,
) -> Result<bool, Stop> {
    exchange.let_go();
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(list.len()));
    headers.insert(headers::REQUEST_ID, exchange.record.id().header_value());
    headers.insert(headers::ATTEMPTS, HeaderValue::from(attempts));
    if let Some(origin) = exchange.record.cors() {
        headers::cors::allow(&mut headers, origin.clone());
    }
    let status = StatusCode::OK;
    begin(exchange, AnswerHead { status, headers }).await?;
    write(exchange, list, true).await?;
    exchange.record.on(Event::Ended {
        outcome: Outcome::Answered,
        status: status.as_u16(),
    });
    Ok(true)
}
