//! An answer in Redis' protocol (RESP2), taken in as it comes.
//!
//! What has come is read once, however small its pieces are: where the answer stops short, it is known
//! which lists are open, and how much of them is there. Reading all of it anew with each piece would let a
//! server that talks fast or slowly keep a core busy.
//!
//! *Bounds:* bytes and parts of an answer, bytes of a line, and lists in lists; a size that is announced
//! takes no memory.

use std::io::{Error, ErrorKind};

/// The largest answer: words of many gateways, each with a line for everything it has used of late. Larger
/// ones could not be had within the time in which a gateway counts as alive.
const BYTES_MAX: usize = 32 << 20;
/// Values of an answer, those in lists included: most are budgets' fields and what has been spent of them.
const VALUES_MAX: usize = 2 << 20;
/// The longest line: a number, or a refusal in a sentence.
const LINE_MAX: usize = 16 << 10;
/// How deep lists may lie in lists.
const DEPTH_MAX: usize = 8;

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

/// What has come of an answer.
#[derive(Default)]
pub(super) struct Incoming {
    /// What was received; up to `at` it is read, and up to `searched` it has no end of the line at `at`.
    pub(super) bytes: Vec<u8>,
    at: usize,
    searched: usize,
    /// The lists that are open, the outermost first.
    open: Vec<Open>,
    /// A text that is to come now, of so many bytes.
    text: Option<usize>,
    values: usize,
}

/// A list that is not whole yet.
struct Open {
    missing: usize,
    values: Vec<Value>,
}

/// What a line begins.
enum Begun {
    Whole(Value),
    Text(usize),
    List(usize),
}

impl Incoming {
    /// The answer, once it is whole; what came after it is left for the next.
    ///
    /// # Errors
    /// If it is none, or beyond all bounds. Nothing that comes later is an answer then.
    pub(super) fn answer(&mut self) -> Result<Option<Value>, Error> {
        while let Some(value) = self.value()? {
            if let Some(answer) = self.place(value) {
                self.bytes.drain(..self.at);
                (self.at, self.searched, self.values) = (0, 0, 0);
                return Ok(Some(answer));
            }
        }
        if self.bytes.len() > BYTES_MAX {
            return Err(broken("RESP line too long"));
        }
        Ok(None)
    }

    /// The next value that is no list with anything in it; `None`: it is not whole yet.
    fn value(&mut self) -> Result<Option<Value>, Error> {
        loop {
            if let Some(length) = self.text {
                return Ok(self.take_text(length));
            }
            let Some(line) = self.line()? else {
                return Ok(None);
            };
            let begun = begun(&self.bytes[line])?;
            self.values += 1;
            if self.values > VALUES_MAX {
                return Err(broken("RESP reply too large: too many values"));
            }
            match begun {
                Begun::Whole(value) => return Ok(Some(value)),
                Begun::Text(length) if length > BYTES_MAX => {
                    return Err(broken("RESP reply too large"));
                }
                Begun::Text(length) => self.text = Some(length),
                Begun::List(0) => return Ok(Some(Value::List(Vec::new()))),
                Begun::List(_) if self.open.len() >= DEPTH_MAX => {
                    return Err(broken("RESP nesting too deep"));
                }
                Begun::List(missing) => {
                    let values = Vec::new();
                    self.open.push(Open { missing, values });
                }
            }
        }
    }

    /// Puts a value where it belongs. Returns the answer if it is whole with it.
    fn place(&mut self, mut value: Value) -> Option<Value> {
        loop {
            let Some(list) = self.open.last_mut() else {
                return Some(value);
            };
            list.values.push(value);
            list.missing -= 1;
            if list.missing > 0 {
                return None;
            }
            value = Value::List(self.open.pop()?.values);
        }
    }

    fn take_text(&mut self, length: usize) -> Option<Value> {
        let bytes = self.bytes.get(self.at..self.at + length + 2)?;
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        self.at += length + 2;
        (self.text, self.searched) = (None, self.at);
        Some(Value::Text(text))
    }

    /// Where the next line is.
    fn line(&mut self) -> Result<Option<std::ops::Range<usize>>, Error> {
        let rest = &self.bytes[self.searched..];
        let Some(found) = rest.windows(2).position(|pair| pair == b"\r\n") else {
            // The last byte may be the first of the two.
            self.searched = self.bytes.len().saturating_sub(1).max(self.at);
            return match self.searched - self.at > LINE_MAX {
                true => Err(broken("a line without an end")),
                false => Ok(None),
            };
        };
        let line = self.at..self.searched + found;
        self.at = line.end + 2;
        self.searched = self.at;
        match line.len() > LINE_MAX {
            true => Err(broken("a line without an end")),
            false => Ok(Some(line)),
        }
    }
}

fn begun(line: &[u8]) -> Result<Begun, Error> {
    let (kind, rest) = line
        .split_at_checked(1)
        .ok_or_else(|| broken("an empty line"))?;
    let rest = String::from_utf8_lossy(rest).into_owned();
    let number = || rest.parse::<i64>().map_err(|_| broken("no number"));
    // Less than nothing stands for nothing.
    let size = || number().map(|number| usize::try_from(number).ok());
    Ok(match kind {
        b"+" => Begun::Whole(Value::Text(rest)),
        b"-" => Begun::Whole(Value::Refusal(rest)),
        b":" => Begun::Whole(Value::Number(number()?)),
        b"$" => size()?.map_or(Begun::Whole(Value::Nothing), Begun::Text),
        b"*" => size()?.map_or(Begun::Whole(Value::Nothing), Begun::List),
        _ => return Err(broken("no answer of Redis")),
    })
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Value>, Error> {
        let mut incoming = Incoming {
            bytes: bytes.to_vec(),
            ..Incoming::default()
        };
        incoming.answer()
    }

    #[test]
    fn answers_are_read_once_they_are_whole_in_whatever_pieces_they_come() {
        let answer =
            b"*6\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n*2\r\n+OK\r\n-ERR no\r\n*-1\r\n*0\r\n+next\r\n";
        let rest = b"+next\r\n".len();
        let whole = Value::List(vec![
            Value::Number(-7),
            Value::Text("a\r\nbc".to_owned()),
            Value::Nothing,
            Value::List(vec![
                Value::Text("OK".to_owned()),
                Value::Refusal("ERR no".to_owned()),
            ]),
            Value::Nothing,
            Value::List(Vec::new()),
        ]);
        let end = answer.len() - rest;
        for cut in 0..end {
            let mut incoming = Incoming::default();
            incoming.bytes.extend_from_slice(&answer[..cut]);
            assert_eq!(incoming.answer().expect("no mistake"), None, "{cut}");
            incoming.bytes.extend_from_slice(&answer[cut..]);
            let read = incoming.answer().expect("right");
            assert_eq!(read.as_ref(), Some(&whole), "{cut}");
            let next = incoming.answer().expect("right");
            assert_eq!(next, Some(Value::Text("next".to_owned())), "{cut}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let deep = "*1\r\n".repeat(100);
        let long = format!("+{}", "x".repeat(2 * LINE_MAX));
        let ended = format!("-{}\r\n", "x".repeat(2 * LINE_MAX));
        let many = format!("*99999999\r\n{}", "*0\r\n".repeat(VALUES_MAX + 1));
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"\r\n",
            b":x\r\n",
            b"$99999999999\r\n",
            deep.as_bytes(),
            long.as_bytes(),
            ended.as_bytes(),
            many.as_bytes(),
        ] {
            let shown = &bytes[..bytes.len().min(40)];
            assert!(read(bytes).is_err(), "{shown:?}");
        }
        // A list that says to be endless takes no memory.
        assert_eq!(
            read(b"*9000000000000000000\r\n:1\r\n").expect("not yet"),
            None
        );
    }

    #[test]
    fn whatever_comes_is_the_same_in_one_piece_as_in_many() {
        let seed = 7;
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let right = b"*3\r\n:1\r\n*2\r\n$2\r\nab\r\n$-1\r\n-ERR no\r\n+OK\r\n";
        for _ in 0..20_000 {
            let mut bytes = right.to_vec();
            for _ in 0..random.usize(0..4) {
                let at = random.usize(0..bytes.len());
                bytes[at] = *random.choice(b"*$+-:0129\r\nx\xff").expect("some");
            }
            let whole = read(&bytes).map_err(|error| error.to_string());
            let mut incoming = Incoming::default();
            let mut pieces = Ok(None);
            let mut rest = &bytes[..];
            while let Ok(None) = &pieces
                && !rest.is_empty()
            {
                let (piece, after) = rest.split_at(random.usize(1..=rest.len()));
                incoming.bytes.extend_from_slice(piece);
                pieces = incoming.answer().map_err(|error| error.to_string());
                rest = after;
            }
            let shown = String::from_utf8_lossy(&bytes);
            assert_eq!(pieces, whole, "{shown:?}");
        }
    }

    #[test]
    fn every_byte_is_read_once() {
        let values = 100_000;
        let answer = format!("*{values}\r\n{}", "$1\r\nx\r\n".repeat(values));
        let mut incoming = Incoming::default();
        let (mut read_to, mut whole) = (0, None);
        for piece in answer.as_bytes().chunks(7) {
            incoming.bytes.extend_from_slice(piece);
            whole = incoming.answer().expect("right");
            if whole.is_none() {
                assert!(incoming.at >= read_to && incoming.searched >= incoming.at);
                // What is left to be looked at again is a piece of a line or of a text.
                assert!(incoming.bytes.len() - incoming.at < 8, "{}", incoming.at);
                read_to = incoming.at;
            }
        }
        let list = whole.and_then(|it| Some(it.list()?.len()));
        assert_eq!(list, Some(values));
    }
}
