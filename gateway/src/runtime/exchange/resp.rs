//! Redis' protocol (RESP2, <https://redis.io/docs/latest/develop/reference/protocol-spec/>), as far as it is
//! needed: one question at a time, and its whole answer.
//!
//! Client libraries bring pools, retries and dozens of crates for their addresses; here one task asks one
//! server one question ten times a second, and what becomes of a failure is its own affair.

use std::io::{Error, ErrorKind};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::runtime::dial::Socket;

/// The largest answer: words of many gateways, each with a line for everything it has used of late.
const BYTES_MAX: usize = 64 << 20;
/// How deep lists may lie in lists.
const DEPTH_MAX: usize = 8;
/// What is read at a time.
const READ: usize = 64 << 10;

/// An answer, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Value>),
    /// What the server refuses, in its words: a code in capitals first.
    Refusal(String),
}

impl Value {
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }
}

/// A connection to a server.
pub(super) struct Connection {
    socket: Box<dyn Socket>,
    /// What was read and is no whole answer yet.
    read: Vec<u8>,
}

impl Connection {
    pub(super) fn over(socket: Box<dyn Socket>) -> Self {
        Self {
            socket,
            read: Vec::new(),
        }
    }

    /// Asks, and waits for the answer. After an error, or if this is dropped before it is done, the
    /// connection is of no use any more: what comes next might be an older question's answer.
    pub(super) async fn ask(&mut self, words: &[&[u8]]) -> Result<Value, Error> {
        self.socket.write_all(&question(words)).await?;
        self.socket.flush().await?;
        loop {
            let mut parts = Parts {
                bytes: &self.read,
                at: 0,
            };
            if let Some(value) = parts.value(0)? {
                let used = parts.at;
                self.read.drain(..used);
                return Ok(value);
            }
            if self.read.len() > BYTES_MAX {
                return Err(broken("an answer without an end"));
            }
            self.read.reserve(READ);
            if self.socket.read_buf(&mut self.read).await? == 0 {
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

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

/// Bytes that are read from the front.
struct Parts<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Parts<'_> {
    /// The next value; `None`: it is not whole yet.
    fn value(&mut self, depth: usize) -> Result<Option<Value>, Error> {
        if depth > DEPTH_MAX {
            return Err(broken("lists too deep in lists"));
        }
        let Some(line) = self.line() else {
            return Ok(None);
        };
        let (kind, rest) = line
            .split_at_checked(1)
            .ok_or_else(|| broken("an empty line"))?;
        let rest = String::from_utf8_lossy(rest).into_owned();
        let number = || rest.parse::<i64>().map_err(|_| broken("no number"));
        match kind {
            b"+" => Ok(Some(Value::Text(rest))),
            b"-" => Ok(Some(Value::Refusal(rest))),
            b":" => Ok(Some(Value::Number(number()?))),
            b"$" => self.bulk(number()?),
            b"*" => self.list(number()?, depth),
            _ => Err(broken("no answer of Redis")),
        }
    }

    fn bulk(&mut self, length: i64) -> Result<Option<Value>, Error> {
        let Ok(length) = usize::try_from(length) else {
            return Ok(Some(Value::Nothing));
        };
        if length > BYTES_MAX {
            return Err(broken("too long an answer"));
        }
        let Some(bytes) = self.bytes.get(self.at..self.at + length + 2) else {
            return Ok(None);
        };
        self.at += length + 2;
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        Ok(Some(Value::Text(text)))
    }

    fn list(&mut self, count: i64, depth: usize) -> Result<Option<Value>, Error> {
        let Ok(count) = usize::try_from(count) else {
            return Ok(Some(Value::Nothing));
        };
        // Each takes some bytes: a longer list is never whole.
        let mut list = Vec::with_capacity(count.min(self.bytes.len()));
        for _ in 0..count {
            match self.value(depth + 1)? {
                Some(value) => list.push(value),
                None => return Ok(None),
            }
        }
        Ok(Some(Value::List(list)))
    }

    fn line(&mut self) -> Option<&[u8]> {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        self.at += end + 2;
        Some(&rest[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Value>, Error> {
        Parts { bytes, at: 0 }.value(0)
    }

    #[test]
    fn answers_are_read_once_they_are_whole() {
        let answer = b"*5\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n*2\r\n+OK\r\n-ERR no\r\n*-1\r\n";
        let whole = Value::List(vec![
            Value::Number(-7),
            Value::Text("a\r\nbc".to_owned()),
            Value::Nothing,
            Value::List(vec![
                Value::Text("OK".to_owned()),
                Value::Refusal("ERR no".to_owned()),
            ]),
            Value::Nothing,
        ]);
        for end in 0..answer.len() {
            assert_eq!(read(&answer[..end]).expect("no mistake"), None, "{end}");
        }
        assert_eq!(read(answer).expect("right"), Some(whole));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let deep = "*1\r\n".repeat(100);
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"\r\n",
            b":x\r\n",
            b"$99999999999\r\n",
            deep.as_bytes(),
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        // A list that says to be endless takes no memory.
        assert_eq!(
            read(b"*9000000000000000000\r\n:1\r\n").expect("not yet"),
            None
        );
    }

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
        assert_eq!(connection.read, b":2\r\n");
    }
}
