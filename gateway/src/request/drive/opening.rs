//! The beginning of a good answer, read before the client gets any of it.
//!
//! What must be known of it, [`keyweir_policy::wire::opening`] says: what it is, whatever its head
//! announces; of a JSON answer all of it, of a stream all before its first content. Reading is
//! bounded in bytes, and for streams in time, so that pings reach the client before it gives up.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, header};
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::wire::beginning::Beginning;
use keyweir_policy::wire::large::{self, LargeAnswer};
use keyweir_policy::wire::opening::{self, Announced, BodyForm, Form, Head};
use keyweir_policy::wire::refusal::ErrorAnswer;
use keyweir_policy::wire::stream::StreamReader;
use keyweir_policy::wire::stream::held_back::{HeldUntil, Released};
use tokio::time::Instant;

use super::holding::Holding;
use super::tried::{Interrupted, Tried};
use crate::downstream::whole_events::WholeEvents;
use crate::headers;
use crate::request::answer::{Answer, Stream, WHOLE_MAX, Watch};
use crate::request::exchange::{Exchange, Facts};
use crate::request::lease::HeldLease;
use crate::request::record;

/// Reads as much of `answer` as must be known before the client gets any of it.
pub(crate) async fn open(
    exchange: &mut Exchange<'_>,
    lease: &mut HeldLease,
    mut answer: Answer,
) -> Tried {
    let hold_head = exchange.live.settings().stream.hold_head;
    let until = HeldUntil::FirstContent(exchange.gateway.clock.now() + hold_head);
    let announced = announced(&exchange.facts, &answer);
    match look(exchange, &mut answer, announced).await {
        Looked::Is(form) => {
            note_form(&mut answer, announced, form);
            exchange.silence_ends();
            match form {
                Form::Opaque if is_framed(&answer) => framed(exchange, answer, hold_head).await,
                Form::Opaque => Tried::Opened(answer, Watch::Opaque),
                Form::Json => whole(exchange, answer).await,
                Form::Events => events(exchange, lease, answer, until).await,
            }
        }
        Looked::Failed(fault) => {
            if opening::form(announced) == Form::Events {
                exchange.record.on(record::Event::FaultHidden);
            }
            Tried::Failed(fault, None)
        }
        Looked::ClientLeft => Tried::ClientLeft,
    }
}

/// Whether it is a stream of binary frames.
fn is_framed(answer: &Answer) -> bool {
    let media = answer.response().headers.get(header::CONTENT_TYPE);
    let media = media.and_then(|value| value.to_str().ok());
    media.is_some_and(large::is_framed)
}

/// Reads the first frame, for so long at most: one that is an error is none that the client gets while others
/// can serve.
async fn framed(exchange: &mut Exchange<'_>, mut answer: Answer, hold_head: Duration) -> Tried {
    let (dialect, endpoint) = (exchange.facts.dialect, exchange.facts.endpoint);
    let mut first = LargeAnswer::in_frames(dialect, endpoint);
    exchange.deadline.restart(hold_head);
    while !answer.ended && !first.has_begun() {
        tokio::select! {
            biased;
            read = answer.read_piece() => match read {
                Ok(piece) => first.feed(&piece),
                Err(_) => return Tried::Failed(Fault::ConnectionLost, None),
            },
            () = exchange.client.gone() => return Tried::ClientLeft,
            () = exchange.deadline.passed() => break,
        }
    }
    let Some((fault, told)) = first.error(&exchange.provider().rules) else {
        let all = LargeAnswer::in_frames(dialect, endpoint);
        return Tried::Opened(answer, Watch::Large(Box::new(all)));
    };
    exchange.record.on(record::Event::FaultHidden);
    answer.redact();
    answer.error_inside = told.map(|error| without_traces(&answer, error));
    Tried::Failed(fault, Some(answer))
}

/// What an answer turned out to be.
enum Looked {
    Is(Form),
    Failed(Fault),
    ClientLeft,
}

/// Finds out what `answer` is.
///
/// Nothing that has come so far helps the client, so there is no hurry to give it any.
async fn look(exchange: &mut Exchange<'_>, answer: &mut Answer, announced: Announced) -> Looked {
    let mut seen = Beginning::new(announced, exchange.facts.asks_in_json);
    let until = Instant::now() + exchange.live.settings().timeouts.head;
    loop {
        match seen.form(answer.ended) {
            BodyForm::Known(form) => return Looked::Is(form),
            BodyForm::NoAnswer => return Looked::Failed(Fault::Broken { wait: None }),
            BodyForm::Undecided => {}
        }
        let left = until.saturating_duration_since(Instant::now());
        let silence = seen.silence_max(left, exchange.live.settings().timeouts.stream_idle);
        let silence = silence.unwrap_or_else(|| exchange.silence_left());
        exchange.deadline.restart(silence);
        tokio::select! {
            biased;
            read = answer.read_piece() => match read {
                Ok(piece) => seen.feed(&piece),
                Err(_) => return Looked::Failed(Fault::ConnectionLost),
            },
            () = exchange.client.gone() => return Looked::ClientLeft,
            () = exchange.deadline.passed() => return Looked::Failed(Fault::TimedOut),
        }
    }
}

fn announced(facts: &Facts, answer: &Answer) -> Announced {
    let headers = &answer.response().headers;
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let head = Head {
        bodiless: facts.method == Method::HEAD,
        content_type: text(header::CONTENT_TYPE),
        content_encoding: text(header::CONTENT_ENCODING).filter(|_| !answer.is_decoded()),
    };
    Announced::by(&head, facts.endpoint)
}

/// Corrects what the answer's head says of its form.
fn note_form(answer: &mut Answer, announced: Announced, form: Form) {
    if form != opening::form(announced) {
        answer.content_type = match form {
            Form::Events => Some("text/event-stream"),
            Form::Json => Some("application/json"),
            Form::Opaque => None,
        };
    }
}

async fn whole(exchange: &mut Exchange<'_>, mut answer: Answer) -> Tried {
    let read = match read_whole(exchange, &mut answer).await {
        Ok(read) => read,
        Err(interrupted) => return interrupted.into(),
    };
    if let Read::TooLong = read {
        let facts = &exchange.facts;
        let large = LargeAnswer::new(facts.dialect, facts.endpoint);
        return Tried::Opened(answer, Watch::Large(Box::new(large)));
    }
    let body = answer.body.joined();
    let whole = {
        let rules = &exchange.provider().rules;
        let asked = (exchange.facts.dialect, exchange.facts.endpoint);
        let header = headers::lookup(&answer.response().headers);
        opening::of_whole(rules, asked, header, &body)
    };
    match whole.fault {
        Fault::None => {
            answer.redact_whole();
            Tried::Opened(answer, Watch::Whole(whole.usage))
        }
        fault => {
            answer.redact();
            let body = answer.body.joined();
            answer.error_inside = opening::error_answer(exchange.facts.dialect, &body, &fault);
            Tried::Failed(fault, Some(answer))
        }
    }
}

/// How reading a JSON answer ended.
enum Read {
    Whole,
    TooLong,
}

async fn read_whole(exchange: &mut Exchange<'_>, answer: &mut Answer) -> Result<Read, Interrupted> {
    let idle = exchange.live.settings().timeouts.stream_idle;
    exchange.deadline.restart(idle);
    while !answer.ended {
        if answer.body.len() > WHOLE_MAX {
            return Ok(Read::TooLong);
        }
        tokio::select! {
            biased;
            read = answer.read_pieces() => if read.is_err() {
                return Err(Interrupted::Fault(Fault::ConnectionLost));
            },
            () = exchange.client.gone() => return Err(Interrupted::ClientLeft),
            () = exchange.deadline.passed() => return Err(Interrupted::Fault(Fault::TimedOut)),
        }
    }
    Ok(Read::Whole)
}

async fn events(
    exchange: &mut Exchange<'_>,
    lease: &mut HeldLease,
    mut answer: Answer,
    until: HeldUntil,
) -> Tried {
    let (facts, provider) = (&exchange.facts, exchange.provider());
    let is_whole = facts.whole.unwrap_or(provider.whole_answers);
    let rules = Arc::clone(&provider.rules);
    let mut stream = Box::new(Stream {
        reader: StreamReader::new(facts.dialect, facts.endpoint, rules),
        events: WholeEvents::default(),
        share: is_whole.then(|| exchange.gateway.bodies.share(facts.tenant)),
    });
    let holding = Holding {
        lease,
        answer: &mut answer,
        stream: &mut stream,
        until: if is_whole { HeldUntil::Complete } else { until },
    };
    let held = holding.hold(exchange).await;
    if stream.share.is_some() && stream.reader.fault().is_none() {
        answer.redact_whole();
    } else {
        answer.redact();
    }
    let fault = match held {
        Some(Released::Begun) => return Tried::Opened(answer, Watch::Stream(stream)),
        Some(Released::Failed(fault) | Released::Died(fault)) => fault,
        None => return Tried::ClientLeft,
    };
    exchange.record.on(record::Event::FaultHidden);
    if let Some(Released::Died(_)) = held {
        return Tried::Failed(fault, None);
    }
    answer.error_inside = stream
        .reader
        .error_answer()
        .map(|error| without_traces(&answer, error));
    Tried::Failed(fault, Some(answer))
}

fn without_traces(answer: &Answer, error: ErrorAnswer) -> ErrorAnswer {
    let redacted = answer.traces.redacted(error.body.as_bytes());
    let body = redacted.and_then(|body| String::from_utf8(body).ok());
    ErrorAnswer {
        body: body.unwrap_or(error.body),
        ..error
    }
}
