//! A stream of events on its way to the client: passed on as it comes, watched as it passes.
//!
//! Whether it ended well, [`keyweir_policy::wire::stream::interruption`] says. Where it did not, the
//! client gets an error event of its dialect and then an unclean end.

use std::pin::pin;

use bytes::Bytes;
use http::HeaderValue;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::wire::stream::interruption::Interruption;
use keyweir_policy::wire::stream::usage_hidden;

use super::event_redaction::EventRedaction;
use super::head::{chunk, head};
use super::piece::{Came, begin, next, write};
use super::refusal_texts::Cut;
use crate::headers;
use crate::request::answer::{Answer, Stream};
use crate::request::exchange::Exchange;
use crate::request::lease::HeldLease;
use crate::request::record::Event;
use crate::request::stop::Stop;
use crate::telemetry::outcome::Outcome;

/// How the passing on of a stream ended.
enum Passed {
    Whole,
    Cut(Interruption),
    ClientLeft,
}

/// Passes on a stream of which the beginning has been read.
pub(super) async fn deliver(
    exchange: &mut Exchange<'_>,
    mut held: HeldLease,
    mut answer: Answer,
    mut stream: Box<Stream>,
) -> Result<bool, Stop> {
    let mut head = head(exchange, &answer);
    // Proxies before us that gather answers (nginx) must not gather this one.
    let no = HeaderValue::from_static("no");
    head.headers.insert(headers::ACCEL_BUFFERING, no);
    chunk(exchange, &mut head);
    let status = answer.status();
    let mut redaction = EventRedaction::default();
    let passed = match begin(exchange, head).await {
        Ok(()) => {
            pass_on(
                exchange,
                &mut held,
                &mut answer,
                &mut stream,
                &mut redaction,
            )
            .await
        }
        Err(_) => Passed::ClientLeft,
    };
    settle(exchange, held, &mut stream, &passed);
    match passed {
        Passed::Whole => finish(exchange, answer, &mut stream, redaction).await,
        Passed::Cut(by) => cut_short(exchange, &stream, &Cut::by(by), status).await,
        Passed::ClientLeft => Err(Stop::ClientLeft),
    }
}

async fn pass_on(
    exchange: &mut Exchange<'_>,
    held: &mut HeldLease,
    answer: &mut Answer,
    stream: &mut Stream,
    redaction: &mut EventRedaction,
) -> Passed {
    if stream.reader.is_over() {
        learn_made(exchange, held, stream);
    }
    // The reader has seen this already.
    let opening = stream.events.pass(answer.body.joined());
    let opening = redacted(redaction, stream, answer, opening);
    let opening = without_usage(exchange, opening);
    drop(answer.body.take());
    if write(exchange, opening, false).await.is_err() {
        return Passed::ClientLeft;
    }
    let idle = exchange.live.settings().timeouts.stream_idle;
    let mut last_called = pin!(exchange.gateway.lifecycle.last_called());
    while !answer.ended && !stream.reader.is_over() {
        let idle = stream.reader.idle_max(idle);
        match next(exchange, answer, idle, last_called.as_mut()).await {
            Came::Piece(piece) => {
                stream.reader.feed(&piece);
                held.progressed(stream.reader.tokens().output_so_far());
                if stream.reader.is_over() {
                    learn_made(exchange, held, stream);
                }
                let passed = stream.events.pass(piece);
                let passed = redacted(redaction, stream, answer, passed);
                let passed = without_usage(exchange, passed);
                if write(exchange, passed, false).await.is_err() {
                    return Passed::ClientLeft;
                }
            }
            Came::End => answer.ended = true,
            Came::Interrupted(by) => {
                if let Some(cut) = stream.reader.interrupted(by) {
                    return Passed::Cut(cut);
                }
                // What has not come to its end is no event.
                if !stream.reader.lacks_end() {
                    stream.events.rest();
                }
                return Passed::Whole;
            }
            Came::ClientLeft => return Passed::ClientLeft,
        }
    }
    match stream.reader.ended() {
        Some(cut) => Passed::Cut(cut),
        None => Passed::Whole,
    }
}

/// Without the usage that the client did not ask for.
fn without_usage(exchange: &Exchange<'_>, events: Bytes) -> Bytes {
    if !exchange.outgoing.usage.is_hidden {
        return events;
    }
    usage_hidden::hidden(&events).map_or(events, Bytes::from)
}

/// Without the credential's traces.
fn redacted(
    redaction: &mut EventRedaction,
    stream: &Stream,
    answer: &Answer,
    events: Bytes,
) -> Bytes {
    let is_error = stream.reader.fault().is_some();
    redaction.pass(&answer.traces, events, stream.events.is_amid(), is_error)
}

fn settle(exchange: &mut Exchange<'_>, mut held: HeldLease, stream: &mut Stream, passed: &Passed) {
    let usage = stream.reader.tokens().charged();
    held.charged(usage);
    exchange.record.on(Event::Charged {
        usage,
        is_counted: stream.reader.tokens().is_counted(),
    });
    learn_made(exchange, &held, stream);
    let fault = match passed {
        Passed::Whole => stream.reader.ending(),
        Passed::Cut(by) => by.fault(),
        Passed::ClientLeft => Fault::ClientLeft,
    };
    exchange.settle(held, fault);
}

/// What the answer made is asked for as soon as its last word has been read.
fn learn_made(exchange: &Exchange<'_>, held: &HeldLease, stream: &Stream) {
    let made = stream.reader.resource_ids(exchange.facts.makes_things);
    exchange.learn(made, held.account());
}

async fn finish(
    exchange: &mut Exchange<'_>,
    answer: Answer,
    stream: &mut Stream,
    mut redaction: EventRedaction,
) -> Result<bool, Stop> {
    let status = answer.status();
    let rest = ended(stream.events.rest(), stream.reader.lacks_end());
    let is_error = stream.reader.fault().is_some();
    let rest = redaction.pass(&answer.traces, rest, false, is_error);
    let rest = without_usage(exchange, rest);
    write(exchange, rest, true).await?;
    answer.release().await;
    exchange.record.on(if stream.reader.fault().is_some() {
        Event::Broke {
            status,
            reason: "provider_error_event",
        }
    } else {
        Event::Ended {
            outcome: Outcome::Answered,
            status,
        }
    });
    Ok(true)
}

/// What is left of a stream, with the end of its last event where it `lacks` that.
fn ended(rest: Bytes, lacks: bool) -> Bytes {
    if lacks {
        Bytes::from([&rest[..], b"\n\n"].concat())
    } else {
        rest
    }
}

/// Ends a stream in an error event and an end that nobody takes for a good one.
async fn cut_short(
    exchange: &mut Exchange<'_>,
    stream: &Stream,
    cut: &Cut,
    status: u16,
) -> Result<bool, Stop> {
    let id = exchange.record.id();
    let event = stream
        .reader
        .error_event(cut.kind, cut.message, id.as_str());
    let _ = exchange.client.write(Bytes::from(event), false).await;
    exchange.client.abort().await;
    exchange.record.on(Event::Broke {
        status,
        reason: cut.reason,
    });
    Ok(false)
}
