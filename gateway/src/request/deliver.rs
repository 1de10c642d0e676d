//! An answer on its way to the client.
//!
//! From here on nothing can be taken back: the request's body is let go, and what goes wrong goes
//! wrong in front of the client, in an end that nobody takes for a good one.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use keyweir_policy::dialect;
use keyweir_policy::fault::Fault;
use pingora_http::ResponseHeader;

use super::attempt::Answer;
use super::exchange::Job;
use super::opening::Watch;
use super::record::Record;
use super::settle::Held;
use super::stream::DIED;
use super::{Outcome, Stop};
use crate::downstream::client::{Client, Left};
use crate::headers;
use crate::runtime::deadline::Deadline;
use crate::upstream::Link;

/// Where an answer goes, and what is known of its request.
pub(crate) struct Delivery<'a, 'b> {
    pub(crate) job: &'b mut Job<'a>,
    pub(crate) client: &'b mut Client,
    pub(crate) record: &'b mut Record,
    pub(crate) deadline: &'b mut Deadline,
}

/// What the provider sent next.
pub(crate) enum Next {
    Piece(Bytes),
    End,
    Died,
    Stalled,
    ClientLeft,
}

impl Delivery<'_, '_> {
    /// Gives a good answer to the client, and settles its lease. `true`: all of it arrived.
    pub(crate) async fn deliver(
        mut self,
        held: Held,
        answer: Answer,
        watch: Watch,
    ) -> Result<bool, Stop> {
        self.job.let_go();
        self.job.learn_home(held.account());
        match watch {
            Watch::Whole => self.whole(held, answer).await,
            Watch::Stream(stream) => self.stream(held, answer, stream).await,
            // Boxed: files and results are few, and every request would carry its future.
            Watch::Opaque => {
                let answered = Outcome::Answered;
                Box::pin(self.opaque(Some(held), answer, answered)).await
            }
        }
    }

    /// Gives a provider's error to the client as it is; its lease has been settled. `true`: all of
    /// it arrived.
    pub(crate) async fn pass_through(mut self, answer: Answer) -> Result<bool, Stop> {
        self.job.let_go();
        let passed = Outcome::PassedThrough;
        Box::pin(self.opaque(None, answer, passed)).await
    }

    /// A JSON answer that has been read to its end.
    async fn whole(&mut self, mut held: Held, mut answer: Answer) -> Result<bool, Stop> {
        let mut body = answer.joined();
        let usage = self.job.dialect.read_usage(self.job.endpoint, &body);
        held.charged(usage);
        self.record.usage = usage;
        for id in dialect::resource_ids(self.job.endpoint, self.job.creates, &body) {
            self.job.provider.resources.learn(&id, held.account());
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

    /// Any other answer, as it comes.
    async fn opaque(
        &mut self,
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

    pub(crate) async fn next(&mut self, link: &mut Link) -> Next {
        let idle = self.job.gateway.settings.timeouts.stream_idle;
        self.deadline.restart(idle);
        tokio::select! {
            biased;
            read = link.read_joined() => match read {
                Ok(Some(piece)) => Next::Piece(piece),
                Ok(None) => Next::End,
                Err(_) => Next::Died,
            },
            () = self.client.gone() => Next::ClientLeft,
            () = self.deadline.passed() => Next::Stalled,
        }
    }

    /// The answer's head, with what the gateway has to say.
    pub(crate) fn head(&self, answer: &Answer) -> ResponseHeader {
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
    pub(crate) fn chunk(&self, head: &mut ResponseHeader, answer: &Answer) {
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

    pub(crate) async fn begin(&mut self, head: ResponseHeader, status: u16) -> Result<(), Stop> {
        self.record.answering(status);
        self.client.write_head(head).await.map_err(left)
    }

    pub(crate) async fn write(&mut self, piece: Bytes, end: bool) -> Result<(), Stop> {
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
