//! Whether a request fits in what its tenant may use: asked when its size is known, before it may take
//! a place in a waiting room.

use std::time::{Duration, Instant};

use keyweir_policy::tenancy::request::Asked;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;

use super::Taken;
use crate::downstream::client::Client;
use crate::request::record::{Event, Record};
use crate::request::respond::explain;
use crate::request::respond::refuse::Refuse;
use crate::request::stop::Stop;

/// How often a request asks again whose tenant's limit has room that others may leave: by then they
/// have heard that it is wanted here.
const SHARE_ASKED_MAX: u32 = 3;

/// Reserves what the request is expected to take, and waits for its turn.
///
/// # Errors
/// If it does not fit, or its client leaves.
pub(crate) async fn reserve(
    taken: &Taken<'_>,
    client: &mut Client,
    record: &mut Record,
) -> Result<(), Stop> {
    if !is_counted(taken) {
        return Ok(());
    }
    let mut since = None;
    let outcome = reserve_in_turn(taken, client, record, &mut since).await;
    if let Some(since) = since {
        let waited = since.elapsed();
        record.on(Event::LimitWaited { waited });
    }
    outcome
}

/// Tells by `since` when it began to wait, if it did.
async fn reserve_in_turn(
    taken: &Taken<'_>,
    client: &mut Client,
    record: &mut Record,
    since: &mut Option<Instant>,
) -> Result<(), Stop> {
    let mut asked = Asked {
        tenant: taken.tenant,
        provider: taken.destination.provider,
        model: taken.description.model.as_deref().unwrap_or_default(),
        size: &taken.description.size,
        patience: taken.patience.saturating_sub(record.started().elapsed()),
        asks_again: false,
    };
    let mut times_left = SHARE_ASKED_MAX;
    let reserved = loop {
        asked.asks_again = times_left > 0 && !asked.patience.is_zero();
        match taken.gateway.tenancy.reserve(&asked) {
            Ok(None) => return Ok(()),
            Ok(Some(reserved)) => break reserved,
            Err(lack) if lack.is_of_share => {
                times_left -= 1;
                since.get_or_insert_with(Instant::now);
                asked.patience = wait_for_share(taken, client, asked.patience).await?;
            }
            Err(lack) => {
                record.on(Event::Lacks(&lack));
                return Err(Refuse::of_lack(&lack).into());
            }
        }
    };
    let wait = reserved.wait;
    record.on(Event::Reserved(Box::new(reserved)));
    if wait.is_zero() {
        return Ok(());
    }
    since.get_or_insert_with(Instant::now);
    tokio::select! {
        biased;
        () = client.gone() => Err(Stop::ClientLeft),
        () = taken.gateway.lifecycle.last_called() => Err(explain::shutting_down().into()),
        () = tokio::time::sleep(wait) => Ok(()),
    }
}

/// Waits for the other gateways to leave some of what is there for all, and for no longer than an
/// exchange with them should take. Returns what is left of `patience`.
async fn wait_for_share(
    taken: &Taken<'_>,
    client: &mut Client,
    patience: Duration,
) -> Result<Duration, Stop> {
    let redis = taken.live.settings().redis.as_ref();
    let longest = redis.map_or(Duration::ZERO, |it| it.interval * 2);
    let began = Instant::now();
    tokio::select! {
        biased;
        () = client.gone() => Err(Stop::ClientLeft),
        () = taken.gateway.lifecycle.last_called() => Err(explain::shutting_down().into()),
        () = taken.gateway.shared.heard(longest.min(patience)) => {
            Ok(patience.saturating_sub(began.elapsed()))
        }
    }
}

/// Whether it is a request that a model works for.
fn is_counted(taken: &Taken<'_>) -> bool {
    match taken.routed.route.endpoint {
        Endpoint::Inference => true,
        // Whatever it is that an unknown API does there.
        Endpoint::Other => taken.routed.dialect == Dialect::Generic,
        _ => false,
    }
}
