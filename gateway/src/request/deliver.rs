//! An answer on its way to the client.
//!
//! From here on nothing can be taken back: the request's body is let go, and what goes wrong goes
//! wrong in front of the client, as an error event and an unclean end.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use keyweir_policy::dialect::{self, Dialect, Endpoint, RefusalKind};
use keyweir_policy::fault::Fault;
use pingora_http::ResponseHeader;

use super::attempt::Answer;
use super::exchange::Job;
use super::opening::{Stream, Watch};
use super::record::Record;
use super::settle::Held;
use super::{Outcome, Stop};
use crate::client::{Client, Left};
use crate::deadline::Deadline;
use crate::headers;
use crate::upstream::Link;

/// Gives a good answer to the client, and settles its lease. `true`: all of it arrived.
pub(crate) async fn deliver(
    mut job: Job<'_>,
    held: Held,
    answer: Answer,
    watch: Watch,
    client: &mut Client,
    record: &mut Record,
    deadline: Deadline,
) -> Result<bool, Stop> {
    job.body = None;
    job.learn_home(held.account());
    let delivery = Delivery {
        job,
        client,
        record,
        deadline,
    };
    match watch {
        Watch::Whole => delivery.whole(held, answer).await,
        Watch::Stream(stream) => delivery.stream(held, answer, stream).await,
        Watch::Opaque => delivery.opaque(Some(held), answer, Outcome::Answered).await,
    }
}

/// Gives a provider's error to the client as it is; its lease has been settled. `true`: all of it
/// arrived.
pub(crate) async fn pass_through(
    mut job: Job<'_>,
    answer: Answer,
    client: &mut Client,
    record: &mut Record,
    deadline: Deadline,
) -> Result<bool, Stop> {
    job.body = None;
    let delivery = Delivery {
        job,
        client,
        record,
        deadline,
    };
    delivery.opaque(None, answer, Outcome::PassedThrough).await
}

struct Delivery<'a, 'b> {
    job: Job<'a>,
    client: &'b mut Client,
    record: &'b mut Record,
    deadline: Deadline,
}

/// What the provider sent next.
enum Next {
    Piece(Bytes),
    End,
    Died,
    Stalled,
    ClientLeft,
}

/// Why a stream is cut short.
struct Cut {
    kind: RefusalKind,
    reason: &'static str,
    message: &'static str,
    fault: Fault,
}

const DIED: Cut = Cut {
    kind: RefusalKind::Unavailable,
    reason: "stream_died",
    message: "the provider's answer broke off before its end",
    fault: Fault::StreamBroken,
};

const STALLED: Cut = Cut {
    kind: RefusalKind::Timeout,
    reason: "stream_stalled",
    message: "the provider sent nothing more in time",
    fault: Fault::StreamBroken,
};

const LAST_CALL: Cut = Cut {
    kind: RefusalKind::Unavailable,
    reason: "shutdown",
    message: "the gateway is shutting down; send the request again",
    fault: Fault::Aborted,
};

impl Delivery<'_, '_> {
    /// A JSON answer that has been read to its end.
    async fn whole(mut self, mut held: Held, mut answer: Answer) -> Result<bool, Stop> {
        let mut body = answer.joined();
        let usage = self.job.dialect.read_usage(self.job.endpoint, &body);
        held.charged(usage);
        self.record.usage = usage;
        if self.job.creates || keeps_things(self.job.endpoint) {
            for id in dialect::resource_ids(self.job.endpoint, &body) {
                self.job.provider.resources.learn(&id, held.account());
            }
        }
        if let Some(rewritten) = self.rewritten(&body) {
            body = rewritten;
        }
        let mut head = self.head(&answer);
        set(
            &mut head,
            header::CONTENT_LENGTH,
            HeaderValue::from(body.len()),
        );
        let status = answer.status();
        self.job.end(held, Fault::None);
        answer.link.release().await;
        self.begin(head, status).await?;
        self.write(body, true).await?;
        self.record.ended(Outcome::Answered, status);
        Ok(true)
    }

    /// The answer with its results' address in our name, if it names one.
    fn rewritten(&self, body: &[u8]) -> Option<Bytes> {
        let public = self.job.public_base.as_deref()?;
        let upstream = &self.job.provider.upstream;
        let base = format!("{}{}", upstream.origin, upstream.path_prefix);
        dialect::rewrite_results_url(body, &base, public)
            .or_else(|| dialect::rewrite_results_url(body, &upstream.origin, public))
            .map(Bytes::from)
    }

    /// A stream of events, of which the beginning has been read.
    async fn stream(
        mut self,
        mut held: Held,
        mut answer: Answer,
        mut stream: Box<Stream>,
    ) -> Result<bool, Stop> {
        let mut head = self.head(&answer);
        self.chunk(&mut head, &answer);
        let status = answer.status();
        if self.begin(head, status).await.is_err() {
            return Err(self.stream_left(held, &stream));
        }
        let mut pieces = std::mem::take(&mut answer.pieces).into_iter();
        let mut ended = answer.ended;
        let cut = loop {
            if let Some(piece) = pieces.next() {
                let passed = stream.events.pass(piece);
                if self.write(passed, false).await.is_err() {
                    return Err(self.stream_left(held, &stream));
                }
                continue;
            }
            if ended {
                break self.missing_end(&stream);
            }
            if self.job.gateway.lifecycle.is_last_call() {
                break Some(LAST_CALL);
            }
            match self.next(&mut answer.link).await {
                Next::Piece(piece) => {
                    stream.reader.feed(&piece);
                    held.progressed(stream.reader.output_so_far());
                    let passed = stream.events.pass(piece);
                    if self.write(passed, false).await.is_err() {
                        return Err(self.stream_left(held, &stream));
                    }
                }
                Next::End => ended = true,
                Next::Died => break Some(DIED),
                Next::Stalled => break Some(STALLED),
                Next::ClientLeft => return Err(self.stream_left(held, &stream)),
            }
        };
        self.settle_stream(held, &stream, cut.as_ref().map(|cut| cut.fault));
        match cut {
            Some(cut) => self.cut_short(&stream, &cut, status).await,
            None => self.finish_stream(answer, &mut stream, status).await,
        }
    }

    /// A stream that ends without saying so was cut, however clean its end looks: SDKs would take
    /// what they have for the whole answer.
    fn missing_end(&self, stream: &Stream) -> Option<Cut> {
        let knows_its_end = self.job.dialect != Dialect::Generic;
        let complete = stream.reader.finished() || stream.reader.fault().is_some();
        (knows_its_end && !complete).then_some(DIED)
    }

    fn settle_stream(&mut self, mut held: Held, stream: &Stream, cut: Option<Fault>) {
        let usage = stream.reader.usage();
        held.charged(usage);
        self.record.usage = usage;
        for id in stream.reader.resource_ids() {
            self.job.provider.resources.learn(id, held.account());
        }
        // An error that comes after content is a broken stream, whatever it says.
        let reported = stream.reader.fault().map(|_| Fault::StreamBroken);
        self.job.end(held, cut.or(reported).unwrap_or(Fault::None));
    }

    fn stream_left(&mut self, held: Held, stream: &Stream) -> Stop {
        self.settle_stream(held, stream, Some(Fault::ClientLeft));
        Stop::ClientLeft
    }

    async fn finish_stream(
        mut self,
        answer: Answer,
        stream: &mut Stream,
        status: u16,
    ) -> Result<bool, Stop> {
        answer.link.release().await;
        self.write(stream.events.rest(), true).await?;
        if stream.reader.fault().is_some() {
            self.record.ended(Outcome::Broken, status);
            self.record.broke("provider_error_event");
        } else {
            self.record.ended(Outcome::Answered, status);
        }
        Ok(true)
    }

    /// Ends a stream in an error event and an end that nobody takes for a good one.
    async fn cut_short(self, stream: &Stream, cut: &Cut, status: u16) -> Result<bool, Stop> {
        let id = self.record.id;
        let event = stream
            .reader
            .error_event(cut.kind, cut.message, id.as_str());
        let _ = self.client.write(Bytes::from(event), false).await;
        self.client.abort().await;
        self.record.ended(Outcome::Broken, status);
        self.record.broke(cut.reason);
        Ok(false)
    }

    /// Any other answer, as it comes.
    async fn opaque(
        mut self,
        held: Option<Held>,
        mut answer: Answer,
        outcome: Outcome,
    ) -> Result<bool, Stop> {
        let mut head = self.head(&answer);
        self.chunk(&mut head, &answer);
        let status = answer.status();
        let mut forwarded = self.begin(head, status).await;
        let mut pieces = std::mem::take(&mut answer.pieces).into_iter();
        let mut ended = answer.ended;
        let fault = loop {
            if forwarded.is_err() {
                break Some(Fault::ClientLeft);
            }
            if let Some(piece) = pieces.next() {
                forwarded = self.write(piece, false).await;
                continue;
            }
            if ended {
                break None;
            }
            match self.next(&mut answer.link).await {
                Next::Piece(piece) => forwarded = self.write(piece, false).await,
                Next::End => ended = true,
                Next::Died | Next::Stalled => break Some(Fault::StreamBroken),
                Next::ClientLeft => break Some(Fault::ClientLeft),
            }
        };
        if let Some(held) = held {
            self.job.end(held, fault.unwrap_or(Fault::None));
        }
        match fault {
            None => {
                answer.link.release().await;
                self.write(Bytes::new(), true).await?;
                self.record.ended(outcome, status);
                Ok(true)
            }
            Some(Fault::ClientLeft) => Err(Stop::ClientLeft),
            Some(_) => {
                self.client.abort().await;
                self.record.ended(Outcome::Broken, status);
                self.record.broke(DIED.reason);
                Ok(false)
            }
        }
    }

    async fn next(&mut self, link: &mut Link) -> Next {
        let idle = self.job.gateway.settings.timeouts.stream_idle;
        self.deadline.restart(idle);
        tokio::select! {
            biased;
            read = link.read() => match read {
                Ok(Some(piece)) => Next::Piece(piece),
                Ok(None) => Next::End,
                Err(_) => Next::Died,
            },
            () = self.client.gone() => Next::ClientLeft,
            () = self.deadline.passed() => Next::Stalled,
        }
    }

    /// The answer's head, with what the gateway has to say.
    fn head(&self, answer: &Answer) -> ResponseHeader {
        let mut head = headers::incoming(answer.response());
        set(
            &mut head,
            headers::REQUEST_ID,
            self.record.id.header_value(),
        );
        set(
            &mut head,
            headers::ATTEMPTS,
            HeaderValue::from(self.record.attempts),
        );
        if self.record.fell_back
            && let Ok(served_by) = HeaderValue::from_str(&format!(
                "{}/{}",
                self.job.provider.id,
                self.record.model.as_deref().unwrap_or_default()
            ))
        {
            set(&mut head, headers::SERVED_BY, served_by);
        }
        if !self.record.waited.is_zero() {
            let waited = u64::try_from(self.record.waited.as_millis()).unwrap_or(u64::MAX);
            set(&mut head, headers::WAITED_MS, HeaderValue::from(waited));
        }
        head
    }

    /// Has a body of unknown length sent in chunks, so that its end can be told from a broken one.
    fn chunk(&self, head: &mut ResponseHeader, answer: &Answer) {
        let has_body = self.job.method != Method::HEAD
            && !matches!(
                answer.response().status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
            );
        let has_length = head.headers.contains_key(header::CONTENT_LENGTH);
        if has_body && !has_length && self.client.knows_chunks() {
            set(
                head,
                header::TRANSFER_ENCODING,
                HeaderValue::from_static("chunked"),
            );
        }
    }

    async fn begin(&mut self, head: ResponseHeader, status: u16) -> Result<(), Stop> {
        self.record.answering(status);
        self.client.write_head(head).await.map_err(left)
    }

    async fn write(&mut self, piece: Bytes, end: bool) -> Result<(), Stop> {
        self.client.write(piece, end).await.map_err(left)
    }
}

fn left(_: Left) -> Stop {
    Stop::ClientLeft
}

fn set(head: &mut ResponseHeader, name: header::HeaderName, value: HeaderValue) {
    // Cannot fail: both are valid already.
    let _ = head.insert_header(name, value);
}

/// Endpoints whose answers name things that only one account knows.
fn keeps_things(endpoint: Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::Batches | Endpoint::Files | Endpoint::Other
    )
}
