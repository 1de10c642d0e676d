//! A request's way through the gateway, top to bottom.
//!
//! ```text
//! intake:   head → route → authenticate → body → describe → tenant_limits → prepare
//! drive:    plan ⇄ wait | attempt → opening
//! listing:  one list out of several accounts' lists
//! models:   one list out of several providers' lists of models
//! respond:  whole | opaque | stream, or refuse
//! record:   metrics, a line in the access log, spans, what is kept for `/explain`
//! ```
//!
//! Each step is a file of that name. Whatever stops a request on the way is a [`Stop`]; what happens
//! to it is told to its [`Record`], which counts and logs it once.

mod answer;
mod charge;
mod drive;
mod exchange;
mod gathered;
mod intake;
mod lease;
mod list_page;
mod listing;
mod models;
pub(crate) mod outgoing;
pub(crate) mod record;
pub(crate) mod respond;
mod spans;
mod stop;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use http::HeaderMap;
use keyweir_policy::wire::refusal_kind::RefusalKind;

use self::intake::prepare::Way;
use self::intake::route::likely_dialect;
use self::record::{Event, Record};
use self::stop::Stop;
use crate::downstream::client::Client;
use crate::headers::ForUs;
use crate::runtime::gateway::Gateway;
use crate::runtime::live::Live;

/// Serves one request. `true`: its answer is complete, and the connection as good as before, once
/// its body is drained.
///
/// What a request holds is given back before its refusal is written.
pub(crate) async fn serve(gateway: &Arc<Gateway>, live: &Arc<Live>, client: &mut Client) -> bool {
    let for_us = ForUs::of(client.headers());
    let dialect = likely_dialect(live, for_us.is_anthropic, client.head().uri.path());
    let mut record = Record::new(gateway, live, dialect);
    // A panic drops what the request holds: its count as in flight, a share, a lease. What it leaves of the
    // client's session ends with this request.
    let handled =
        AssertUnwindSafe(handle(gateway, live, &for_us, client, &mut record)).catch_unwind();
    let complete = match handled.await {
        Ok(Ok(complete)) => complete,
        Ok(Err(stop)) => stopped(stop, client, &mut record).await,
        Err(_) => panicked(client, &mut record).await,
    };
    record.finish(client);
    complete
}

async fn handle(
    gateway: &Arc<Gateway>,
    live: &Arc<Live>,
    for_us: &ForUs,
    client: &mut Client,
    record: &mut Record,
) -> Result<bool, Stop> {
    let target = client.head().uri.path_and_query().cloned();
    let real;
    let admitted = intake::admit(live, (target.as_ref(), for_us), client, record)?;
    let Some(admitted) = admitted else {
        return intake::probe::answer(client, record).await;
    };
    let _in_flight = gateway.in_flight(admitted.tenant).ok_or_else(too_many)?;
    let renamed = intake::alias::path(live, &admitted);
    let admitted = match renamed {
        Some((path, renamed)) => {
            real = path;
            let method = client.head().method.clone();
            admitted.with_path(live, method.as_str(), &real, renamed)
        }
        None => admitted,
    };
    let mut taken = intake::take(gateway, live, admitted, client, record).await?;
    intake::tenant_limits::reserve(&mut taken, client, record).await?;
    let (exchange, way) = intake::prepare::prepare(taken, client, record);
    match way {
        Way::Drive => Box::pin(drive::run(exchange)).await,
        Way::List(listing) => Box::pin(listing::run(exchange, *listing)).await,
        Way::Models(models) => Box::pin(models::run(exchange, *models)).await,
    }
}

/// Answers a request that goes no further. `true`: its answer is complete.
async fn stopped(stop: Stop, client: &mut Client, record: &mut Record) -> bool {
    let Stop::Refuse(refuse) = stop else {
        record.on(Event::ClientLeft);
        return false;
    };
    record.settle();
    let refuse = refuse.readable_by(record.cors());
    match refuse
        .answer(client, (record.dialect(), record.id()), record.bounds())
        .await
    {
        Ok(status) => {
            record.on(Event::Refused {
                reason: refuse.reason,
                status,
            });
            true
        }
        Err(_) => {
            record.on(Event::ClientLeft);
            false
        }
    }
}

/// Ends a request that met a mistake of ours, so that nobody takes what it got for an answer. `false`:
/// its connection is of no use.
async fn panicked(client: &mut Client, record: &mut Record) -> bool {
    client.session().set_keepalive(None);
    if client.has_begun() {
        client.abort().await;
        record.on(Event::Broke {
            status: 200,
            reason: "internal",
        });
        return false;
    }
    let message = "the gateway made a mistake; its log says where";
    let refuse = Refuse::new(RefusalKind::Internal, "internal", message);
    stopped(refuse.into(), client, record).await
}

/// Answers what could not be read as a request.
pub(crate) async fn refuse_unread(
    gateway: &Arc<Gateway>,
    live: &Arc<Live>,
    client: &mut Client,
    refuse: &Refuse,
) {
    client.has_head = false;
    let mut record = Record::new(gateway, live, likely_dialect(live, false, ""));
    let answered = refuse
        .answer(client, (record.dialect(), record.id()), HeaderMap::new())
        .await;
    record.on(Event::Refused {
        reason: refuse.reason,
        status: answered.unwrap_or(0),
    });
    record.finish(client);
}

pub(crate) use self::intake::head::{unread, unreadable};
pub(crate) use self::respond::refuse::Refuse;

fn too_many() -> Refuse {
    let message = "the gateway serves as many requests as it may; try again in 1 s";
    Refuse::new(RefusalKind::Overloaded, "too_many_requests", message).after(Duration::from_secs(1))
}
