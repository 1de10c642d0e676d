//! Whether anything has come on an idle connection that nobody has read: its end, or an answer that nobody
//! asked for, which the next client would get for its own.
//!
//! Pingora looks before it takes a connection, but by what the runtime knows, and that is what the system
//! told it when it last waited for events: on a busy worker some time ago. So the system itself is asked,
//! at the last moment before a request is written.
#![expect(
    unsafe_code,
    reason = "Pingora tells a connection's descriptor as a number only"
)]

use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use pingora_core::protocols::Stream;
use socket2::SockRef;

/// Whether nothing is there to be read.
pub(super) fn is_quiet(stream: &Stream) -> bool {
    // SAFETY: the descriptor is the stream's, which is borrowed as long as this is.
    let socket = unsafe { BorrowedFd::borrow_raw(stream.id()) };
    // The runtime's sockets never block.
    let peeked = SockRef::from(&socket).peek(&mut [MaybeUninit::uninit()]);
    peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use pingora_core::protocols::l4::stream::Stream as Socket;

    use super::*;

    #[tokio::test]
    async fn what_has_just_come_is_seen_before_the_runtime_hears_of_it() {
        for last_words in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("bound");
            let socket = tokio::net::TcpStream::connect(address).await;
            let stream: Stream = Box::new(Socket::from(socket.expect("connected")));
            let (mut provider, _) = listener.accept().expect("it came");
            assert!(is_quiet(&stream));

            provider.write_all(last_words).expect("written");
            drop(provider);

            assert!(!is_quiet(&stream));
        }
    }
}
