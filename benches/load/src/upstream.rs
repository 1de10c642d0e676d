//! The upstream behind everything that is measured: answers what it is told to, and nothing more.
//!
//! It is not the simulated provider on purpose. That one meters budgets, checks bodies and knows
//! dialects, at a price per request above that of the proxy under test; on two cores it would be
//! the bottleneck, and every ratio would be flattered towards 1. This one answers from text that
//! is ready, on one thread, and keeps no books but the attempts of requests made to fail.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use crate::answer_head::{Follows, Heads};
use crate::canned;
use crate::directive::{Directive, HEADER, StreamShape};
use crate::wire::{Head, Side, Wire};

/// Serves at `listen` until the process is ended.
pub(crate) async fn serve(listen: SocketAddr) -> io::Result<()> {
    serve_on(TcpListener::bind(listen).await?).await
}

async fn serve_on(listener: TcpListener) -> io::Result<()> {
    let upstream = Rc::new(Upstream::new());
    let accepting = async move {
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(serve_connection(Rc::clone(&upstream), stream));
        }
    };
    LocalSet::new().run_until(accepting).await
}

struct Upstream {
    heads: RefCell<Heads>,
    attempts: RefCell<HashMap<u64, Attempts>>,
    ready: Ready,
}

/// Answers that are the same every time, transfer coding and all.
struct Ready {
    message: Vec<u8>,
    opening: [Vec<u8>; 3],
    delta: Vec<u8>,
}

/// What is known of a request that was made to fail.
#[derive(Clone, Copy, Debug)]
struct Attempts {
    made: u32,
    body: Fingerprint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    bytes: u64,
    hash: [u8; 32],
}

/// A peer that leaves ends its connection, and that is all: the measuring side checks answers.
async fn serve_connection(upstream: Rc<Upstream>, stream: TcpStream) -> io::Result<()> {
    let mut wire = Wire::new(stream)?;
    while let Some(head) = wire
        .read_head(Side::Request, &[HEADER, "x-api-key"])
        .await?
    {
        let directive = head.wanted[0].as_deref().map(str::parse);
        let credential = head.wanted[1].as_deref().unwrap_or_default().to_owned();
        match directive {
            Some(Ok(Directive::Json)) => {
                wire.read_body(&head, |_| ()).await?;
                upstream
                    .message(&mut wire, 200, &credential, &upstream.ready.message)
                    .await?;
            }
            Some(Ok(Directive::Stream(shape))) => {
                wire.read_body(&head, |_| ()).await?;
                upstream.stream(&mut wire, &credential, shape).await?;
            }
            Some(Ok(Directive::FailFirst { id, statuses })) => {
                let body = fingerprint(&mut wire, &head).await?;
                let (status, text) = upstream.attempt(id, &statuses, body);
                upstream
                    .message(&mut wire, status, &credential, &text)
                    .await?;
            }
            Some(Err(_)) | None => {
                wire.read_body(&head, |_| ()).await?;
                upstream
                    .message(&mut wire, 400, &credential, &canned::error(400))
                    .await?;
            }
        }
    }
    Ok(())
}

impl Upstream {
    fn new() -> Self {
        let ready = Ready {
            message: canned::message(),
            opening: canned::stream_opening().map(|event| chunk(&event)),
            delta: chunk(&canned::plain_delta()),
        };
        Self {
            heads: RefCell::default(),
            attempts: RefCell::default(),
            ready,
        }
    }

    async fn message(
        &self,
        wire: &mut Wire,
        status: u16,
        credential: &str,
        body: &[u8],
    ) -> io::Result<()> {
        let follows = Follows::Json(body.len());
        let mut answer = self.heads.borrow_mut().make(status, credential, follows);
        answer.extend_from_slice(body);
        wire.stream.write_all(&answer).await
    }

    async fn stream(
        &self,
        wire: &mut Wire,
        credential: &str,
        shape: StreamShape,
    ) -> io::Result<()> {
        let head = self
            .heads
            .borrow_mut()
            .make(200, credential, Follows::Events);
        wire.stream.write_all(&head).await?;
        for event in &self.ready.opening {
            wire.stream.write_all(event).await?;
        }
        self.send_deltas(wire, shape).await?;
        for event in canned::stream_closing(shape.deltas) {
            wire.stream.write_all(&chunk(&event)).await?;
        }
        wire.stream.write_all(b"0\r\n\r\n").await
    }

    async fn send_deltas(&self, wire: &mut Wire, shape: StreamShape) -> io::Result<()> {
        // The first delta comes after a random share of a gap: streams that were opened together
        // must not all send in the same millisecond.
        let mut due = Instant::now() + shape.gap.mul_f64(fastrand::f64());
        for _ in 0..shape.deltas {
            if !shape.gap.is_zero() {
                sleep_until(due).await;
                due += shape.gap;
            }
            if shape.stamped {
                let stamped = chunk(&canned::stamped_delta(unix_nanos()));
                wire.stream.write_all(&stamped).await?;
            } else {
                wire.stream.write_all(&self.ready.delta).await?;
            }
        }
        Ok(())
    }

    /// Fails as often as was asked for, then answers; a body that differs from the first
    /// attempt's is an error no measurement accepts.
    fn attempt(&self, id: u64, statuses: &[u16], body: Fingerprint) -> (u16, Vec<u8>) {
        let mut attempts = self.attempts.borrow_mut();
        let known = attempts.entry(id).or_insert(Attempts { made: 0, body });
        known.made += 1;
        if known.body != body {
            return (400, canned::error(400));
        }
        match statuses.get(known.made as usize - 1) {
            Some(&status) => (status, canned::error(status)),
            None => (200, canned::attempt_message(known.made, body.bytes)),
        }
    }
}

fn chunk(event: &str) -> Vec<u8> {
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

async fn fingerprint(wire: &mut Wire, head: &Head) -> io::Result<Fingerprint> {
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    wire.read_body(head, |piece| {
        bytes += piece.len() as u64;
        hasher.update(piece);
    })
    .await?;
    Ok(Fingerprint {
        bytes,
        hash: hasher.finalize().into(),
    })
}

/// Nanoseconds since 1970: a clock that both ends of a measurement share.
pub(crate) fn unix_nanos() -> u64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canned::Exchange;
    use crate::client::{Client, ClientError};

    /// Runs `client`'s side against an upstream of its own.
    async fn against_upstream<F: Future<Output = Result<(), ClientError>>>(
        client: impl FnOnce(SocketAddr) -> F,
    ) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        tokio::select! {
            served = serve_on(listener) => panic!("the upstream ended: {served:?}"),
            done = client(address) => done.expect("right answers"),
        }
    }

    #[tokio::test]
    async fn answers_are_those_that_clients_expect() {
        against_upstream(|address| async move {
            let mut client = Client::connect(address).await?;
            for exchange in [
                canned::json(),
                canned::short_stream(Duration::ZERO),
                canned::short_stream(Duration::from_millis(1)),
                canned::json(),
            ] {
                client.exchange(&exchange).await?;
            }
            Ok(())
        })
        .await;
    }

    #[tokio::test]
    async fn a_request_made_to_fail_is_served_after_its_failures() {
        against_upstream(|address| async move {
            let exchange = canned::failing_first(7, &[529, 429], 1 << 20);
            let mut client = Client::connect(address).await?;
            assert_eq!(client.watch(&exchange.request, |_| ()).await?, 529);
            assert_eq!(client.watch(&exchange.request, |_| ()).await?, 429);
            client.exchange(&exchange).await?;
            Ok(())
        })
        .await;
    }

    #[tokio::test]
    async fn a_body_that_changes_between_attempts_is_refused() {
        against_upstream(|address| async move {
            let mut exchange = canned::failing_first(7, &[529], 1 << 20);
            let mut client = Client::connect(address).await?;
            assert_eq!(client.watch(&exchange.request, |_| ()).await?, 529);
            let last = exchange.request.len() - 10;
            exchange.request[last] ^= 1;
            assert_eq!(client.watch(&exchange.request, |_| ()).await?, 400);
            Ok(())
        })
        .await;
    }

    #[tokio::test]
    async fn another_answer_than_the_expected_is_an_error() {
        against_upstream(|address| async move {
            let wrong = Exchange {
                answer: b"else".to_vec(),
                ..canned::json()
            };
            let mut client = Client::connect(address).await?;
            let error = client.exchange(&wrong).await.expect_err("a wrong answer");
            assert!(matches!(
                error,
                ClientError::WrongAnswer { status: 200, .. }
            ));
            Ok(())
        })
        .await;
    }
}
