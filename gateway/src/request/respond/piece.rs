//! Pieces of an answer: the next one from the provider, and writing it to the client.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::TryFutureExt as _;
use keyweir_policy::wire::stream::interruption::Interruption;

use crate::downstream::client::Left;
use crate::headers::AnswerHead;
use crate::request::answer::Answer;
use crate::request::exchange::Exchange;
use crate::request::record::Event;
use crate::request::stop::Stop;

/// What the provider sent next.
pub(super) enum Came {
    Piece(Bytes),
    End,
    /// Nothing more comes.
    Interrupted(Interruption),
    ClientLeft,
}

/// Waits at most `idle`, and no longer than the gateway has time: `last_called` resolves when that is over,
/// and is the same for all pieces, since to begin waiting for it costs more than to go on.
pub(super) async fn next(
    exchange: &mut Exchange<'_>,
    answer: &mut Answer,
    idle: Duration,
    last_called: Pin<&mut impl Future<Output = ()>>,
) -> Came {
    // Of a provider that is never silent, too.
    if exchange.gateway.lifecycle.is_last_call() {
        return Came::Interrupted(Interruption::LastCall);
    }
    exchange.deadline.restart(idle);
    tokio::select! {
        biased;
        read = answer.next() => match read {
            Ok(Some(piece)) => Came::Piece(piece),
            Ok(None) => Came::End,
            Err(_) => Came::Interrupted(Interruption::Died),
        },
        () = exchange.client.gone() => Came::ClientLeft,
        () = last_called => Came::Interrupted(Interruption::LastCall),
        () = exchange.deadline.passed() => Came::Interrupted(Interruption::Stalled),
    }
}

/// Writes the answer's head.
pub(crate) async fn begin(exchange: &mut Exchange<'_>, head: AnswerHead) -> Result<(), Stop> {
    let status = head.status.as_u16();
    exchange.record.on(Event::AnswerBegan { status });
    exchange.client.write_head(head.into()).await.map_err(left)
}

/// Writes a piece of the answer's body, the last one if `end`.
///
/// No `async fn`: each would move what it waits for, for every event of a stream.
pub(crate) fn write(
    exchange: &mut Exchange<'_>,
    piece: Bytes,
    end: bool,
) -> impl Future<Output = Result<(), Stop>> {
    exchange.client.write(piece, end).map_err(left)
}

fn left(_: Left) -> Stop {
    Stop::ClientLeft
}
