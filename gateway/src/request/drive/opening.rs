//! The beginning of a good answer, read before the client gets any of it.
//!
//! What must be known of it, [`keyweir_policy::wire::opening`] says. Reading is bounded in bytes,
//! and for streams in time, so that pings reach the client before it gives up.

use http::header;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::wire::opening::{self, Announced, Form, Opening};
use keyweir_policy::wire::stream::StreamReader;
use tokio::time::Instant;

use super::tried::Tried;
use crate::downstream::whole_events::WholeEvents;
use crate::headers::Fields;
use crate::request::answer::{Answer, Stream, Watch};
use crate::request::exchange::Exchange;
use crate::request::record;
use crate::runtime::deadline::Deadline;
use crate::runtime::gateway::Gateway;

/// The longest JSON answer that is read as a whole: far above any model's answer, and above a page
/// of a list of batches. Longer ones pass unread.
const WHOLE_MAX: usize = 2 * 1024 * 1024;

/// Reads as much of `answer` as must be known before the client gets any of it.
pub(crate) async fn open(exchange: &mut Exchange<'_>, answer: Answer) -> Tried {
    match form(exchange, &answer) {
        Form::Opaque => Tried::Opened(answer, Watch::Opaque),
        Form::Json => whole(exchange, answer).await,
        Form::Events => events(exchange, answer).await,
    }
}

fn form(exchange: &Exchange<'_>, answer: &Answer) -> Form {
    let headers = &answer.response().headers;
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    opening::form(&Announced {
        endpoint: exchange.facts.endpoint,
        bodiless: exchange.facts.method == http::Method::HEAD,
        content_type: text(header::CONTENT_TYPE),
        content_encoding: text(header::CONTENT_ENCODING),
    })
}

async fn whole(exchange: &mut Exchange<'_>, mut answer: Answer) -> Tried {
    let Exchange {
        gateway,
        client,
        deadline,
        ..
    } = exchange;
    deadline.restart(gateway.settings.timeouts.stream_idle);
    let read = tokio::select! {
        biased;
        read = read_whole(&mut answer, deadline) => read,
        () = client.gone() => return Tried::ClientLeft,
    };
    match read {
        Ok(Watch::Whole) => match fault_of_whole(exchange, &mut answer) {
            Fault::None => {
                answer.redact_whole();
                Tried::Opened(answer, Watch::Whole)
            }
            fault => {
                answer.redact();
                Tried::Failed(fault, Some(answer))
            }
        },
        Ok(watch) => Tried::Opened(answer, watch),
        Err(fault) => Tried::Failed(fault, None),
    }
}

fn fault_of_whole(exchange: &Exchange<'_>, answer: &mut Answer) -> Fault {
    let body = answer.body.joined();
    let fields = Fields::of(&answer.response().headers);
    opening::of_whole(exchange.facts.endpoint, |name| fields.get(name), &body)
}

async fn read_whole(answer: &mut Answer, deadline: &mut Deadline) -> Result<Watch, Fault> {
    while !answer.ended {
        if answer.body.len() > WHOLE_MAX {
            return Ok(Watch::Opaque);
        }
        tokio::select! {
            biased;
            read = answer.read_pieces() => read.map_err(|_| Fault::ConnectionLost)?,
            () = deadline.passed() => return Err(Fault::TimedOut),
        }
    }
    Ok(Watch::Whole)
}

async fn events(exchange: &mut Exchange<'_>, mut answer: Answer) -> Tried {
    let facts = &exchange.facts;
    let mut stream = Box::new(Stream {
        reader: StreamReader::new(facts.dialect, facts.endpoint),
        events: WholeEvents::default(),
    });
    let hold = hold(
        exchange.gateway,
        &mut answer,
        &mut stream.reader,
        &mut exchange.deadline,
    );
    let held = tokio::select! {
        biased;
        held = hold => held,
        () = exchange.client.gone() => return Tried::ClientLeft,
    };
    answer.redact();
    match held {
        Held::Begun => Tried::Opened(answer, Watch::Stream(stream)),
        Held::Failed(fault) => {
            exchange.record.on(record::Event::FaultHidden);
            Tried::Failed(fault, Some(answer))
        }
        Held::Died(fault) => {
            exchange.record.on(record::Event::FaultHidden);
            Tried::Failed(fault, None)
        }
    }
}

/// How holding a stream's head back ended.
enum Held {
    /// The client may have it.
    Begun,
    /// It reported this.
    Failed(Fault),
    /// It broke.
    Died(Fault),
}

async fn hold(
    gateway: &Gateway,
    answer: &mut Answer,
    reader: &mut StreamReader,
    deadline: &mut Deadline,
) -> Held {
    let settings = &gateway.settings;
    let until = Instant::now() + settings.stream.hold_head;
    loop {
        match reader.opening(answer.ended) {
            Opening::Failed(fault) => return Held::Failed(fault),
            Opening::Begun => return Held::Begun,
            Opening::Cut => return Held::Died(Fault::ConnectionLost),
            Opening::Undecided => {}
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || answer.body.len() as u64 > settings.stream.hold_bytes_max {
            return Held::Begun;
        }
        deadline.restart(left.min(settings.timeouts.stream_idle));
        tokio::select! {
            biased;
            read = answer.read_piece() => match read {
                Ok(piece) => reader.feed(&piece),
                Err(_) => return Held::Died(Fault::ConnectionLost),
            },
            () = deadline.passed() => if Instant::now() < until {
                return Held::Died(Fault::TimedOut);
            },
        }
    }
}
