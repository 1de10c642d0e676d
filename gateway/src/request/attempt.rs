//! One attempt: one key, one request sent, one answer's head read and judged.
//!
//! Everything here is raced against the client: when it leaves, whatever was going on is dropped,
//! and dropping it cancels it at the provider.

use std::time::Duration;

use bytes::Bytes;
use keyweir_policy::classify::{self, BODY_BYTES_MAX};
use keyweir_policy::fault::Fault;
use pingora_http::ResponseHeader;

use super::exchange::Job;
use super::opening::{self, Watch};
use super::settle::Held;
use crate::downstream::client::Client;
use crate::headers::Fields;
use crate::runtime::deadline::Deadline;
use crate::upstream::{Link, LinkError, Uploaded};

/// Idle connections that may turn out to be closed before a new one is made. Stale connections come
/// in numbers: a provider that restarts closes all of them.
const STALE_MAX: usize = 2;

/// How long the body of an error is waited for before it is judged by what has come.
const ERROR_BODY: Duration = Duration::from_secs(1);

/// An answer whose head has been read, and perhaps some of its body.
pub(crate) struct Answer {
    pub(crate) link: Box<Link>,
    /// What has been read of the body.
    pub(crate) pieces: Vec<Bytes>,
    /// That is all of it.
    pub(crate) ended: bool,
}

/// How an attempt went.
pub(crate) enum Tried {
    /// Well, so far: this is to be given to the client.
    Opened(Answer, Watch),
    /// Not well. The answer, if there was one.
    Failed(Fault, Option<Answer>),
    /// There is nobody left to try for.
    ClientLeft,
}

impl Answer {
    pub(crate) fn response(&self) -> &ResponseHeader {
        self.link
            .response()
            .expect("an answer's head has been read")
    }

    pub(crate) fn status(&self) -> u16 {
        self.response().status.as_u16()
    }

    /// Reads the next piece into [`Self::pieces`].
    pub(crate) async fn read_piece(&mut self) -> Result<(), LinkError> {
        match self.link.read().await? {
            Some(piece) => {
                self.pieces.push(piece);
                self.ended = self.link.done();
            }
            None => self.ended = true,
        }
        Ok(())
    }

    /// Bytes of the body read so far.
    pub(crate) fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// All that has been read, in one piece.
    pub(crate) fn joined(&mut self) -> Bytes {
        if self.pieces.len() > 1 {
            let joined = Bytes::from(self.pieces.concat());
            self.pieces.clear();
            self.pieces.push(joined);
        }
        self.pieces.first().cloned().unwrap_or_default()
    }
}

/// Sends the job's request with the key of `held` and reads the answer as far as it must be known
/// before it can be given to the client.
pub(crate) async fn try_once(
    job: &Job<'_>,
    held: &mut Held,
    client: &mut Client,
    deadline: &mut Deadline,
) -> Tried {
    let link = match send(job, held, client, deadline).await {
        Ok(link) => link,
        Err(Interrupted::ClientLeft) => return Tried::ClientLeft,
        Err(Interrupted::Fault(fault)) => return Tried::Failed(fault, None),
    };
    let mut answer = Answer {
        link,
        pieces: Vec::new(),
        ended: false,
    };
    answer.ended = answer.link.done();
    if answer.response().status.is_success() {
        let fields = Fields::of(&answer.response().headers);
        let snapshot = job.dialect.snapshot(|name: &str| fields.get(name));
        held.answered(&snapshot);
        return opening::open(job, answer, client, deadline).await;
    }
    judge(job, held, answer, client).await
}

/// Why an attempt has no answer.
enum Interrupted {
    Fault(Fault),
    ClientLeft,
}

async fn send(
    job: &Job<'_>,
    held: &mut Held,
    client: &mut Client,
    deadline: &mut Deadline,
) -> Result<Box<Link>, Interrupted> {
    let mut stale = 0;
    loop {
        let opened = tokio::select! {
            biased;
            link = Link::open(&job.provider.upstream, stale == STALE_MAX) => link,
            () = client.gone() => return Err(Interrupted::ClientLeft),
        };
        let sent = match opened {
            Ok(link) => exchange(job, held, link, client, deadline).await?,
            Err(error) => Err(error),
        };
        match sent {
            Ok(link) => return Ok(link),
            Err(LinkError::Stale(_)) if stale < STALE_MAX => stale += 1,
            Err(error) => return Err(job.trouble(error)),
        }
    }
}

async fn exchange(
    job: &Job<'_>,
    held: &mut Held,
    mut link: Box<Link>,
    client: &mut Client,
    deadline: &mut Deadline,
) -> Result<Result<Box<Link>, LinkError>, Interrupted> {
    let connects = if link.reused() {
        &job.metrics.reused
    } else {
        &job.metrics.connected
    };
    connects.inc();
    held.sent();
    let key = job.provider.key(held.key());
    let head = job.head.with_credential(&key.header, &key.value);
    let uploaded = tokio::select! {
        biased;
        uploaded = link.upload(head, job.bytes()) => uploaded,
        () = client.gone() => return Err(Interrupted::ClientLeft),
    };
    match uploaded {
        Ok(Uploaded::Whole) => {}
        Ok(Uploaded::Answered) => return Ok(Ok(link)),
        Err(error) => return Ok(Err(error)),
    }
    deadline.restart(job.gateway.settings.timeouts.head);
    tokio::select! {
        biased;
        head = link.head() => Ok(head.map(|()| link)),
        () = client.gone() => Err(Interrupted::ClientLeft),
        () = deadline.passed() => Err(Interrupted::Fault(Fault::TimedOut)),
    }
}

impl Job<'_> {
    fn trouble(&self, error: LinkError) -> Interrupted {
        let (fault, text) = match error {
            LinkError::NotSent(text) | LinkError::Stale(text) => (Fault::ConnectFailed, text),
            LinkError::Lost(text) => (Fault::ConnectionLost, text),
            LinkError::Malformed(text) => (Fault::Broken { wait: None }, text),
        };
        self.provider.complain(&text);
        Interrupted::Fault(fault)
    }
}

/// Says whose fault an answer other than a success is.
async fn judge(job: &Job<'_>, held: &mut Held, mut answer: Answer, client: &mut Client) -> Tried {
    if classify::needs_body(job.dialect, answer.status()) {
        let read = read_error(&mut answer);
        tokio::select! {
            biased;
            () = read => {}
            () = client.gone() => return Tried::ClientLeft,
        }
    }
    let body = answer.joined();
    let fields = Fields::of(&answer.response().headers);
    let header = |name: &str| fields.get(name);
    held.refused(job.dialect.snapshot(header));
    let fault = classify::classify(job.dialect, job.endpoint, answer.status(), header, &body);
    match fault {
        Fault::None => Tried::Opened(answer, Watch::Opaque),
        fault => Tried::Failed(fault, Some(answer)),
    }
}

/// Reads the body of an error as far as it matters, or as far as it comes.
async fn read_error(answer: &mut Answer) {
    let _ = tokio::time::timeout(ERROR_BODY, async {
        while !answer.ended && answer.len() < BODY_BYTES_MAX {
            if answer.read_piece().await.is_err() {
                return;
            }
        }
    })
    .await;
}
