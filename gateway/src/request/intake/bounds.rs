//! Whether a request fits in what its tenant may use: asked when its size is known, before it may take
//! a place in a waiting room.

use keyweir_policy::tenancy::request::Asked;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;

use super::Taken;
use super::patience;
use crate::downstream::client::Client;
use crate::request::record::{Event, Record};
use crate::request::respond::explain;
use crate::request::respond::refuse::Refuse;
use crate::request::stop::Stop;

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
    let patience = patience::allowed(taken.live, taken.tenant, client.headers());
    let asked = Asked {
        tenant: taken.tenant,
        provider: taken.destination.provider,
        model: taken.description.model.as_deref().unwrap_or_default(),
        size: &taken.description.size,
        patience: patience.saturating_sub(record.started().elapsed()),
    };
    let reserved = match taken.gateway.tenancy.reserve(&asked) {
        Ok(None) => return Ok(()),
        Ok(Some(reserved)) => reserved,
        Err(lack) => {
            record.on(Event::Lacks(&lack));
            return Err(Refuse::of_lack(&lack).into());
        }
    };
    let wait = reserved.wait;
    record.on(Event::Reserved(Box::new(reserved)));
    if wait.is_zero() {
        return Ok(());
    }
    tokio::select! {
        biased;
        () = client.gone() => Err(Stop::ClientLeft),
        () = taken.gateway.lifecycle.last_called() => Err(explain::shutting_down().into()),
        () = tokio::time::sleep(wait) => Ok(()),
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
