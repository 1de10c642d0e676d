//! Reads the head of an HTTP/1.1 request, and gives it on only when it is whole.
//!
//! Pingora reads heads itself, but holds up to a megabyte of one, and parses it anew for each piece
//! in which it comes. Here every bound holds while bytes come in: nothing is parsed before the end
//! is there, each byte is looked at once, and a client that sends none holds no buffer. Pingora gets
//! the bytes as those of a pipelined request, and has nothing left to read.
//!
//! What Pingora would mend and nobody should have to guess is refused here, too: blanks and controls
//! in the target, which it percent-encodes.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use crate::downstream::client_socket::ClientSocket;
use crate::downstream::head_scan::{Scan, Unread};
use crate::downstream::strangers::holdings::HeadRoom;

/// Bytes read at once: a usual head, and a small body that comes with it, as Pingora has it.
const PIECE: usize = 4 * 1024;

/// How long the next request of a connection may take to arrive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For its first byte.
    pub(crate) idle: Duration,
    /// From its first byte to the end of its head.
    pub(crate) head: Duration,
}

/// Reads a head of at most `max` bytes, of which `ahead` has come already. Returns it with what has
/// come after it, whose framing `socket` looks at from then on.
///
/// # Errors
/// If it does not come, or is not one to be read.
pub(crate) async fn read(
    socket: &mut ClientSocket,
    ahead: BytesMut,
    patience: Patience,
    max: u64,
    room: HeadRoom,
) -> Result<BytesMut, Unread> {
    let mut bytes = ahead;
    socket.watch.expect_no_chunks();
    if bytes.is_empty() {
        let first = read_more(socket, &mut bytes);
        match tokio::time::timeout(patience.idle, first).await {
            Ok(Ok(1..)) => {}
            _ => return Err(Unread::Silent),
        }
    }
    let mut scan = Scan::new(usize::try_from(max).unwrap_or(usize::MAX));
    // Nearly always all of it has come.
    if !scan.finds_end(&mut bytes)? {
        read_rest(socket, &mut bytes, &mut scan, patience.head, room).await?;
    }
    if scan.is_coded() {
        let ahead = &bytes[scan.end()..];
        socket
            .watch
            .expect_chunks(ahead)
            .map_err(|_| Unread::Malformed)?;
    }
    Ok(bytes)
}

async fn read_rest(
    socket: &mut ClientSocket,
    bytes: &mut BytesMut,
    scan: &mut Scan,
    patience: Duration,
    mut room: HeadRoom,
) -> Result<(), Unread> {
    let until = Instant::now() + patience;
    loop {
        let read = tokio::time::timeout_at(until, read_more(socket, bytes)).await;
        let count = match read {
            Err(_) => return Err(Unread::Slow),
            Ok(Err(_)) => return Err(Unread::Silent),
            Ok(Ok(0)) => return Err(Unread::Malformed),
            Ok(Ok(count)) => count,
        };
        if scan.finds_end(bytes)? {
            return Ok(());
        }
        if bytes.len() > PIECE && !room.grow(count) {
            return Err(Unread::NoRoom);
        }
    }
}

/// Reads what there is into `bytes`, of which there is no buffer before something comes.
async fn read_more(socket: &mut ClientSocket, bytes: &mut BytesMut) -> std::io::Result<usize> {
    std::future::poll_fn(|context| poll_more(socket, context, bytes)).await
}

fn poll_more(
    socket: &mut ClientSocket,
    context: &mut Context<'_>,
    bytes: &mut BytesMut,
) -> Poll<std::io::Result<usize>> {
    let mut space = [MaybeUninit::uninit(); PIECE];
    let mut piece = ReadBuf::uninit(&mut space);
    ready!(Pin::new(socket).poll_read(context, &mut piece))?;
    bytes.extend_from_slice(piece.filled());
    Poll::Ready(Ok(piece.filled().len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downstream::client_socket::Received;
    use crate::downstream::strangers::Strangers;
    use tokio::io::AsyncWriteExt;

    const PATIENCE: Patience = Patience {
        idle: Duration::from_secs(5),
        head: Duration::from_secs(2),
    };

    async fn read_pieces(pieces: &[&[u8]], max: u64) -> Result<BytesMut, Unread> {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let writing = tokio::spawn(async move {
            for piece in pieces {
                let _ = client.write_all(&piece).await;
                tokio::task::yield_now().await;
            }
            client
        });
        let room = Strangers::new(1, 1).enter(None).head_room();
        let mut socket = ClientSocket::new(Box::new(server), Received::default());
        let read = read(&mut socket, BytesMut::new(), PATIENCE, max, room).await;
        drop(writing.await);
        read
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_given_on_whole_with_what_comes_after_it() {
        let whole: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
        assert_eq!(read_pieces(&[whole], 100).await.as_deref(), Ok(whole));
        let head = &whole[..whole.len() - 4];
        let bytes: Vec<_> = head.chunks(1).collect();
        assert_eq!(read_pieces(&bytes, 100).await.as_deref(), Ok(head));
        let blank: &[u8] = b"\r\n\n";
        assert_eq!(read_pieces(&[blank, head], 100).await.as_deref(), Ok(head));
    }

    #[tokio::test(start_paused = true)]
    async fn bounds_hold_while_a_head_is_read() {
        let long = b"x".repeat(200);
        let unread = |pieces: Vec<&'static [u8]>| async move {
            read_pieces(&pieces, 100).await.expect_err("it is refused")
        };
        assert_eq!(unread(vec![b"GET / HTTP/1.1\r\n"]).await, Unread::Slow);
        let long: &'static [u8] = long.leak();
        assert_eq!(
            unread(vec![b"GET / HTTP/1.1\r\na: ", long]).await,
            Unread::TooLarge
        );
        assert_eq!(unread(vec![long]).await, Unread::Method);
        assert_eq!(
            unread(vec![&long[..33], b" / HTTP/1.1\r\n"]).await,
            Unread::Method
        );
    }
}
