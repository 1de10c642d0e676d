//! An answer that is not read: it is passed on as it comes.

use bytes::Bytes;
use keyweir_policy::terms::fault::Fault;

use super::explain::DIED;
use super::head::{chunk, head};
use super::piece::{Next, begin, next, write};
use super::redaction::Redaction;
use crate::request::answer::Answer;
use crate::request::exchange::Exchange;
use crate::request::lease::HeldLease;
use crate::request::record::Event;
use crate::request::stop::Stop;
use crate::telemetry::outcome::Outcome;

/// Passes `answer` on. `held`: its lease, if it is still open.
pub(super) async fn deliver(
    exchange: &mut Exchange<'_>,
    held: Option<HeldLease>,
    mut answer: Answer,
    outcome: Outcome,
) -> Result<bool, Stop> {
    let mut head = head(exchange, &answer);
    chunk(exchange, &mut head, &answer);
    let status = answer.status();
    let fault = match begin(exchange, head, status).await {
        Ok(()) => pass_on(exchange, &mut answer, held.is_none()).await,
        Err(_) => Fault::ClientLeft,
    };
    if let Some(held) = held {
        exchange.settle(held, fault);
    }
    match fault {
        Fault::None => {
            answer.link.release().await;
            write(exchange, Bytes::new(), true).await?;
            exchange.record.on(Event::Ended { outcome, status });
            Ok(true)
        }
        Fault::ClientLeft => Err(Stop::ClientLeft),
        _ => {
            exchange.client.abort().await;
            exchange.record.on(Event::Broke {
                status,
                reason: DIED.reason,
            });
            Ok(false)
        }
    }
}

/// Passes the body on; an error's without traces of the credential.
async fn pass_on(exchange: &mut Exchange<'_>, answer: &mut Answer, is_error: bool) -> Fault {
    let mut redaction = is_error.then(|| Redaction::of(&answer.traces));
    let mut through = |piece: Bytes| match &mut redaction {
        Some(redaction) => redaction.pass(&piece),
        None => piece,
    };
    for piece in answer.body.take() {
        if write(exchange, through(piece), false).await.is_err() {
            return Fault::ClientLeft;
        }
    }
    while !answer.ended {
        match next(exchange, &mut answer.link).await {
            Next::Piece(piece) => {
                if write(exchange, through(piece), false).await.is_err() {
                    return Fault::ClientLeft;
                }
            }
            Next::End => answer.ended = true,
            Next::Died | Next::Stalled => return Fault::StreamBroken,
            Next::ClientLeft => return Fault::ClientLeft,
        }
    }
    let rest = redaction.as_mut().map(Redaction::rest);
    match write(exchange, rest.unwrap_or_default(), false).await {
        Ok(()) => Fault::None,
        Err(_) => Fault::ClientLeft,
    }
}
