//! Whether a request fits in what its tenant may use: asked when its size is known, before it may take
//! a place in a waiting room.
//!
//! Who waits for its turn is woken by another policy. Where its tenant is gone, it is refused as in the
//! waiting room. Where other limits bound it, it gives back what it holds and asks anew: under a larger
//! limit its turn is sooner, and under none it is at once. Where the policy says the same of its tenant as
//! before, it keeps its turn, so that no reload refuses anybody whom it does not concern.
//!
//! Who finds a budget taken by requests that run stands in line with others of its tenant, and the first in
//! it asks anew when one ends. Who finds that what is left is not written down yet waits for the ledger;
//! a disk that is slow holds nobody up for more than a second.

use std::time::{Duration, Instant};

use keyweir_policy::pool::ask::{Refusal, RefusalReason};
use keyweir_policy::tenancy::again::{AsksAgain, gives_way};
use keyweir_policy::tenancy::lack::{Awaits, Lack};
use keyweir_policy::tenancy::request::{Asked, Standing};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::endpoint::Endpoint;

use super::Taken;
use super::line::{ForLedger, Line};
use crate::downstream::client::Client;
use crate::request::record::{Event, Record};
use crate::request::respond::refusal_texts;
use crate::request::respond::refuse::Refuse;
use crate::request::stop::Stop;
use crate::runtime::tenants_waiting::Waits;

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
    let mut waiting = Waiting::default();
    let outcome = reserve_in_turn(taken, client, record, &mut waiting).await;
    if let Some(Waits { since, .. }) = &waiting.waits {
        let waited = since.elapsed();
        taken.patience = taken.patience.saturating_sub(waited);
        record.on(Event::LimitWaited {
            waited,
            limit: waiting.limit.as_deref(),
        });
    }
    outcome
}

/// That a request waits, and for what.
#[derive(Default)]
struct Waiting<'a> {
    /// Since when.
    waits: Option<Waits<'a>>,
    /// The last that it waited for.
    limit: Option<Box<Lack>>,
}

/// Tells by `waiting` when it began to wait, if it did.
async fn reserve_in_turn<'a>(
    taken: &Taken<'a>,
    client: &mut Client,
    record: &mut Record,
    waiting: &mut Waiting<'a>,
) -> Result<(), Stop> {
    let Waiting { waits, limit } = waiting;
    let mut asked = Asked {
        tenant: taken.tenant,
        provider: taken.destination.provider,
        model: taken.description.model.as_deref().unwrap_or_default(),
        size: &taken.description.size,
        patience: taken.patience,
        asks_again: false,
        awaits_ledger: false,
    };
    let mut again = AsksAgain::new(taken.patience);
    let (mut line, mut ledger) = (Line::default(), ForLedger::default());
    let turnstiles = &taken.gateway.tenancy.turnstiles;
    let begin = || taken.gateway.tenancy.waiting.begin(taken.tenant);
    if turnstiles.is_waited_for(taken.tenant, asked.model) && !again.patience().is_zero() {
        waits.get_or_insert_with(begin);
        line.wait(taken, client, &mut again).await?;
    }
    loop {
        if waits.is_some() && !taken.gateway.tenancy.has(taken.tenant) {
            return Err(tenant_gone(taken).into());
        }
        (asked.patience, asked.asks_again) = (again.patience(), again.may());
        asked.awaits_ledger = ledger.may();
        let lack = match taken.gateway.tenancy.reserve(&asked) {
            Ok(None) => return Ok(()),
            Ok(Some(mut reserved)) => {
                let wait = reserved.wait;
                if let Some(lack) = reserved.waits_for.take() {
                    *limit = Some(lack);
                }
                record.on(Event::Reserved(Box::new(reserved)));
                if wait.is_zero() {
                    return Ok(());
                }
                line.leave();
                waits.get_or_insert_with(begin);
                let began = Instant::now();
                let Turn::Changed = wait_for_turn(taken, client, record, began + wait).await?
                else {
                    return Ok(());
                };
                record.let_go();
                give_way(began + wait).await;
                again.waited(began.elapsed());
                continue;
            }
            Err(lack) => lack,
        };
        match lack.awaits {
            Some(Awaits::Ledger) => ledger.wait(taken, client).await?,
            Some(Awaits::Gateways) => {
                waits.get_or_insert_with(begin);
                *limit = Some(lack);
                wait_for_share(taken, client, &mut again).await?;
            }
            Some(Awaits::Requests) if !again.patience().is_zero() => {
                waits.get_or_insert_with(begin);
                *limit = Some(lack);
                line.wait(taken, client, &mut again).await?;
            }
            Some(Awaits::Requests) | None => {
                record.on(Event::Lacks(&lack));
                return Err(Refuse::of_lack(&lack).into());
            }
        }
    }
}

/// What has come of waiting for a turn.
enum Turn {
    /// It is there.
    Come,
    /// Another policy has other limits.
    Changed,
}

/// Waits for the turn of what `record` holds, at `turn` as the policy is now.
async fn wait_for_turn(
    taken: &Taken<'_>,
    client: &mut Client,
    record: &Record,
    turn: Instant,
) -> Result<Turn, Stop> {
    let model = taken.description.model.as_deref().unwrap_or_default();
    loop {
        // Asked for first: of two policies the second may come while the first is looked at.
        let replaced = taken.gateway.replaced();
        let holds = |reserved| taken.gateway.tenancy.standing(reserved, model) == Standing::Holds;
        if !record.held().is_none_or(holds) {
            return Ok(Turn::Changed);
        }
        tokio::select! {
            biased;
            () = client.gone() => return Err(Stop::ClientLeft),
            () = taken.gateway.lifecycle.last_called() => return Err(refusal_texts::shutting_down().into()),
            () = tokio::time::sleep_until(turn.into()) => return Ok(Turn::Come),
            () = replaced => {}
        }
    }
}

/// Lets those ask first whose turn would have come before `turn`.
async fn give_way(turn: Instant) {
    let left = turn.saturating_duration_since(Instant::now());
    tokio::time::sleep(gives_way(left)).await;
}

fn tenant_gone(taken: &Taken<'_>) -> Refuse {
    let gone = Refusal {
        not_until: None,
        reason: RefusalReason::TenantGone,
    };
    Refuse::of_pool(&gone, taken.gateway.clock.now(), None)
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
        () = taken.gateway.lifecycle.last_called() => Err(refusal_texts::shutting_down().into()),
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
