//! Waiting for what a tenant's budget lacks for a moment only: for others of its requests to end, and for
//! the ledger to say that more of it is spent.

use std::future::Future;
use std::time::{Duration, Instant};

use keyweir_policy::tenancy::again::AsksAgain;
use tokio::sync::watch;

use super::Taken;
use crate::downstream::client::Client;
use crate::request::respond::refusal_texts;
use crate::request::stop::Stop;
use crate::runtime::turnstiles::Standing;

/// How long a request waits for the ledger in all: a disk that takes longer holds it up no more.
const LEDGER_MAX: Duration = Duration::from_secs(1);

/// How soon the first in line asks again where nothing ends here: another period may have begun, and requests
/// of other gateways may have ended.
const ASKS_AGAIN: Duration = Duration::from_secs(1);

/// A place in the line of those who wait for others of their tenant to end.
#[derive(Default)]
pub(super) struct Line<'a>(Option<Standing<'a>>);

impl<'a> Line<'a> {
    /// Waits until it is worth to ask again, for no longer than the request's patience.
    ///
    /// # Errors
    /// If the client leaves, or the gateway ends.
    pub(super) async fn wait(
        &mut self,
        taken: &Taken<'a>,
        client: &mut Client,
        again: &mut AsksAgain,
    ) -> Result<(), Stop> {
        let standing = self.0.get_or_insert_with(|| {
            let gateway = taken.gateway;
            let model = taken.description.model.as_deref();
            let turnstiles = &gateway.tenancy.turnstiles;
            turnstiles.stand(taken.tenant, model.unwrap_or_default())
        });
        let began = Instant::now();
        let longest = match standing.is_first() {
            true => again.patience().min(ASKS_AGAIN),
            false => again.patience(),
        };
        wait(taken, client, longest, standing.may_ask()).await?;
        again.waited(began.elapsed());
        Ok(())
    }

    /// Lets the next one ask.
    pub(super) fn leave(&mut self) {
        self.0 = None;
    }
}

/// A request that may wait for the ledger.
#[derive(Default)]
pub(super) struct ForLedger {
    writes: Option<watch::Receiver<()>>,
    waited: Duration,
}

impl ForLedger {
    /// Whether it waits any more.
    pub(super) fn may(&self) -> bool {
        self.waited < LEDGER_MAX
    }

    /// Waits until more is written. The first time it is told at once, so that no write is missed in between.
    ///
    /// # Errors
    /// If the client leaves, or the gateway ends.
    pub(super) async fn wait(
        &mut self,
        taken: &Taken<'_>,
        client: &mut Client,
    ) -> Result<(), Stop> {
        let Some(writes) = &mut self.writes else {
            self.writes = Some(taken.gateway.tenancy.writes());
            return Ok(());
        };
        let began = Instant::now();
        let left = LEDGER_MAX.saturating_sub(self.waited);
        wait(taken, client, left, writes.changed()).await?;
        self.waited = self.waited.saturating_add(began.elapsed());
        Ok(())
    }
}

/// Waits for `what`, `longest`, or another policy.
async fn wait<T>(
    taken: &Taken<'_>,
    client: &mut Client,
    longest: Duration,
    what: impl Future<Output = T>,
) -> Result<(), Stop> {
    let replaced = taken.gateway.replaced();
    tokio::select! {
        biased;
        () = client.gone() => Err(Stop::ClientLeft),
        () = taken.gateway.lifecycle.last_called() => Err(refusal_texts::shutting_down().into()),
        _ = what => Ok(()),
        () = tokio::time::sleep(longest) => Ok(()),
        () = replaced => Ok(()),
    }
}
