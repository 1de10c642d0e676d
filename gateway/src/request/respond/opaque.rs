//! An answer that is not read, or of which only the end is: it is passed on as it comes.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::wire::classify::Rule;
use keyweir_policy::wire::large::LargeAnswer;
use keyweir_policy::wire::stream::interruption::Interruption;

use super::head::{chunk, head};
use super::piece::{Came, begin, next, write};
use super::redaction::Redaction;
use super::refusal_texts::{DIED, LAST_CALL};
use crate::request::answer::Answer;
use crate::request::exchange::Exchange;
use crate::request::lease::HeldLease;
use crate::request::record::Event;
use crate::request::stop::Stop;
use crate::telemetry::outcome::Outcome;

/// Passes `answer` on. `held`: its lease, if it is still open. `large`: watches its end, if that
/// tells anything.
pub(super) async fn deliver(
    exchange: &mut Exchange<'_>,
    held: Option<HeldLease>,
    mut answer: Answer,
    mut large: Option<Box<LargeAnswer>>,
    outcome: Outcome,
) -> Result<bool, Stop> {
    let mut head = head(exchange, &answer);
    chunk(exchange, &mut head);
    let status = answer.status();
    let rules = Arc::clone(&exchange.provider().rules);
    let fault = match begin(exchange, head).await {
        Ok(()) => {
            let passage = Passage {
                large: &mut large,
                rules: &rules,
                redaction: match held {
                    Some(_) => Redaction::of_whole(&answer.traces),
                    None => Redaction::of(&answer.traces),
                },
            };
            pass_on(exchange, &mut answer, passage).await
        }
        Err(_) => Fault::ClientLeft,
    };
    if let Some(mut held) = held {
        if let Some(large) = &large {
            held.charged(large.usage());
            exchange.record.on(Event::Charged {
                usage: large.usage(),
                is_counted: true,
            });
        }
        exchange.settle(held, fault);
    }
    // The client has it whole.
    let is_told = large.is_some_and(|large| large.error(&rules).is_some());
    match fault {
        Fault::None => {
            answer.release().await;
            write(exchange, Bytes::new(), true).await?;
            exchange.record.on(Event::Ended { outcome, status });
            Ok(true)
        }
        _ if is_told && answer.ended => {
            answer.release().await;
            write(exchange, Bytes::new(), true).await?;
            let reason = "provider_error_event";
            exchange.record.on(Event::Broke { status, reason });
            Ok(true)
        }
        Fault::ClientLeft => Err(Stop::ClientLeft),
        _ => {
            let cut = if fault == Interruption::LastCall.fault() {
                LAST_CALL
            } else {
                DIED
            };
            exchange.client.abort().await;
            exchange.record.on(Event::Broke {
                status,
                reason: cut.reason,
            });
            Ok(false)
        }
    }
}

/// What happens to a body on its way.
struct Passage<'a> {
    large: &'a mut Option<Box<LargeAnswer>>,
    rules: &'a [Rule],
    /// Takes traces of the credential out of it.
    redaction: Redaction,
}

impl Passage<'_> {
    fn through(&mut self, piece: Bytes) -> Bytes {
        if let Some(large) = self.large {
            large.feed(&piece);
        }
        self.redaction.pass(piece)
    }

    fn rest(&mut self) -> Bytes {
        self.redaction.rest()
    }

    /// Whose fault the end is.
    fn ending(&self) -> Fault {
        self.large
            .as_ref()
            .map_or(Fault::None, |large| large.ending(self.rules))
    }
}

async fn pass_on(
    exchange: &mut Exchange<'_>,
    answer: &mut Answer,
    mut passage: Passage<'_>,
) -> Fault {
    let idle = exchange.live.settings().timeouts.stream_idle;
    let mut last_called = pin!(exchange.gateway.lifecycle.last_called());
    for piece in answer.body.take() {
        let passed = passage.through(piece);
        if write(exchange, passed, false).await.is_err() {
            return Fault::ClientLeft;
        }
    }
    while !answer.ended {
        match next(exchange, answer, idle, last_called.as_mut()).await {
            Came::Piece(piece) => {
                let passed = passage.through(piece);
                if write(exchange, passed, false).await.is_err() {
                    return Fault::ClientLeft;
                }
            }
            Came::End => answer.ended = true,
            Came::Interrupted(by) => return by.fault(),
            Came::ClientLeft => return Fault::ClientLeft,
        }
    }
    match write(exchange, passage.rest(), false).await {
        Ok(()) => passage.ending(),
        Err(_) => Fault::ClientLeft,
    }
}
