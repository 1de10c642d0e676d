//! The beginning of a good answer, read before the client gets any of it.
//!
//! Until the client has a first byte, a failure can still go to another key unseen. So a stream's
//! head is held until its first content (providers report overload in a stream that has just begun
//! with 200), and a JSON answer until its end, which is no loss: nobody can use half of one. Both
//! are bounded in bytes, and the stream in time, so that pings reach the client before it gives up.

use http::header;
use keyweir_policy::dialect::{Dialect, Endpoint, StreamReader};
use keyweir_policy::fault::Fault;
use tokio::time::Instant;

use super::attempt::{Answer, Tried};
use super::exchange::Job;
use crate::downstream::client::Client;
use crate::downstream::whole_events::WholeEvents;
use crate::runtime::deadline::Deadline;

/// The longest JSON answer that is read as a whole: far above any model's answer, and above a page
/// of a list of batches. Longer ones pass unread.
const WHOLE_MAX: usize = 2 * 1024 * 1024;

/// What an answer that is none is charged as.
const BROKEN: Fault = Fault::Broken { wait: None };

/// How an answer is looked at on its way.
pub(crate) enum Watch {
    /// Event by event.
    Stream(Box<Stream>),
    /// As one JSON text, which has been read to its end.
    Whole,
    /// Not at all.
    Opaque,
}

/// A stream of events under observation.
pub(crate) struct Stream {
    pub(crate) reader: StreamReader,
    pub(crate) events: WholeEvents,
}

/// What an answer's head says of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Events,
    Json,
    Other,
    /// No answer of a model: a page of somebody who stands between.
    Nonsense,
}

/// Reads as much of `answer` as must be known before the client gets any of it.
pub(crate) async fn open(
    job: &Job<'_>,
    mut answer: Answer,
    client: &mut Client,
    deadline: &mut Deadline,
) -> Tried {
    match kind(job, &answer) {
        Kind::Other => Tried::Opened(answer, Watch::Opaque),
        Kind::Nonsense => Tried::Failed(BROKEN, Some(answer)),
        Kind::Json => {
            deadline.restart(job.gateway.settings.timeouts.stream_idle);
            let read = read_whole(&mut answer, deadline);
            let read = tokio::select! {
                biased;
                read = read => read,
                () = client.gone() => return Tried::ClientLeft,
            };
            match read {
                Ok(Watch::Whole) if !looks_like_json(&answer.joined()) => {
                    Tried::Failed(BROKEN, Some(answer))
                }
                Ok(watch) => Tried::Opened(answer, watch),
                Err(fault) => Tried::Failed(fault, None),
            }
        }
        Kind::Events => {
            let mut stream = Box::new(Stream {
                reader: StreamReader::new(job.dialect, job.endpoint),
                events: WholeEvents::default(),
            });
            let read = hold(job, &mut answer, &mut stream.reader, deadline);
            let held = tokio::select! {
                biased;
                held = read => held,
                () = client.gone() => return Tried::ClientLeft,
            };
            match held {
                Ok(()) => Tried::Opened(answer, Watch::Stream(stream)),
                Err(Closed::Fault(fault)) => {
                    job.metrics.hidden.inc();
                    Tried::Failed(fault, Some(answer))
                }
                Err(Closed::Died(fault)) => {
                    job.metrics.hidden.inc();
                    Tried::Failed(fault, None)
                }
            }
        }
    }
}

fn kind(job: &Job<'_>, answer: &Answer) -> Kind {
    let headers = &answer.response().headers;
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let plain = text(header::CONTENT_ENCODING).is_none_or(|coding| coding.trim() == "identity");
    let read = !matches!(job.endpoint, Endpoint::Models | Endpoint::Probe);
    if !plain || !read || job.method == http::Method::HEAD {
        return Kind::Other;
    }
    let media = text(header::CONTENT_TYPE)
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    match media.trim().to_ascii_lowercase().as_str() {
        "text/event-stream" => Kind::Events,
        "application/json" => Kind::Json,
        "text/html" if job.endpoint == Endpoint::Inference => Kind::Nonsense,
        _ => Kind::Other,
    }
}

/// Whether `body` begins as an object or an array does. Parsing all of it would tell more, but the
/// answers to be caught here are pages and banners.
fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

async fn read_whole(answer: &mut Answer, deadline: &mut Deadline) -> Result<Watch, Fault> {
    while !answer.ended {
        if answer.len() > WHOLE_MAX {
            return Ok(Watch::Opaque);
        }
        tokio::select! {
            biased;
            read = answer.read_piece() => read.map_err(|_| Fault::ConnectionLost)?,
            () = deadline.passed() => return Err(Fault::TimedOut),
        }
    }
    Ok(Watch::Whole)
}

/// How a stream ended before it had begun.
enum Closed {
    /// It reported this.
    Fault(Fault),
    /// It broke.
    Died(Fault),
}

async fn hold(
    job: &Job<'_>,
    answer: &mut Answer,
    reader: &mut StreamReader,
    deadline: &mut Deadline,
) -> Result<(), Closed> {
    let settings = &job.gateway.settings;
    let until = Instant::now() + settings.stream.hold_head;
    loop {
        if let Some(fault) = reader.fault() {
            return Err(Closed::Fault(fault));
        }
        if reader.started_content() || reader.finished() {
            return Ok(());
        }
        if answer.ended && job.dialect == Dialect::Generic {
            // Who knows how its streams end.
            return Ok(());
        }
        if answer.ended {
            return Err(Closed::Died(Fault::ConnectionLost));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || answer.len() as u64 > settings.stream.hold_bytes_max {
            return Ok(());
        }
        deadline.restart(left.min(settings.timeouts.stream_idle));
        let before = answer.pieces.len();
        tokio::select! {
            biased;
            read = answer.read_piece() => {
                read.map_err(|_| Closed::Died(Fault::ConnectionLost))?;
            }
            () = deadline.passed() => {
                if Instant::now() < until {
                    return Err(Closed::Died(Fault::TimedOut));
                }
            }
        }
        for piece in &answer.pieces[before..] {
            reader.feed(piece);
        }
    }
}
