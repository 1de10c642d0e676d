//! Redis' protocol (RESP2, <https://redis.io/docs/latest/develop/reference/protocol-spec/>), as far as it is
//! needed: one question at a time, and its whole answer.
//!
//! Client libraries bring pools, retries and dozens of crates for their addresses; here one task asks one
//! server one question ten times a second, and what becomes of a failure is its own affair.

use std::io::{Error, ErrorKind};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::answer::{Incoming, Value};
use crate::runtime::dial::Socket;

/// What is read at a time.
const READ: usize = 64 << 10;

/// A connection to a server.
pub(super) struct Connection {
    socket: Box<dyn Socket>,
    incoming: Incoming,
}

impl Connection {
    pub(super) fn over(socket: Box<dyn Socket>) -> Self {
        Self {
            socket,
            incoming: Incoming::default(),
        }
    }

    /// Asks, and waits for the answer. After an error, or if this is dropped before it is done, the
    /// connection is of no use any more: what comes next might be an older question's answer.
    pub(super) async fn ask(&mut self, words: &[&[u8]]) -> Result<Value, Error> {
        self.socket.write_all(&question(words)).await?;
        self.socket.flush().await?;
        loop {
            if let Some(answer) = self.incoming.answer()? {
                return Ok(answer);
            }
            let bytes = &mut self.incoming.bytes;
            bytes.reserve(READ);
            if self.socket.read_buf(bytes).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn question(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_is_asked_and_its_answer_taken_and_no_more() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut connection = Connection::over(Box::new(near));
        let server = async {
            let mut asked = vec![0; b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n".len()];
            far.read_exact(&mut asked).await.expect("asked");
            assert_eq!(asked, b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
            far.write_all(b"$2\r\nhi\r\n:2\r\n").await.expect("told");
        };
        let (answer, ()) = tokio::join!(connection.ask(&[b"GET", b"a"]), server);
        assert_eq!(answer.expect("it came"), Value::Text("hi".to_owned()));
        assert_eq!(connection.incoming.bytes, b":2\r\n");
    }
}
