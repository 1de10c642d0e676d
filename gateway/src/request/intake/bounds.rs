//! Whether a request fits in what its tenant may use: asked when its size is known, before it may take
//! a place in a waiting room.

use std::time::{Duration, Instant};

use keyweir_policy::tenancy::again::AsksAgain;
use keyweir_policy::tenancy::request::Asked;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;

use super::Taken;
use crate::downstream::client::Client;
use crate::request::record::{Event, Record};
use crate::request::respond::explain;
use crate::request::respond::refuse::Refuse;
use crate::request::stop::Stop;

/// Reserves what the request is expected to take, and waits for its turn: what that took of its patience
/// is gone.
///
/// # Errors
/// If it does not fit, or its client leaves.
pub(crate) async fn reserve(
    taken: &mut Taken<'_>,
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
        taken.patience = taken.patience.saturating_sub(waited);
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
        patience: taken.patience,
        asks_again: false,
    };
    let mut again = AsksAgain::new(taken.patience);
    let reserved = loop {
        (asked.patience, asked.asks_again) = (again.patience(), again.may());
        match taken.gateway.tenancy.reserve(&asked) {
            Ok(None) => return Ok(()),
            Ok(Some(reserved)) => break reserved,
            Err(lack) if lack.is_of_share => {
                since.get_or_insert_with(Instant::now);
                wait_for_share(taken, client, &mut again).await?;
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

/// Waits for the other gateways to leave some of what is there for all.
async fn wait_for_share(
    taken: &Taken<'_>,
    client: &mut Client,
    again: &mut AsksAgain,
) -> Result<(), Stop> {
    let redis = taken.live.settings().redis.as_ref();
    let longest = again.wait(redis.map_or(Duration::ZERO, |it| it.interval));
    let began = Instant::now();
    tokio::select! {
        biased;
        () = client.gone() => Err(Stop::ClientLeft),
        () = taken.gateway.lifecycle.last_called() => Err(explain::shutting_down().into()),
        () = taken.gateway.shared.heard(longest) => {
            again.waited(began.elapsed());
            Ok(())
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
