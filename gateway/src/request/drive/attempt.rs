//! One attempt: one key, one request sent, one answer's head read and classified.
//!
//! Everything here is raced against the client: when it leaves, whatever was going on is dropped,
//! and dropping it cancels it at the provider.

use std::sync::Arc;
use std::time::SystemTime;

use keyweir_policy::exchange::repeat::StaleConnections;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::classify::{self, Asked, BODY_BYTES_MAX, BODY_WITHIN};
use keyweir_policy::wire::opening::is_read;

use super::opening;
use super::tried::{Interrupted, Tried};
use crate::headers::Fields;
use crate::request::answer::{Answer, Watch};
use crate::request::exchange::Exchange;
use crate::request::lease::HeldLease;
use crate::request::record;
use crate::runtime::parts::ProviderKey;
use crate::upstream::{Link, LinkError, Uploaded};

/// Sends the request with the key of `held` and reads the answer as far as it must be known before
/// it can be given to the client.
pub(crate) async fn try_once(exchange: &mut Exchange<'_>, held: &mut HeldLease) -> Tried {
    let parts = exchange.provider().pool.parts.load();
    let key = parts.credential(held.key()).cloned();
    drop(parts);
    // Leases are sent at once, long before what is gone is gone from here too.
    let Some(key) = key else {
        return Tried::Failed(Fault::ConnectFailed, None);
    };
    let link = match send(exchange, held, &key).await {
        Ok(link) => link,
        Err(interrupted) => return interrupted.into(),
    };
    let mut answer = Answer::new(link, Arc::clone(&key.traces));
    let facts = &exchange.facts;
    // An error is read whatever it is about.
    if facts.method != http::Method::HEAD && (is_read(facts.endpoint) || answer.status() >= 400) {
        // Nobody has asked for another coding than can be undone: what came could be neither read, nor
        // counted, nor searched for the credential.
        if answer.decode().is_err() {
            return Tried::Failed(Fault::Broken { wait: None }, None);
        }
    }
    if classify::needs_body(facts.dialect, answer.status()) {
        return judge(exchange, held, answer).await;
    }
    let fields = Fields::of(&answer.response().headers);
    let header = |name: &str| fields.get(name);
    let snapshot = facts.dialect.snapshot(header);
    match classify(exchange, answer.status(), header, b"") {
        Fault::None => {
            held.answered(&snapshot);
            opening::open(exchange, held, answer).await
        }
        fault => {
            held.refused(snapshot);
            Tried::Failed(fault, Some(answer))
        }
    }
}

async fn send(
    exchange: &mut Exchange<'_>,
    held: &mut HeldLease,
    key: &ProviderKey,
) -> Result<Box<Link>, Interrupted> {
    let mut stale = StaleConnections::default();
    loop {
        let upstream = &exchange.provider().upstream;
        let opened = tokio::select! {
            biased;
            link = Link::open(upstream, stale.wants_new()) => link,
            () = exchange.client.gone() => return Err(Interrupted::ClientLeft),
        };
        let sent = match opened {
            Ok(link) => {
                exchange.provider().note_reached();
                send_on(exchange, held, link, key).await?
            }
            Err(error) => {
                exchange.provider().note_unreachable();
                Err(error)
            }
        };
        match sent {
            Ok(link) => return Ok(link),
            Err(LinkError::Stale(_)) if stale.may_follow() => {}
            Err(error) => return Err(Interrupted::Fault(fault_of(exchange, error))),
        }
    }
}

/// Sends the request on `link` and waits for the answer's head.
async fn send_on(
    exchange: &mut Exchange<'_>,
    held: &mut HeldLease,
    mut link: Box<Link>,
    key: &ProviderKey,
) -> Result<Result<Box<Link>, LinkError>, Interrupted> {
    exchange.record.on(record::Event::Connected {
        reused: link.reused(),
    });
    held.sent();
    let head = exchange
        .outgoing
        .head
        .with_credential((&key.header, &key.value), exchange.record.traceparent());
    let uploaded = tokio::select! {
        biased;
        uploaded = link.upload(head, exchange.outgoing.bytes()) => uploaded,
        () = exchange.client.gone() => return Err(Interrupted::ClientLeft),
    };
    match uploaded {
        Ok(Uploaded::Whole) => {}
        Ok(Uploaded::Answered) => return Ok(Ok(link)),
        Err(error) => return Ok(Err(error)),
    }
    let silence = exchange.silence_begins();
    exchange.deadline.restart(silence);
    tokio::select! {
        biased;
        head = link.head() => Ok(head.map(|()| link)),
        () = exchange.client.gone() => Err(Interrupted::ClientLeft),
        () = exchange.deadline.passed() => Err(Interrupted::Fault(Fault::TimedOut)),
    }
}

fn fault_of(exchange: &Exchange<'_>, error: LinkError) -> Fault {
    let (fault, text) = match error {
        LinkError::NotSent(text) | LinkError::Stale(text) => (Fault::ConnectFailed, text),
        LinkError::Unverified(text) => (Fault::Unverified, text),
        LinkError::Lost(text) => (Fault::ConnectionLost, text),
        LinkError::Malformed(text) => (Fault::Broken { wait: None }, text),
    };
    exchange.provider().note_error(&text);
    fault
}

fn classify<'a>(
    exchange: &Exchange<'_>,
    status: u16,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
) -> Fault {
    let asked = Asked {
        dialect: exchange.facts.dialect,
        endpoint: exchange.facts.endpoint,
        status,
    };
    classify::classify(&exchange.provider().rules, asked, header, body)
}

/// Says whose fault an answer is that has to be read for that.
async fn judge(exchange: &mut Exchange<'_>, held: &mut HeldLease, mut answer: Answer) -> Tried {
    let read = read_error(&mut answer);
    tokio::select! {
        biased;
        () = read => {}
        () = exchange.client.gone() => return Tried::ClientLeft,
    }
    let body = answer.body.joined();
    let facts = &exchange.facts;
    let fields = Fields::of(&answer.response().headers);
    // Where an error is not dated, a moment that it names is worth what our clock is.
    let now = httpdate::fmt_http_date(SystemTime::now());
    let header = |name: &str| match fields.get(name) {
        None if name == "date" => Some(now.as_str()),
        found => found,
    };
    let status = answer.status();
    held.refused(facts.dialect.snapshot_of_error(status, header, &body));
    let fault = classify(exchange, status, header, &body);
    answer.redact();
    match fault {
        Fault::None => Tried::Opened(answer, Watch::Opaque),
        fault => Tried::Failed(fault, Some(answer)),
    }
}

/// Reads the body of an error as far as it matters, or as far as it comes.
async fn read_error(answer: &mut Answer) {
    let _ = tokio::time::timeout(BODY_WITHIN, async {
        while !answer.ended && answer.body.len() < BODY_BYTES_MAX {
            if answer.read_piece().await.is_err() {
                return;
            }
        }
    })
    .await;
}
